//! Task XML with little memory: it is read, or refused with E_OUTOFMEMORY. An allocation that nobody checked would end this
//! program. `tests/run` also runs it on a machine of 32 bits, where a tree has another size.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use mainspring::{
    bytes::Order,
    sid::Sid,
    status::Status,
    task::xml::{Registrant, read},
    text::Utf16,
};

/// The system's allocator, with a bound while its thread has one.
struct Bounded;

thread_local! {
    /// Bytes that are left, and the fewest that ever were.
    static LEFT: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// Whether there are so many bytes left, which are then taken.
fn take(bytes: usize) -> bool {
    let Some((now, least)) = LEFT.get() else { return true };
    let Some(left) = now.checked_sub(bytes) else { return false };
    LEFT.set(Some((left, least.min(left))));
    true
}

// SAFETY: it hands everything to the system's allocator as it came, or answers with the null pointer that the trait has for
// no memory. The thread's cell is const-initialised and needs no destructor. A block is made longer as the trait does it: by
// another one, beside it.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !take(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LEFT.set(LEFT.get().map(|(now, least)| (now + layout.size(), least)));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

/// What `work` returned with so many bytes of heap, and how many of them it took at the most.
fn with_heap<T>(bytes: usize, work: impl FnOnce() -> T) -> (usize, T) {
    LEFT.set(Some((bytes, bytes)));
    let result = work();
    let least = LEFT.replace(None).map_or(bytes, |(_, least)| least);
    (bytes - least, result)
}

const NAMESPACE: &str = "http://schemas.microsoft.com/windows/2004/02/mit/task";

/// Documents that need much of what a tree is made of, and little of the rest.
fn documents() -> Vec<(&'static str, String)> {
    let task = |inner: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<Task version=\"1.2\" xmlns=\"{NAMESPACE}\">\r\n{inner}\r\n  \
             <Actions Context=\"Author\">\r\n    <Exec>\r\n      <Command>a</Command>\r\n    </Exec>\r\n  </Actions>\r\n</Task>\r\n"
        )
    };
    let settings = |lines: &str| task(&format!("  <Settings>\r\n{lines}  </Settings>"));
    let triggers =
        "    <TimeTrigger>\r\n      <StartBoundary>2030-01-01T00:00:00</StartBoundary>\r\n    </TimeTrigger>\r\n";
    let described =
        |text: &str| task(&format!("<RegistrationInfo><Description>{text}</Description></RegistrationInfo>"));
    let namespaces: String = (0..60).map(|number| format!("<a xmlns:n{number}='urn:{number}'>")).collect();
    vec![
        ("a console's", include_str!("../../../data/task/console.xml").replace('\n', "\r\n")),
        (
            "small",
            settings(
                "    <Enabled>true</Enabled>\r\n    <Hidden>false</Hidden>\r\n    <WakeToRun>false</WakeToRun>\r\n    \
                 <IdleSettings>\r\n      <Duration>PT10M</Duration>\r\n    </IdleSettings>\r\n    <Priority>7</Priority>\r\n",
            ),
        ),
        ("triggers", task(&format!("  <Triggers>\r\n{}  </Triggers>", triggers.repeat(48)))),
        ("elements", task(&format!("<Data>{}</Data>", "<a/>".repeat(500)))),
        ("spaced elements", task(&format!("<Data>{}</Data>", " <a/>".repeat(500)))),
        ("attributes", task(&format!("<Data>{}</Data>", "<a b='' c='' d='' e='' f='' g=''/>".repeat(60)))),
        ("odd attributes", task(&format!("<Data>{}</Data>", "<a b='&lt;' c='\n' d='&gt;x'/>".repeat(60)))),
        ("namespaces", task(&format!("<Data>{namespaces}{}</Data>", "</a>".repeat(60)))),
        ("long text", described(&"word ".repeat(500))),
        ("lines", described(&"a line\r\n".repeat(300))),
        ("references", described(&"&amp;".repeat(500))),
        ("small references", task(&format!("<Data>{}</Data>", "<a>&lt;</a>".repeat(300)))),
        ("sections", described(&"<![CDATA[a&b]]>".repeat(200))),
        ("sections and lines", described(&"a\r\n<![CDATA[a\r\nb]]>&amp;".repeat(200))),
        ("comments", described(&"a<!-- b -->".repeat(200))),
        ("kept", task(&format!("<Triggers><FooTrigger>{}</FooTrigger></Triggers>", "<a>&amp;<![CDATA[&&&&]]></a>".repeat(100)))),
        ("kept data", task("").replace("<Exec>", "<ComHandler><ClassId>{00000000-0000-0000-0000-000000000001}</ClassId><Data><![CDATA[x]]></Data></ComHandler><Exec>")),
        ("lists", task(&format!(
            "<Triggers>{}</Triggers>",
            "<EventTrigger><Subscription>*</Subscription><ValueQueries><Value name='a'>b</Value><Value name='c'>d</Value></ValueQueries></EventTrigger>".repeat(20),
        ))),
        ("users", task(&format!("<Triggers>{}</Triggers>", "<LogonTrigger><UserId>S-1-5-18</UserId></LogonTrigger>".repeat(48)))),
        ("a mail", task("").replace("<Exec>", &format!(
            "<SendEmail><Server>a</Server><From>b</From><HeaderFields>{}</HeaderFields><Attachments>{}</Attachments></SendEmail><Exec>",
            "<HeaderField><Name>a</Name><Value>b</Value></HeaderField>".repeat(32),
            "<File>a</File>".repeat(8),
        ))),
        ("instructions", task(&"<?a b?>".repeat(300))),
        ("a name that does not end", format!("<{}></b>", "a".repeat(3000))),
        ("names that do not end", "<abcdefghijklmnop>".repeat(40)),
        ("nothing", String::new()),
    ]
}

fn read_with(bytes: &[u8], image: &mut [u8]) -> Result<usize, Status> {
    let mut resolve = Sid::parse;
    let mut registrant = Registrant {
        resolve: &mut resolve,
        default_user: Sid::LOCAL_SYSTEM,
        override_user: None,
        override_group: None,
        override_logon: None,
    };
    read(Utf16::new(bytes, Order::Little), &mut registrant, image)
        .map(|image| image.bytes().len())
        .map_err(|error| error.status)
}

#[test]
fn a_definition_is_read_or_refused_with_any_amount_of_memory() {
    for (name, xml) in documents() {
        let wire: Vec<u8> = xml.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut image = vec![0; 4 * wire.len() + 1024];
        let (peak, expected) = with_heap(usize::MAX / 2, || read_with(&wire, &mut image));
        let mut least = None;
        let most = 2 * peak + 10_000;
        for heap in (0..most).step_by(97) {
            let (used, got) = with_heap(heap, || read_with(&wire, &mut image));
            assert!(used <= heap);
            if got == expected {
                least = least.or(Some(heap));
            } else {
                assert_eq!(got, Err(Status::E_OUTOFMEMORY), "{name} with {heap} bytes");
                assert_eq!(least, None, "{name}: {heap} bytes are not enough, and fewer were");
            }
        }
        let least = least.unwrap_or_else(|| panic!("{name} needs more than {most} bytes"));
        println!("{name}: {} bytes of UTF-8, takes {peak}, is read with {least}", xml.len());
    }
}

#[test]
fn canary_memory_is_as_short_as_it_is_said_to_be() {
    let reserve = |bytes| with_heap(100, || std::hint::black_box(Vec::<u8>::new()).try_reserve_exact(bytes).is_ok());
    assert_eq!(reserve(100), (100, true));
    assert_eq!(reserve(101), (0, false));
}
