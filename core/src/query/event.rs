//! What a port tells about an event, and the XML tree that queries see in it.

use core::fmt;

use crate::{
    guid::Guid,
    limits::{EVENT_ATTRIBUTES, EVENT_FIELDS},
    sid::Sid,
    time::Timestamp,
};

/// An event of a log, [MS-EVEN6] 2.2.13, as a port hands it in: borrowed, and nothing of it is kept.
///
/// Only the channel and the identifier must be there. What is left out is an element or attribute that the event does not have.
///
/// ```
/// use mainspring::query::{Event, Query};
///
/// let event = Event {
///     provider: Some("Service Control Manager"),
///     data: &[("param1", "Print Spooler"), ("param2", "stopped")],
///     ..Event::new("System", 7036)
/// };
/// let query = Query::parse("*[System[EventID=7036] and EventData[Data[@Name='param2']='stopped']]")?;
/// assert!(query.matches(&event, None));
/// # Ok::<(), mainspring::query::QueryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'e> {
    /// System/Channel: the log that the event is in, such as `System`. Letter case is looked at by expressions, but not where a
    /// query names its channel.
    pub channel: &'e str,
    /// System/EventID.
    pub id: u16,
    /// System/EventID/@Qualifiers.
    pub qualifiers: Option<u16>,
    /// System/Provider/@Name: who raised the event.
    pub provider: Option<&'e str>,
    /// System/Provider/@Guid.
    pub provider_guid: Option<Guid>,
    /// System/Provider/@EventSourceName.
    pub source: Option<&'e str>,
    /// System/Version.
    pub version: Option<u8>,
    /// System/Level: 1 critical, 2 error, 3 warning, 4 information, 5 verbose, 0 always logged.
    pub level: Option<u8>,
    /// System/Task: a category of the provider's own.
    pub task: Option<u16>,
    /// System/Opcode.
    pub opcode: Option<u8>,
    /// System/Keywords: a set of bits.
    pub keywords: Option<u64>,
    /// System/TimeCreated/@SystemTime, in milliseconds of UTC.
    pub created: Option<Timestamp>,
    /// System/EventRecordID: the number of the event in its log.
    pub record: Option<u64>,
    /// System/Correlation/@ActivityID.
    pub activity: Option<Guid>,
    /// System/Correlation/@RelatedActivityID.
    pub related_activity: Option<Guid>,
    /// System/Execution/@ProcessID.
    pub process: Option<u32>,
    /// System/Execution/@ThreadID.
    pub thread: Option<u32>,
    /// System/Computer: the name of the machine.
    pub computer: Option<&'e str>,
    /// System/Security/@UserID.
    pub user: Option<Sid>,
    /// EventData: each Data as its Name and its value, in their order. An empty name is none. With no Data at all the event has
    /// no EventData. At most [`EVENT_FIELDS`] are looked at.
    pub data: &'e [(&'e str, &'e str)],
    /// UserData: the elements in it, each before those that it holds. With none the event has no UserData. At most
    /// [`EVENT_FIELDS`] are looked at.
    pub user_data: &'e [Element<'e>],
}

/// An element of an event's UserData.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'e> {
    /// How many elements of UserData hold it: 0 at the top. The last element before it that is less deep holds it, and must be
    /// less deep by one; otherwise it is not seen.
    pub depth: u8,
    /// The name without a prefix.
    pub name: &'e str,
    /// The characters that it holds itself.
    pub text: &'e str,
    /// Names and values of its attributes. At most [`EVENT_ATTRIBUTES`] are looked at.
    pub attributes: &'e [(&'e str, &'e str)],
}

impl<'e> Event<'e> {
    /// One that has a channel and an identifier, and nothing else.
    #[must_use]
    pub const fn new(channel: &'e str, id: u16) -> Self {
        Self {
            channel,
            id,
            qualifiers: None,
            provider: None,
            provider_guid: None,
            source: None,
            version: None,
            level: None,
            task: None,
            opcode: None,
            keywords: None,
            created: None,
            record: None,
            activity: None,
            related_activity: None,
            process: None,
            thread: None,
            computer: None,
            user: None,
            data: &[],
            user_data: &[],
        }
    }
}

