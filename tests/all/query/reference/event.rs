//! Events of what the expressions speak of, and each as XML.

use std::fmt::Write;

use mainspring::{
    guid::Guid,
    query::{Element, Event},
    sid::Sid,
    time::Timestamp,
};

use super::{super::NOW, expression::Maker};

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;")
}

fn attributes(pairs: &[(&str, Option<String>)]) -> String {
    pairs.iter().filter_map(|(name, value)| Some(format!(" {name}='{}'", escaped(value.as_ref()?)))).collect()
}

/// The event, as [MS-EVEN6] 2.2.13 has it.
pub(super) fn xml(event: &Event<'_>) -> String {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let guid = |value: Option<Guid>| value.map(|guid| format!("{{{guid}}}"));
    let mut out = "<Event><System>".to_owned();
    let mut add = |name: &str, pairs: &[(&str, Option<String>)], content: Option<String>| {
        let pairs = attributes(pairs);
        if !pairs.is_empty() || content.is_some() {
            write!(out, "<{name}{pairs}>{}</{name}>", escaped(&content.unwrap_or_default())).unwrap();
        }
    };
    let source = text(event.source);
    let name = text(event.provider);
    add("Provider", &[("Name", name), ("Guid", guid(event.provider_guid)), ("EventSourceName", source)], None);
    add("EventID", &[("Qualifiers", event.qualifiers.map(|it| it.to_string()))], Some(event.id.to_string()));
    add("Version", &[], event.version.map(|it| it.to_string()));
    add("Level", &[], event.level.map(|it| it.to_string()));
    add("Task", &[], event.task.map(|it| it.to_string()));
    add("Opcode", &[], event.opcode.map(|it| it.to_string()));
    add("Keywords", &[], event.keywords.map(|it| format!("{it:#x}")));
    let created = event.created.map(|at| jiff::Timestamp::from_millisecond(at.0).unwrap().to_string());
    add("TimeCreated", &[("SystemTime", created)], None);
    add("EventRecordID", &[], event.record.map(|it| it.to_string()));
    let related = guid(event.related_activity);
    add("Correlation", &[("ActivityID", guid(event.activity)), ("RelatedActivityID", related)], None);
    let thread = event.thread.map(|it| it.to_string());
    add("Execution", &[("ProcessID", event.process.map(|it| it.to_string())), ("ThreadID", thread)], None);
    add("Channel", &[], Some(event.channel.to_owned()));
    add("Computer", &[], text(event.computer));
    add("Security", &[("UserID", event.user.map(|sid| sid.to_string()))], None);
    out += "</System>";
    if !event.data.is_empty() {
        out += "<EventData>";
        for (name, value) in event.data {
            let name = (!name.is_empty()).then(|| (*name).to_owned());
            write!(out, "<Data{}>{}</Data>", attributes(&[("Name", name)]), escaped(value)).unwrap();
        }
        out += "</EventData>";
    }
    if !event.user_data.is_empty() {
        let mut open: Vec<&Element<'_>> = vec![];
        out += "<UserData>";
        for element in event.user_data {
            while open.last().is_some_and(|last| last.depth >= element.depth) {
                write!(out, "</{}>", open.pop().unwrap().name).unwrap();
            }
            let pairs: Vec<_> =
                element.attributes.iter().map(|(name, value)| (*name, Some((*value).to_owned()))).collect();
            write!(out, "<{}{}>{}", element.name, attributes(&pairs), escaped(element.text)).unwrap();
            open.push(element);
        }
        open.iter().rev().for_each(|element| write!(out, "</{}>", element.name).unwrap());
        out += "</UserData>";
    }
    out + "</Event>"
}

const DATA: [&[(&str, &str)]; 4] = [
    &[],
    &[("a", "1"), ("Name", "ada"), ("", "0x2"), ("b", "2.0"), ("a", "S-1-5-18"), ("c", "true")],
    &[("b", "a<b & c"), ("2", "{54849625-5478-4994-a5ba-3e3b0328c30d}"), ("a", "2024-05-01T22:00:00.0004Z"), ("", "")],
    &[("it's", "10"), ("a", " 1e1\n"), ("a", "-1"), ("", "\n\tx")],
];
const USER_DATA: [&[Element<'_>]; 3] = [
    &[],
    &[Element { depth: 0, name: "Set", text: "ada", attributes: &[("Name", "1"), ("Guid", "a")] }],
    &[
        Element { depth: 0, name: "Set", text: "2", attributes: &[("Name", "it's")] },
        Element { depth: 1, name: "Name", text: "ada", attributes: &[] },
        Element { depth: 2, name: "Port", text: "10", attributes: &[("UserID", "S-1-5-18"), ("Name", "2")] },
        Element { depth: 1, name: "Name", text: "", attributes: &[("Qualifiers", "2")] },
        Element { depth: 0, name: "Port", text: "true", attributes: &[] },
        Element { depth: 0, name: "EventID", text: "a", attributes: &[] },
    ],
];

/// An event of what the expressions speak of.
pub(super) fn event(maker: &mut Maker) -> Event<'static> {
    fn maybe<T>(maker: &mut Maker, make: impl FnOnce(&mut Maker) -> T) -> Option<T> {
        (!maker.one_in(4)).then(|| make(maker))
    }
    let guid = |maker: &mut Maker| Guid::from_u128(maker.of(&[0x54849625_5478_4994_a5ba_3e3b0328c30d, 5]));
    Event {
        qualifiers: maybe(maker, |it| it.of(&[2, 16384])),
        provider: maybe(maker, |it| it.of(&["ada", "a<b & c", "true"])),
        provider_guid: maybe(maker, guid),
        source: maybe(maker, |it| it.of(&["a", "1"])),
        version: maybe(maker, |it| it.of(&[0, 1])),
        level: maybe(maker, |it| it.of(&[0, 1, 2, 3, 4])),
        task: maybe(maker, |it| it.of(&[0, 2, 10])),
        opcode: maybe(maker, |it| it.of(&[0, 1])),
        keywords: maybe(maker, |it| it.of(&[0, 2, 0x8000_0000_0000_0002])),
        created: maybe(maker, |it| Timestamp(NOW.0 - it.of(&[7_200_000, 7_200_100, -5]))),
        record: maybe(maker, |it| it.of(&[1, 10, u64::MAX])),
        activity: maybe(maker, guid),
        related_activity: maybe(maker, guid),
        process: maybe(maker, |it| it.of(&[2, 704])),
        thread: maybe(maker, |it| it.of(&[1, u32::MAX])),
        computer: maybe(maker, |it| it.of(&["ada", "1"])),
        user: maybe(maker, |it| Sid::parse(it.of(&["S-1-5-18", "S-1-5-19"])).unwrap()),
        data: maker.of(&DATA),
        user_data: maker.of(&USER_DATA),
        ..Event::new(maker.of(&["System", "security"]), maker.of(&[0, 1, 2, 10]))
    }
}
