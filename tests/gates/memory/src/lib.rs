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
    limits::{XML_HEAP_PER_BYTE, XML_HEAP_SHORTEST},
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

/// What `work` returned with so many bytes of heap, and how many of them it took at the most. In the end it has given all back.
fn with_heap<T>(bytes: usize, work: impl FnOnce() -> T) -> (usize, T) {
    LEFT.set(Some((bytes, bytes)));
    let result = work();
    let (now, least) = LEFT.replace(None).unwrap_or((bytes, bytes));
    assert_eq!(now, bytes, "something is left");
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
        ("kept", task(&format!("<Triggers><WnfStateChangeTrigger>{}</WnfStateChangeTrigger></Triggers>", "<a>&amp;<![CDATA[&&&&]]></a>".repeat(100)))),
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

/// The same text with so much that says nothing, and takes nothing, that the bound is far away.
fn with_room(xml: &str) -> String {
    let (inner, end) = xml.split_at(xml.rfind("</Task>").unwrap_or(xml.len()));
    format!("{inner}<!--{}-->{end}", " ".repeat(8 * xml.len()))
}

fn wire_of(xml: &str) -> Vec<u8> {
    xml.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The bound for a text.
fn most(xml: &str) -> usize {
    XML_HEAP_PER_BYTE * xml.len().max(XML_HEAP_SHORTEST)
}

fn read_with(bytes: &[u8], image: &mut [u8]) -> Result<usize, Status> {
    // Whom nobody here knows stands for the system.
    let mut resolve = |name: &str| Sid::parse(name).or(Some(Sid::LOCAL_SYSTEM));
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
    for (name, mut xml) in documents() {
        let takes_too_much =
            read_with(&wire_of(&xml), &mut vec![0; 8 * xml.len() + 1024]) == Err(Status::E_OUTOFMEMORY);
        if takes_too_much {
            xml = with_room(&xml);
        }
        let wire = wire_of(&xml);
        let mut image = vec![0; 4 * wire.len() + 1024];
        let (peak, expected) = with_heap(usize::MAX / 2, || read_with(&wire, &mut image));
        assert_ne!(expected, Err(Status::E_OUTOFMEMORY), "{name}");
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

/// What a text takes, if it is read: never more than it may.
fn taken(xml: &str) -> Result<usize, Status> {
    let (wire, mut image) = (wire_of(xml), vec![0; 8 * xml.len() + 1024]);
    let (peak, read) = with_heap(usize::MAX / 2, || read_with(&wire, &mut image));
    assert!(peak <= most(xml), "{peak} bytes for {}: {xml:.1000}", xml.len());
    read.map(|_| peak)
}

#[test]
fn no_text_takes_more_than_it_may() {
    for (name, xml) in documents() {
        println!("{name}: {} bytes of UTF-8, {:?}", xml.len(), taken(&xml));
    }
    // Even where it could be had, and whatever takes it: nodes, what is kept, lists, texts, attributes.
    for item in [
        "<Data>*</Data>|<a/>",
        "<Data>*</Data>| <a/>",
        "<Data>*</Data>|<a b='&lt;'/>",
        "<Triggers><WnfStateChangeTrigger>*</WnfStateChangeTrigger></Triggers>|<a>&amp;&amp;&amp;&amp;</a>",
        "<Triggers><WnfStateChangeTrigger>*</WnfStateChangeTrigger></Triggers>|\"",
        "<RegistrationInfo><Author>*</Author></RegistrationInfo>|<![CDATA[]]>",
        "<Settings>*</Settings>| <!---->",
        "<Triggers>*</Triggers>|<IdleTrigger/>",
        "<Triggers>*</Triggers>|\n<LogonTrigger><UserId>a</UserId></LogonTrigger>",
        "<Principals>*</Principals>|<Principal/>",
    ] {
        let (around, item) = item.split_once('|').unwrap();
        for count in (0..400).chain([1000, 3000, 10_000]) {
            let inner = around.replace('*', &item.repeat(count));
            let actions = "<Actions><Exec><Command>a</Command></Exec></Actions>";
            let _ = taken(&format!("<Task xmlns=\"{NAMESPACE}\">{inner}{actions}</Task>"));
        }
    }
}

/// One element more than what may be taken is an error of that call alone.
#[test]
fn a_text_that_would_take_more_than_it_may_is_refused_alone() {
    let text = |count: usize| {
        let (data, actions) = ("<a/>".repeat(count), "<Actions><Exec><Command>a</Command></Exec></Actions>");
        let text = "text ".repeat(1000);
        format!("<Task xmlns=\"{NAMESPACE}\"><Data><b>{text}</b>{data}</Data>{actions}</Task>")
    };
    let refused = (0..10_000).find(|count| taken(&text(*count)).is_err()).unwrap();
    let (last, first) = (text(refused - 1), text(refused));
    let peak = taken(&last).unwrap();
    assert!(peak * 10 > most(&last) * 9, "{peak} bytes are far from the bound of {}", most(&last));
    assert_eq!(taken(&first), Err(Status::E_OUTOFMEMORY));
    assert_eq!(taken(&last), Ok(peak), "the next call is served as if nothing had been");
}

/// Of every real file the folder that `MAINSPRING_CORPUS` names has, none takes more than it may, or is refused for that.
#[test]
fn real_files_take_less_than_they_may() {
    let Some(folder) = std::env::var_os("MAINSPRING_CORPUS") else {
        println!("skipped: MAINSPRING_CORPUS does not say where real task files are");
        return;
    };
    let (mut count, mut highest) = (0, (0, String::new()));
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        let text = match bytes.strip_prefix(&[0xFF, 0xFE]) {
            Some(wire) => Utf16::little(wire).chars().collect::<Result<String, _>>().unwrap(),
            None => String::from_utf8(bytes).unwrap(),
        };
        let text = text.trim_start_matches('\u{FEFF}');
        let read = taken(text);
        assert_ne!(read, Err(Status::E_OUTOFMEMORY), "{}", file.display());
        // Without the white space, and so with more elements for each byte.
        let dense: String = text.lines().map(str::trim_start).collect();
        assert_ne!(taken(&dense), Err(Status::E_OUTOFMEMORY), "{}, dense", file.display());
        if let Ok(taken) = read {
            count += 1;
            let share = (100 * taken / text.len(), file.display().to_string());
            highest = highest.max(share);
        }
    }
    assert!(count > 50, "only {count} files");
    println!("{count} files; at most {}.{:02} bytes for each of {}", highest.0 / 100, highest.0 % 100, highest.1);
}

#[test]
fn canary_memory_is_as_short_as_it_is_said_to_be() {
    let reserve = |bytes| with_heap(100, || std::hint::black_box(Vec::<u8>::new()).try_reserve_exact(bytes).is_ok());
    assert_eq!(reserve(100), (100, true));
    assert_eq!(reserve(101), (0, false));
}
