//! Hostile XML: bombs are refused within bounds, and nothing makes it panic.

use std::time::{Duration, Instant};

use super::{image_of, image_of_wire, normalised, task, task_with, utf16, written};
use crate::task::image::look;
use mainspring::{limits, status::Status, task::Image};
use mainspring_tests::damage;

/// Reads a bomb, in a time that is far from what a bomb takes that works.
fn status_of(xml: &str) -> Result<(), Status> {
    let start = Instant::now();
    let read = image_of_wire(&utf16(xml)).map(drop).map_err(|error| error.status);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    read
}

const MALFORMED: Result<(), Status> = Err(Status::SCHED_E_MALFORMEDXML);

#[test]
fn entities_and_document_types_are_refused() {
    let laughs = "<!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>\n";
    assert_eq!(status_of(&format!("{laughs}{}", task_with("<Data>&c;</Data>"))), MALFORMED);
    assert_eq!(status_of(&format!("<!DOCTYPE a SYSTEM \"file:///etc/passwd\">{}", task_with(""))), MALFORMED);
    assert_eq!(status_of(&format!("<!doctype a>{}", task_with(""))), MALFORMED);
    let error = image_of(&format!("<?xml version=\"1.0\"?>\n <!DOCTYPE a>{}", task_with(""))).unwrap_err();
    assert_eq!((error.line, error.column, error.value.as_str()), (2, 2, "a document type is not allowed"));
    assert_eq!(status_of(&task_with("<Data>&c;</Data>")), MALFORMED);
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth| format!("<Data>{}{}</Data>", "<a>".repeat(depth), "</a>".repeat(depth));
    // The root and Data are two levels.
    assert_eq!(status_of(&task_with(&nested(limits::XML_DEPTH - 2))), Ok(()));
    assert_eq!(status_of(&task_with(&nested(limits::XML_DEPTH - 1))), MALFORMED);
    assert_eq!(status_of(&"<a>".repeat(limits::XML_UNITS / 3)), MALFORMED);
    // As deep as may be in what is kept, which the writer walks through again.
    let depth = limits::XML_DEPTH - 3;
    let kept = format!(
        "<Triggers><WnfStateChangeTrigger>{}{}</WnfStateChangeTrigger></Triggers>",
        "<a>".repeat(depth),
        "</a>".repeat(depth)
    );
    normalised(&task_with(&kept));
}

#[test]
fn size_is_bounded() {
    let fill = |units: usize| {
        let xml = task_with("<Data></Data>");
        let more = units - xml.len();
        xml.replace("<Data>", &format!("<Data>{}", "é".repeat(more)))
    };
    assert_eq!(
        status_of(&fill(limits::XML_UNITS)).map_err(|status| status == Status::E_OUTOFMEMORY),
        Err(true).or(Ok(()))
    );
    assert_eq!(status_of(&fill(limits::XML_UNITS + 1)), Err(Status::E_OUTOFMEMORY));
    let error = image_of(&fill(limits::XML_UNITS + 1)).unwrap_err();
    assert_eq!((error.status, error.line, error.column), (Status::E_OUTOFMEMORY, 0, 0));
}

#[test]
fn nodes_and_attributes_are_bounded() {
    let nodes = |count| task_with(&format!("<Data>{}</Data>", "<abcd/>".repeat(count)));
    assert_eq!(status_of(&nodes(60_000)), Ok(()));
    assert_eq!(status_of(&nodes(66_000)), MALFORMED);
    // However dense they are, the first that is too much is told: the root is a node too, and so are Task, Data, and the line's
    // end. What is no element counts with what may stand behind it.
    for (node, count) in [("<a/>", 1), ("<!---->", 2), ("<?a?>", 2), (" <a/>", 2)] {
        let xml = task_with(&format!("<Data>\n{}</Data>", node.repeat(70_000 / count)));
        let error = image_of(&xml).unwrap_err();
        assert_eq!((error.status, error.value.as_str()), (MALFORMED.unwrap_err(), "too many nodes"), "{node}");
        let before = (limits::XML_NODES as usize - 4) / count;
        let column = 1 + node.len() * before + node.find('<').unwrap();
        assert_eq!((error.line, error.column), (2, column as u32), "{node}");
    }
    let attributes = |count: usize| {
        let attributes = (0..count).map(|number| format!(" a{number}=''")).collect::<String>();
        task_with(&format!("<Data><a{attributes}/></Data>"))
    };
    assert_eq!(status_of(&attributes(limits::XML_ATTRIBUTES)), Ok(()));
    assert_eq!(status_of(&attributes(limits::XML_ATTRIBUTES + 1)), MALFORMED);
    assert_eq!(status_of(&attributes(40_000)), MALFORMED);
    let namespaces = |count: usize| {
        let namespaces = (0..count).map(|number| format!("<a xmlns:n{number}='urn:{number}'/>")).collect::<String>();
        task_with(&format!("<Data>{namespaces}</Data>"))
    };
    assert_eq!(status_of(&namespaces(63)), Ok(()));
    assert_eq!(status_of(&namespaces(64)), MALFORMED);
}

