//! Every bound that is a constant, in one place, with the answer a caller gets when it is exceeded.
//!
//! Bounds that depend on the machine (tasks, connections, instances, the size of a call) are capacities instead: the
//! lengths of the slices that the host lends.

/// Smallest fragment that is negotiated; an offer of less gets this.
pub const FRAGMENT_MIN: u16 = 2048;
/// Largest fragment that a host may have room for; an offer of more than it has gets what it has. A longer fragment closes
/// the connection.
pub const FRAGMENT_MAX: u16 = 5840;
/// Smallest fragment that is accepted from a server, as a client.
pub const FRAGMENT_CLIENT_MIN: u16 = 1432;
/// Presentation contexts of one connection; further ones are rejected with local limit exceeded.
pub const PRESENTATION_CONTEXTS: usize = 8;
/// Security contexts of one connection; a bind or alter context for one more gets a fault or a nak. Each takes 800 bytes of
/// every connection on a machine of 32 bits.
pub const SECURITY_CONTEXTS: usize = 2;
/// Bytes of an authentication token; a longer one is refused as unreadable. A Kerberos ticket that Windows offers first, and
/// that is ignored, may fill a fragment.
pub const AUTH_TOKEN: usize = FRAGMENT_MAX as usize;
/// Bytes of a client's first NTLM message, which is kept until its last; a longer one is refused.
pub const NTLM_NEGOTIATE: usize = 256;
/// Bytes of UTF-8 of the user name in an NTLM message; a longer one names nobody.
pub const NTLM_USER: usize = 256;
/// Bytes of a client's SPNEGO list of mechanisms, which is kept for its signature; a longer one is refused.
pub const SPNEGO_MECHANISMS: usize = 128;
/// Milliseconds in which a connection must have bound; it is closed then.
pub const BIND_TIME: u64 = 30_000;
/// Milliseconds in which a call of several fragments must be complete; the connection is closed then.
pub const CALL_TIME: u64 = 30_000;
/// Milliseconds a connection may be silent between calls; it is closed then.
pub const IDLE_TIME: u64 = 3_600_000;
/// The same for a connection on which nobody is logged in: it is one of those that others are waiting for.
pub const STRANGER_IDLE_TIME: u64 = 60_000;
/// Milliseconds after which a connection on which nobody is logged in makes room, where there are few and all are taken.
pub const STRANGER_TIME: u64 = 2_000;

/// UTF-16 code units of a path; a longer one gets `E_INVALID_NAME`.
pub const PATH_UNITS: usize = 260;
/// Bytes of UTF-8 of a path.
pub const PATH_BYTES: usize = 3 * PATH_UNITS;
/// Levels of folders in a path; a deeper one gets `E_INVALID_NAME`.
pub const PATH_LEVELS: usize = 32;

/// Bytes of the languages that a client asks for; of a longer list the first that fit are looked at.
pub const LANGUAGES: usize = 256;
/// UTF-16 code units of a task XML; a longer one gets `E_OUTOFMEMORY`.
pub const XML_UNITS: usize = 512 * 1024;
/// Bytes of heap that reading a task XML takes at most for each of its bytes in UTF-8, the text itself among them: 10 on a machine
/// of 32 bits, and twice that where words are twice as long. A text that would take more gets `E_OUTOFMEMORY`, and nothing of
/// it is left. It is what a text is made of that takes heap: each node takes 52 bytes on a machine of 32 bits and 76 on one of
/// 64, so that a text of nothing but `<a/>` gets this answer from a kilobyte on, on one of 64 from 30, denser ones from 12, and
/// half a megabyte of longer elements does not. The answer has no place, and comes where the text broke no other bound: those on nodes, nesting and attributes are looked at before, and tell
/// the place.
pub const XML_HEAP_PER_BYTE: usize = if size_of::<usize>() > 4 { 20 } else { 10 };
/// Bytes that a shorter task XML counts as there: whatever the text is, the parser takes a kilobyte and a quarter on a machine of
/// 32 bits, twice that on one of 64, and a short text is made of little but elements. Where memory is not scarce that may be any
/// text that is short.
pub const XML_HEAP_SHORTEST: usize = if size_of::<usize>() > 4 { 32 * 1024 } else { 1024 };
/// Nodes of a task XML: elements, comments, instructions, sections and the pieces of text between them, but for white space that
/// says nothing; a comment, an instruction or a section counts as two. The first one more gets `SCHED_E_MALFORMEDXML`, however short they are: a text of so many would otherwise get
/// the answer of [`XML_HEAP_PER_BYTE`] only where it is dense.
pub const XML_NODES: u32 = 65_536;
/// Nesting of a task XML; a deeper one gets `SCHED_E_MALFORMEDXML`.
pub const XML_DEPTH: usize = 64;
/// Declarations of namespaces of a whole task XML, because each element may inherit them all; more get `SCHED_E_MALFORMEDXML`, and
/// `SCHED_E_TOO_MANY_NODES` where it is only the normalised form that would have more.
pub const XML_NAMESPACES: usize = 64;
/// Attributes of one element of a task XML; more get `SCHED_E_MALFORMEDXML`.
pub const XML_ATTRIBUTES: usize = 32;
/// Principals of a task; more get `SCHED_E_TOO_MANY_NODES`.
pub const PRINCIPALS: usize = 32;
/// RequiredPrivileges of a principal, section 2.5.6; more get `SCHED_E_TOO_MANY_NODES`.
pub const PRIVILEGES: usize = 64;
/// Triggers of a task, section 2.5.3; more get `SCHED_E_TOO_MANY_NODES`.
pub const TRIGGERS: usize = 48;
/// ValueQueries of an EventTrigger, section 2.5.3.6; more get `SCHED_E_TOO_MANY_NODES`.
pub const VALUE_QUERIES: usize = 32;
/// Actions of a task, section 2.5.7; more get `SCHED_E_TOO_MANY_NODES`.
pub const ACTIONS: usize = 32;
/// HeaderFields of a mail, section 2.5.7.3; more get `SCHED_E_TOO_MANY_NODES`.
pub const HEADER_FIELDS: usize = 32;
/// Attachments of a mail, section 2.5.7.3; more get `SCHED_E_TOO_MANY_NODES`.
pub const ATTACHMENTS: usize = 8;

