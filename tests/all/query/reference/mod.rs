//! Random queries and events, beside an evaluator that knows nothing of the core: it walks the tree that roxmltree makes of the
//! event as XML, and an expression that was never text.

mod event;
mod expression;
mod meaning;

use std::cell::Cell;

use mainspring::query::{Event, Fault, Query};
use mainspring_tests::chance::Chance;
use roxmltree::Document;

use self::{
    event::{event, xml},
    expression::{Expression, Maker},
    meaning::{Lie, Reference},
};
use super::NOW;

/// A filter of a list: whether it is a Suppress, its channel, and what it says.
type Filter = (bool, Option<&'static str>, Expression);

/// Compares so many random queries; gives how many selected their event, of how many, and what differed.
fn run(seed: u64, queries: u64, lie: Lie) -> (u64, u64, Vec<String>) {
    let mut maker = Maker { chance: Chance::new(seed) };
    let (mut selected, mut evaluated, mut differences) = (0, 0, vec![]);
    let mut tell = |text: &str, event: &Event<'_>, expected: bool| {
        let found = match Query::parse(text) {
            Ok(query) => query.matches(event, Some(NOW)),
            Err(error) if error.what == Fault::Depth => return,
            Err(error) => panic!("{error} in {text}"),
        };
        (evaluated, selected) = (evaluated + 1, selected + u64::from(expected));
        if found != expected {
            differences.push(format!("{found} of {text}\n{}", xml(event)));
        }
    };
    for _ in 0..queries {
        let event = event(&mut maker);
        let event_xml = xml(&event);
        let document = Document::parse(&event_xml).unwrap();
        let reference = Reference { document: &document, lie };
        // One expression.
        let expression = maker.condition(("", 0), 0);
        let mut text = String::new();
        maker.write(&expression, &mut text);
        tell(&text, &event, reference.selects(&expression));
        // A list of them.
        let mut list = "<QueryList>".to_owned();
        let mut expected = false;
        for _ in 0..=maker.chance.below(2) {
            let of_query = maker.of(&[None, Some("SYSTEM"), Some("Security")]);
            list += &format!("<Query{}>", of_query.map_or(String::new(), |path| format!(" Path='{path}'")));
            let filters: Vec<Filter> = (0..=maker.chance.below(3))
                .map(|_| (maker.one_in(3), maker.of(&[None, None, Some("system")]), maker.condition(("", 0), 2)))
                .collect();
            let outcome = [Cell::new(false), Cell::new(false)];
            for (is_suppress, path, expression) in &filters {
                let mut text = String::new();
                maker.write(expression, &mut text);
                let name = if *is_suppress { "Suppress" } else { "Select" };
                let marked = maker.marked(&text);
                // The tree's text is what was marked.
                let alone = format!("<x>{marked}</x>");
                let read = Document::parse(&alone).unwrap();
                assert_eq!(
                    read.root_element()
                        .children()
                        .filter_map(|child| child.text().filter(|_| child.is_text()))
                        .collect::<String>(),
                    text
                );
                list += &format!(
                    "<{name}{}>{marked}</{name}>",
                    path.map_or(String::new(), |path| format!(" Path=\"{path}\""))
                );
                let is_channel = path.or(of_query).is_none_or(|path| path.eq_ignore_ascii_case(event.channel));
                let outcome = &outcome[usize::from(*is_suppress)];
                outcome.set(outcome.get() || (is_channel && reference.selects(expression)));
            }
            list += "</Query>";
            expected |= outcome[0].get() && !outcome[1].get();
        }
        list += "</QueryList>";
        tell(&list, &event, expected);
    }
    (selected, evaluated, differences)
}

#[test]
fn random_queries_select_what_the_reference_selects() {
    let (selected, evaluated, differences) = run(1, 20_000, Lie::None);
    println!("{evaluated} queries, of which {selected} selected their event");
    assert!(evaluated > 38_000, "{evaluated} are not too deep");
    assert!(selected > evaluated / 10 && selected < evaluated * 9 / 10, "{selected} of {evaluated}");
    assert!(differences.is_empty(), "{} differ, the first: {}", differences.len(), differences[0]);
}

#[test]
fn canary_a_lying_reference_is_noticed() {
    for lie in [Lie::NumbersAlone, Lie::Guids, Lie::Moments, Lie::Places, Lie::Precedence, Lie::Differences] {
        let (_, evaluated, differences) = run(2, 4_000, lie);
        println!("{lie:?}: {} of {evaluated} differ", differences.len());
        assert!(differences.len() >= 3, "{lie:?}");
    }
}