/// What a text is made of decides which bound it comes to: many short elements take more of the heap than they may, and longer
/// ones do not.
#[test]
fn a_text_that_is_dense_is_refused_for_the_heap() {
    let data = |inner: String| task_with(&format!("<Data>{inner}</Data>"));
    // What is short is never too dense.
    let list = "\n    <v>12</v>".repeat(400);
    assert_eq!(status_of(&data(format!("<Array>{list}</Array>"))), Ok(()));
    assert_eq!(status_of(&data("<a/>".repeat(7_000))), Ok(()));
    let most = task(&format!(
        "<Principals>{}</Principals><Triggers>{}</Triggers><Actions><Exec><Command>a</Command></Exec></Actions>",
        "<Principal/>".repeat(limits::PRINCIPALS),
        "<IdleTrigger/>".repeat(limits::TRIGGERS)
    ));
    assert_eq!(status_of(&most), Ok(()));
    let dense = "<a/>".repeat(20_000);
    let error = image_of(&data(dense.clone())).unwrap_err();
    assert_eq!((error.status, error.line, error.column), (Status::E_OUTOFMEMORY, 0, 0));
    assert_eq!((error.node.as_str(), error.value.as_str()), ("", "more memory than a text of this length may take"));
    assert_eq!(status_of(&data("<abcdefgh/>".repeat(1000))), Ok(()));
    assert_eq!(status_of(&data("<abcdefgh/>".repeat(40_000))), Ok(()));
    // What breaks another bound too is told of that one.
    let deep = "<a>".repeat(limits::XML_DEPTH);
    assert_eq!(status_of(&data(format!("{dense}{deep}"))), MALFORMED);
}

#[test]
fn what_costs_most_costs_little() {
    let half = limits::XML_UNITS / 2;
    let inside = |part: &str| task_with(&format!("<Data>{part}</Data>"));
    for xml in [
        inside(&"<!---->".repeat(half / 7)),
        inside(&"&#13;".repeat(half / 5)),
        inside(&"]]&gt;".repeat(half / 6)),
        inside(&"a<!---->".repeat(30_000)),
        inside(&"<".repeat(half)),
        inside(&"<![CDATA[".repeat(half / 9)),
        inside(&"<![CDATA[]]>".repeat(30_000)),
        inside(&"=".repeat(half)),
        inside(&"<a b='".repeat(half / 6)),
        task_with(&format!(
            "<Triggers><WnfStateChangeTrigger>{}</WnfStateChangeTrigger></Triggers>",
            "a<b/>".repeat(30_000)
        )),
        task_with(&format!("<Triggers>{}</Triggers>", "<WnfStateChangeTrigger/>".repeat(30_000))),
        task(&format!("<Actions Context='{}'/>", "x".repeat(half))),
    ] {
        let start = Instant::now();
        if let Ok(image) = image_of(&xml) {
            let text = written(&image, "\\Task");
            let _ = image_of(&text).map(|again| assert_eq!(written(&again, "\\Task"), text));
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{:?} {}", start.elapsed(), &xml[..200]);
    }
}

const SAMPLE: &str = r#"<?xml version="1.0"?>
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <!-- é𝒳 --><RegistrationInfo><Date>2026-01-01T00:00:00</Date><Author>a&amp;b</Author></RegistrationInfo>
  <Triggers><TimeTrigger id="t"><StartBoundary>2026-01-01T00:00:00Z</StartBoundary><Repetition><Interval>PT5M</Interval>
  </Repetition></TimeTrigger><WnfStateChangeTrigger a="b"><Delay>PT1M</Delay>x</WnfStateChangeTrigger><LogonTrigger>
  <UserId>user</UserId></LogonTrigger><EventTrigger><Subscription>*</Subscription><ValueQueries><Value name="a">b</Value>
  </ValueQueries></EventTrigger><CalendarTrigger><StartBoundary>
  2026-01-01T00:00:00</StartBoundary><ScheduleByMonth><DaysOfMonth><Day>Last</Day></DaysOfMonth></ScheduleByMonth>
  </CalendarTrigger></Triggers><Settings><Priority>7</Priority></Settings><Data><![CDATA[<a>]]></Data>
  <Actions Context="P"><Exec><Command>c</Command></Exec><ComHandler><ClassId>{AE31B729-D5FD-401E-AF42-784074835AFE}
  </ClassId><Data><a/></Data></ComHandler><SendEmail><Server>s</Server><From>f</From><Attachments><File>x</File></Attachments>
  </SendEmail></Actions>
  <Principals><Principal id="P"><UserId>S-1-5-19</UserId><ProcessTokenSidType>None</ProcessTokenSidType>
  <RequiredPrivileges><Privilege>SeTcbPrivilege</Privilege></RequiredPrivileges></Principal>
  </Principals></Task>"#;

/// Reads what may be anything; what is read must be a fixed point.
fn read_anything(xml: &[u8], read: &mut usize) {
    match image_of_wire(xml) {
        Err(error) => drop(error.to_string()),
        Ok(image) => {
            *read += 1;
            assert!(look(&Image::parse(&image).unwrap()) > 0);
            let first = written(&image, "\\Task");
            let again = image_of(&first).unwrap_or_else(|error| panic!("{error}\n{first}"));
            assert_eq!(written(&again, "\\Task"), first);
        }
    }
}

#[test]
fn truncations_never_panic() {
    let bytes = utf16(SAMPLE);
    let mut read = 0;
    damage::cut(&bytes, |bytes| read_anything(bytes, &mut read));
    assert_eq!(read, 0);
    read_anything(&bytes, &mut read);
    assert_eq!(read, 1);
}

#[test]
fn flipped_bits_never_panic() {
    let bytes = utf16(SAMPLE);
    let mut read = 0;
    damage::flipped(&bytes, |bytes| read_anything(bytes, &mut read));
    println!("{read} of {} damaged tasks are still tasks", 8 * bytes.len());
}

#[test]
fn characters_out_of_place_never_panic() {
    let mut read = 0;
    for (at, _) in SAMPLE.char_indices().step_by(2) {
        for other in ["<", "&", "\"", "/", "<!--", "&#13;", "<a/>", "𝒳"] {
            let damaged = format!("{}{other}{}", &SAMPLE[..at], &SAMPLE[at..]);
            read_anything(&utf16(&damaged), &mut read);
        }
    }
    assert!(read > 0);
}
