//! Queries of real tasks, if `MAINSPRING_CORPUS` says where they are.

use std::path::PathBuf;

use mainspring::query::{Event, Query};

/// The Subscriptions of every file.
fn subscriptions() -> Vec<String> {
    let Some(folder) = std::env::var_os("MAINSPRING_CORPUS").map(PathBuf::from) else {
        println!("skipped: MAINSPRING_CORPUS does not say where real task files are");
        return vec![];
    };
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = match bytes.strip_prefix(b"\xFF\xFE") {
            Some(units) => units.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect::<Vec<_>>(),
            None => String::from_utf8_lossy(&bytes).encode_utf16().collect(),
        };
        let text = String::from_utf16_lossy(&text);
        let Some(start) = text.find('<').filter(|_| text.contains("<Subscription>")) else { continue };
        // What declares another encoding than it has is read all the same.
        let document = roxmltree::Document::parse(&text[start..]).unwrap();
        let elements = document
            .descendants()
            .filter(|node| node.has_tag_name("Subscription") || node.tag_name().name() == "Subscription");
        found.extend(elements.filter_map(|element| {
            let texts = element.children().filter_map(|child| child.text());
            Some(texts.collect::<String>()).filter(|text| !text.is_empty())
        }));
    }
    found
}

#[test]
fn queries_of_real_tasks_are_queries() {
    let subscriptions = subscriptions();
    for text in &subscriptions {
        let query = Query::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(!query.matches(&Event::new("System", 0), None), "{text}");
        assert!(query.channels().all(|channel| channel.is_some()), "{text}");
    }
    println!("{} queries of real tasks", subscriptions.len());
    assert!(subscriptions.is_empty() || subscriptions.len() >= 20);
}

/// What is selected by two of them.
#[test]
fn queries_of_real_tasks_select() {
    let plug = r#"<QueryList><Query Id="0" Path="System"><Select Path="System">*[System[Provider[@Name='Microsoft-Windows-Kernel-Power'] and (EventID=105)]] and *[EventData[Data[@Name="AcOnline"]="true"]]</Select></Query></QueryList>"#;
    let query = Query::parse(plug).unwrap();
    let event = Event {
        provider: Some("Microsoft-Windows-Kernel-Power"),
        data: &[("AcOnline", "true"), ("RemainingCapacity", "40000")],
        ..Event::new("System", 105)
    };
    assert!(query.matches(&event, None));
    assert!(!query.matches(&Event { data: &[("AcOnline", "false")], ..event }, None));
    assert!(!query.matches(&Event { id: 106, ..event }, None));
    assert!(!query.matches(&Event { channel: "Security", ..event }, None));
    let service = r#"<QueryList><Query Id="0" Path="System"><Select Path="System">*/System/Provider[@Name='Service Control Manager'] and */System/EventID='7040' and */EventData/Data[@Name='param4']='BFE'</Select></Query></QueryList>"#;
    let query = Query::parse(service).unwrap();
    let event = Event {
        provider: Some("Service Control Manager"),
        data: &[("param1", "BFE"), ("param4", "BFE")],
        ..Event::new("System", 7040)
    };
    assert!(query.matches(&event, None));
    assert!(!query.matches(&Event { data: &[("param1", "BFE")], ..event }, None));
}