/// Bytes of the answer to an enumeration, or to a request for run times, as on Windows; what does not fit is left for the next
/// call, with `S_FALSE`. A host that lends less room for replies answers with less.
pub const ENUMERATION: usize = 65_536;
/// Arguments of one `SchRpcRun`; more get `E_INVALIDARG`.
pub const RUN_ARGUMENTS: usize = 32;
/// Bytes of UTF-8 of all arguments of one `SchRpcRun`; more get `E_OUTOFMEMORY`.
pub const RUN_ARGUMENT_BYTES: usize = 512;
/// Runs of one task that its policy keeps waiting; a further one is dropped and told as dropped.
pub const QUEUED_RUNS: u8 = 16;
/// Milliseconds between asking an instance to stop and stopping it for good.
pub const STOP_TIME: u64 = 5_000;
/// Milliseconds by which a step of the clock may pass over an occurrence that then runs late; one that was passed over by more
/// is not run. After a stall of the host the occurrence that was due runs however late it is, and of those behind it the
/// ones that are late by no more than this.
pub const LATE_TIME: u64 = 60_000;
/// Milliseconds by which the wall clock may go another way than the monotonic one between two ticks; after more every task is armed
/// anew, though nobody reported a step.
pub const STEP_TIME: u64 = 100;
/// Milliseconds after the server came up in which nothing starts that was missed.
pub const QUIET_TIME: u64 = 60_000;
/// Milliseconds between starts of what was missed.
pub const SPREAD_TIME: u64 = 5_000;
/// Tasks with event triggers that are noted, so that an event looks at no others; with more of them it looks at every task.
pub const LISTENERS: usize = 8;
/// The hour of local time at which the regular maintenance period begins.
pub const MAINTENANCE_HOUR: u8 = 2;
/// Milliseconds that it lasts.
pub const MAINTENANCE_TIME: u64 = 3_600_000;
/// Tasks that one tick fires; further ones are due at once for the next tick, so that calls are answered in between.
pub const FIRINGS_PER_TICK: usize = 32;
/// Members of a group that one firing of a task runs for; for others it is skipped.
pub const MEMBERS: usize = 32;
/// Milliseconds after a record of the history in which what happens waits for more of it.
pub const HISTORY_TIME: u64 = 300_000;
/// Records of the history that one call looks at; the next call goes on.
pub const HISTORY_PER_CALL: u32 = 256;
/// Missed occurrences of one task that are counted; there may have been more.
pub const MISSED_COUNTED: u32 = 1_000;
/// Milliseconds until something that the store refused is tried again.
pub const RETRY_TIME: u64 = 1_000;
/// Events kept for the host until it fetches them, those of one tick; further ones are counted as lost.
pub const EVENTS: usize = FIRINGS_PER_TICK;
/// The same of connections: logins, and connections that were closed.
pub const CONNECTION_EVENTS: usize = 16;

/// Transitions of a time zone, which is more than any zone of the IANA database has (Gaza: 307); a host that meets a longer
/// file is told how much room it needs.
pub const ZONE_TRANSITIONS: usize = 512;

/// Bytes of a query on events; a longer one is refused.
pub const QUERY_BYTES: usize = 16_384;
/// Steps, predicates, parentheses and conditions of a query on events that lie in one another; deeper ones are refused. Those
/// that the consoles of Windows make have 8. Each takes up to 700 bytes of the stack of a microcontroller.
pub const QUERY_DEPTH: usize = 16;
/// Terms of a query on events, each a comparison or what stands alone, in all of its filters; more are refused. Windows takes
/// about 20 of one filter.
pub const QUERY_TERMS: usize = 256;
/// Predicates of one step; more are refused.
pub const QUERY_PREDICATES: usize = 4;
/// Data, and elements of UserData, that queries see of an event; further ones are not looked at.
pub const EVENT_FIELDS: usize = 256;
/// Attributes of an element of UserData that queries see; further ones are not looked at.
pub const EVENT_ATTRIBUTES: usize = 16;

/// Bytes of a security descriptor, self-relative; a longer one is refused, and a call that brings it gets `E_INVALIDARG`. With SIDs
/// of a domain it has room for 110 ACEs; those of real tasks have up to 6.
pub const SECURITY_DESCRIPTOR: usize = 4096;
/// ACEs of one access control list; a descriptor with more is refused, and a call that brings it gets `E_INVALIDARG`.
pub const ACES: usize = 128;
