//! Queries on events.

use mainspring::{
    guid::Guid,
    limits::QUERY_BYTES,
    query::{Element, Event, Fault, Query, Selector, contains},
    sid::Sid,
    time::Timestamp,
};

/// 2024-05-02T00:00:00Z.
const NOW: Timestamp = Timestamp(1_714_608_000_000);

/// An event that has a little of everything.
fn everything() -> Event<'static> {
    Event {
        qualifiers: Some(2),
        provider: Some("P"),
        provider_guid: Some(Guid::NIL),
        level: Some(4),
        keywords: Some(0x8020_0000_0000_0000),
        created: Some(Timestamp(NOW.0 - 1000)),
        record: Some(u64::MAX),
        process: Some(704),
        computer: Some("host"),
        user: Some(Sid::LOCAL_SYSTEM),
        data: &[("Name", "x"), ("a", "0x1F"), ("", "-1.5"), ("a", "2024-05-01T22:00:00.000Z"), ("g", "true")],
        user_data: &[
            Element { depth: 0, name: "Set", text: "y", attributes: &[("Name", "1"), ("mode", "")] },
            Element { depth: 1, name: "Port", text: "9100", attributes: &[] },
            Element { depth: 0, name: "Set", text: "", attributes: &[] },
        ],
        ..Event::new("System", 7)
    }
}

/// A text. A query selects or does not; what is put behind an expression in parentheses must still count, so that whatever was
/// checked is also walked to its end.
pub fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let events = [everything(), Event::new("Security", 0)];
    if let Ok(selector) = Selector::parse(text) {
        for event in &events {
            let value = selector.value(event, Some(NOW));
            assert!(value.is_none() || selector.is_in(event, Some(NOW)));
            drop(value.map(|value| value.to_string()));
            assert!(contains(event, text) || !selector.is_in(event, None));
        }
    }
    let query = match Query::parse(text) {
        Ok(query) => query,
        Err(error) => {
            assert!(text.is_char_boundary(error.at) && error.at <= text.len().min(QUERY_BYTES), "{error}");
            return;
        }
    };
    for event in &events {
        let is_selected = query.matches(event, Some(NOW));
        if text.trim_start().starts_with('<') {
            continue;
        }
        // Nothing else asks what time it is.
        assert!(query.matches(event, None) == is_selected || text.contains("timediff"));
        for (behind, expected) in [("or *", true), ("and *", is_selected), ("and *[nothing]", false)] {
            match Query::parse(&format!("({text}) {behind}")) {
                Ok(longer) => assert_eq!(longer.matches(event, Some(NOW)), expected),
                Err(error) => assert!(matches!(error.what, Fault::Depth | Fault::Terms | Fault::Length), "{error}"),
            }
        }
        // In a list it says the same.
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('\r', "&#13;");
        match Query::parse(&format!("<QueryList><Query><Select>{escaped}</Select></Query></QueryList>")) {
            Ok(list) => assert_eq!(list.matches(event, Some(NOW)), is_selected),
            Err(error) => assert!(error.what == Fault::Length, "{error}"),
        }
    }
}