/// A value of an event, in the type that it has there. It is displayed as [MS-EVEN6] 2.2.12.3 writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'e> {
    /// Text, which may spell a value of another type.
    Text(&'e str),
    /// An unsigned number, in decimal digits.
    Number(u64),
    /// Bits, in hexadecimal digits behind `0x`.
    Bits(u64),
    /// A moment, as `2006-10-20T03:23:54.248Z`. One that no date can be made of is not displayed.
    Moment(Timestamp),
    /// A GUID, in braces.
    Guid(Guid),
    /// A security identifier.
    Sid(&'e Sid),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bits(bits) => write!(f, "{bits:#x}"),
            Self::Moment(moment) => {
                let Some((civil, millisecond)) = moment.civil() else { return Ok(()) };
                write!(f, "{:04}-{:02}-{:02}T", civil.year, civil.month, civil.day)?;
                write!(f, "{:02}:{:02}:{:02}.{millisecond:03}Z", civil.hour, civil.minute, civil.second)
            }
            Self::Guid(guid) => write!(f, "{{{guid}}}"),
            Self::Sid(sid) => write!(f, "{sid}"),
        }
    }
}

/// A node of the tree that a query walks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node<'e> {
    /// What holds the event, and has no name.
    Root,
    /// Event.
    Event,
    /// System.
    System,
    /// An element of System, by its place in [`FIELDS`].
    Field(usize),
    /// EventData.
    EventData,
    /// Data, by its place.
    Data(usize),
    /// UserData.
    UserData,
    /// An element in it, by its place.
    Element(usize),
    /// An attribute or a text.
    Leaf(Value<'e>),
}

/// The elements of System, in the order of the schema.
const FIELDS: [&str; 14] = [
    "Provider",
    "EventID",
    "Version",
    "Level",
    "Task",
    "Opcode",
    "Keywords",
    "TimeCreated",
    "EventRecordID",
    "Correlation",
    "Execution",
    "Channel",
    "Computer",
    "Security",
];

/// The first so many of a port's list.
fn bounded<T>(list: &[T]) -> &[T] {
    list.get(..EVENT_FIELDS).unwrap_or(list)
}

impl<'e> Event<'e> {
    /// An attribute of an element of System: the `index`th that there may be. `Some(None)` if the event does not have it.
    fn system_attribute(&'e self, field: usize, index: usize) -> Option<Option<(&'static str, Value<'e>)>> {
        let number = |value: u32| Value::Number(value.into());
        let of = |name, value: Option<Value<'e>>| value.map(|value| (name, value));
        Some(match (FIELDS.get(field).copied()?, index) {
            ("Provider", 0) => of("Name", self.provider.map(Value::Text)),
            ("Provider", 1) => of("Guid", self.provider_guid.map(Value::Guid)),
            ("Provider", 2) => of("EventSourceName", self.source.map(Value::Text)),
            ("EventID", 0) => of("Qualifiers", self.qualifiers.map(|value| number(value.into()))),
            ("TimeCreated", 0) => of("SystemTime", self.created.map(Value::Moment)),
            ("Correlation", 0) => of("ActivityID", self.activity.map(Value::Guid)),
            ("Correlation", 1) => of("RelatedActivityID", self.related_activity.map(Value::Guid)),
            ("Execution", 0) => of("ProcessID", self.process.map(number)),
            ("Execution", 1) => of("ThreadID", self.thread.map(number)),
            ("Security", 0) => of("UserID", self.user.as_ref().map(Value::Sid)),
            _ => return None,
        })
    }

    /// The value of an element of System.
    fn system_value(&'e self, field: usize) -> Option<Value<'e>> {
        match FIELDS.get(field).copied()? {
            "EventID" => Some(Value::Number(self.id.into())),
            "Version" => self.version.map(|value| Value::Number(value.into())),
            "Level" => self.level.map(|value| Value::Number(value.into())),
            "Task" => self.task.map(|value| Value::Number(value.into())),
            "Opcode" => self.opcode.map(|value| Value::Number(value.into())),
            "Keywords" => self.keywords.map(Value::Bits),
            "EventRecordID" => self.record.map(Value::Number),
            "Channel" => Some(Value::Text(self.channel)),
            "Computer" => self.computer.map(Value::Text),
            _ => None,
        }
    }

    /// Whether the event has the element of System.
    fn has_field(&'e self, field: usize) -> bool {
        let mut attributes = (0..).map_while(|index| self.system_attribute(field, index));
        self.system_value(field).is_some() || attributes.any(|attribute| attribute.is_some())
    }

    // Neither is inlined: a walk calls itself for each level, and would need the room for both at each.

    /// The first element at `from` or behind it that `node` holds and whose name is wanted, and where to look for the next one.
    #[inline(never)]
    pub(super) fn child(
        &'e self,
        node: Node<'e>,
        from: usize,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Option<(usize, Node<'e>)> {
        match node {
            Node::Root => (from == 0 && is_wanted("Event")).then_some((1, Node::Event)),
            Node::Event => {
                let parts = [
                    (true, "System", Node::System),
                    (!self.data.is_empty(), "EventData", Node::EventData),
                    (!self.user_data.is_empty(), "UserData", Node::UserData),
                ];
                let mut parts = parts.iter().enumerate().skip(from);
                parts.find(|(_, part)| part.0 && is_wanted(part.1)).map(|(index, part)| (index + 1, part.2))
            }
            Node::System => {
                let mut fields = FIELDS.iter().enumerate().skip(from);
                let (index, _) = fields.find(|&(index, name)| is_wanted(name) && self.has_field(index))?;
                Some((index + 1, Node::Field(index)))
            }
            Node::EventData => {
                let is_there = from < bounded(self.data).len() && is_wanted("Data");
                is_there.then_some((from + 1, Node::Data(from)))
            }
            Node::UserData => self.held(0, from, is_wanted),
            Node::Element(parent) => {
                let depth = self.user_data.get(parent)?.depth;
                self.held(depth.checked_add(1)?, from.max(parent + 1), is_wanted)
            }
            Node::Field(_) | Node::Data(_) | Node::Leaf(_) => None,
        }
    }

    /// The first wanted element of UserData at `from` or behind it that is at `depth`, before any that is higher.
    fn held(&'e self, depth: u8, from: usize, is_wanted: &dyn Fn(&str) -> bool) -> Option<(usize, Node<'e>)> {
        let behind = bounded(self.user_data).iter().enumerate().skip(from);
        let mut held = behind.take_while(|(_, element)| element.depth >= depth);
        let (index, _) = held.find(|(_, element)| element.depth == depth && is_wanted(element.name))?;
        Some((index + 1, Node::Element(index)))
    }

    /// As [`child`](Self::child), but of attributes.
    #[inline(never)]
    pub(super) fn attribute(
        &'e self,
        node: Node<'e>,
        from: usize,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Option<(usize, Node<'e>)> {
        let (index, value) = match node {
            Node::Field(field) => {
                let all = (from..).map_while(|index| self.system_attribute(field, index).map(|it| (index, it)));
                let mut there = all.filter_map(|(index, attribute)| Some((index, attribute?)));
                there.find(|(_, (name, _))| is_wanted(name)).map(|(index, (_, value))| (index, value))
            }
            Node::Data(index) if from == 0 => {
                let (name, _) = self.data.get(index).filter(|(name, _)| !name.is_empty())?;
                is_wanted("Name").then_some((0, Value::Text(name)))
            }
            Node::Element(index) => {
                let mut attributes =
                    self.user_data.get(index)?.attributes.iter().take(EVENT_ATTRIBUTES).enumerate().skip(from);
                attributes.find(|(_, (name, _))| is_wanted(name)).map(|(index, (_, value))| (index, Value::Text(value)))
            }
            _ => None,
        }?;
        Some((index + 1, Node::Leaf(value)))
    }

    /// The value of a node; `None` for those that hold elements or attributes alone.
    pub(super) fn value(&'e self, node: Node<'e>) -> Option<Value<'e>> {
        match node {
            Node::Field(field) => self.system_value(field),
            Node::Data(index) => self.data.get(index).map(|(_, value)| Value::Text(value)),
            Node::Element(index) => self.user_data.get(index).map(|element| Value::Text(element.text)),
            Node::Leaf(value) => Some(value),
            Node::Root | Node::Event | Node::System | Node::EventData | Node::UserData => None,
        }
    }

    /// What an element holds as text, if it holds any.
    pub(super) fn text(&'e self, node: Node<'e>) -> Option<Value<'e>> {
        match node {
            Node::Leaf(_) => None,
            _ => self.value(node).filter(|value| !matches!(value, Value::Text(""))),
        }
    }

    /// Whether an element of this name is anywhere in the event, or a Data of this Name.
    pub(super) fn has(&'e self, name: &str) -> bool {
        let is_wanted = |found: &str| found == name;
        let parents = [Node::Root, Node::Event, Node::System, Node::EventData];
        parents.iter().any(|&parent| self.child(parent, 0, &is_wanted).is_some())
            || bounded(self.data).iter().any(|(found, _)| is_wanted(found))
            || bounded(self.user_data).iter().any(|element| is_wanted(element.name))
    }
}
