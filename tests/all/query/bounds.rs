//! What is too much is refused, what is broken is an error or a query, and nothing takes long.

use std::time::{Duration, Instant};

use mainspring::{
    limits::{EVENT_ATTRIBUTES, EVENT_FIELDS, QUERY_BYTES, QUERY_DEPTH, QUERY_TERMS},
    query::{Element, Event, Fault, Query, Selector, contains},
};
use mainspring_tests::damage;

use super::{NOW, fault, table};

#[test]
fn depth_has_a_bound() {
    // What is around the innermost takes the rest.
    let groups = |count: usize| format!("*[{}System{}]", "(".repeat(count), ")".repeat(count));
    let predicates = |count: usize| format!("{}*{}", "*[".repeat(count), "]".repeat(count));
    let steps = |count: usize| vec!["*"; count].join("/");
    let calls = |count: usize| format!("*[{}1{}]", "band(x[".repeat(count), "],1)".repeat(count));
    let makers: [(&str, &dyn Fn(usize) -> String); 4] =
        [("groups", &groups), ("predicates", &predicates), ("steps", &steps), ("calls", &calls)];
    for (name, make) in makers {
        let deepest = (1..1000).take_while(|&count| Query::parse(&make(count)).is_ok()).last().unwrap();
        println!("{name}: {deepest}");
        assert!((QUERY_DEPTH / 2 - 2..QUERY_DEPTH).contains(&deepest), "{name}: {deepest}");
        assert_eq!(fault(&make(deepest + 1)).1, Fault::Depth, "{name}");
        // Nor does more of it go deeper.
        for count in [100, 500, 1000] {
            assert_eq!(fault(&make(count)).1, Fault::Depth, "{name}: {count}");
        }
    }
    for open in ["(", "*[", "*[(", "*/", "*[band(", "*[x=("] {
        let text = open.repeat(QUERY_BYTES / open.len());
        assert!(Query::parse(&text).is_err(), "{open}");
    }
    assert_eq!(Selector::parse(&predicates(100)).unwrap_err().what, Fault::Depth);
}

#[test]
fn length_and_terms_have_bounds() {
    let long = format!("*{}", " ".repeat(QUERY_BYTES - 1));
    assert!(Query::parse(&long).is_ok() && Selector::parse(&long).is_ok());
    let longer = format!("{long} ");
    assert_eq!(fault(&longer), (QUERY_BYTES, Fault::Length));
    assert_eq!(Selector::parse(&longer).unwrap_err().what, Fault::Length);
    let terms = |count: usize| vec!["*"; count].join(" or ");
    assert!(Query::parse(&terms(QUERY_TERMS)).is_ok());
    assert_eq!(fault(&terms(QUERY_TERMS + 1)).1, Fault::Terms);
    // Those of all filters together.
    let half = format!("<Select>{}</Select>", terms(QUERY_TERMS / 2));
    let list = |filters: &str| format!("<QueryList><Query>{filters}</Query></QueryList>");
    assert!(Query::parse(&list(&half.repeat(2))).is_ok());
    assert_eq!(fault(&list(&format!("{half}{half}<Select>*</Select>"))).1, Fault::Terms);
    // What was checked counts no more, however often it is walked.
    let event = full_event();
    let query = format!("*[EventData/Data[{}]]", vec!["@Name='x'"; 200].join(" or "));
    assert!(Query::parse(&format!("{query} or *")).unwrap().matches(&event, None));
}

static MANY: [(&str, &str); 2 * EVENT_FIELDS] = [("n", "v"); 2 * EVENT_FIELDS];

/// An event of more fields than are looked at.
fn full_event() -> Event<'static> {
    static ELEMENTS: [Element<'_>; 2 * EVENT_FIELDS] = {
        let mut elements = [Element { depth: 0, name: "e", text: "v", attributes: &[] }; 2 * EVENT_FIELDS];
        let mut index = 0;
        while index < elements.len() {
            elements[index].depth = (index % 20) as u8;
            elements[index].attributes = &MANY;
            index += 1;
        }
        elements
    };
    Event { data: &MANY, user_data: &ELEMENTS, ..Event::new("System", 1) }
}

#[test]
fn fields_have_a_bound() {
    let mut many = MANY;
    let position = |data: &[(&str, &str)]| {
        let event = Event { data, ..Event::new("System", 1) };
        let found = Query::parse("*[EventData/Data='there']").unwrap().matches(&event, None);
        (found, contains(&event, "mark"))
    };
    many[EVENT_FIELDS - 1] = ("mark", "there");
    assert_eq!(position(&many), (true, true));
    (many[EVENT_FIELDS - 1], many[EVENT_FIELDS]) = (("", ""), ("mark", "there"));
    assert_eq!(position(&many), (false, false));
}

#[test]
fn attributes_have_a_bound() {
    let found = |place: usize| {
        let mut attributes = [("n", "v"); 2 * EVENT_ATTRIBUTES];
        attributes[place].1 = "there";
        let user_data = [Element { depth: 0, name: "e", text: "", attributes: &attributes }];
        let event = Event { user_data: &user_data, ..Event::new("System", 1) };
        Query::parse("*[UserData/e/@*='there']").unwrap().matches(&event, None)
    };
    assert!(found(0) && found(EVENT_ATTRIBUTES - 1) && !found(EVENT_ATTRIBUTES));
}

/// Queries that walk as much of a full event as they can, and select nothing.
#[test]
fn no_query_takes_long() {
    let none = "'x'";
    let wide = |path: &str, left: usize| vec![format!("{path}={none}"); left].join(" or ");
    let nested = |levels: usize, inner: &str| format!("*[*[{}{inner}{}]]", "*[".repeat(levels), "]".repeat(levels));
    let queries = [
        format!("*[EventData/Data[{}]]", wide("@Name", 250)),
        wide("*/*/*/@*", 250),
        wide("*/*/*", 250),
        format!("*[UserData/e[{}]]", wide("@*", 250)),
        wide("*/*/*/*/*/*/*/*/*/@*", 250),
        nested(4, &wide("*", 240)),
        nested(4, &wide("@*", 240)),
        format!("*[{}]", vec!["band(*/*/*[text()='y'], 1)"; 120].join(" or ")),
        // Each level has a way that fails at its end.
        nested(4, "* and x"),
        vec!["*[*[*[*[*[* and x]]]]]"; 30].join(" or "),
        format!("<QueryList><Query>{}</Query></QueryList>", "<Select>*/*/*/*='x'</Select>".repeat(250)),
        format!(
            "<QueryList><Query>{}</Query></QueryList>",
            "<Select>*[EventData[Data[x]]]<!--></Select>--></Select>".repeat(60)
        ),
    ];
    let event = full_event();
    let mut longest = Duration::ZERO;
    for text in &queries {
        let query = Query::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let start = Instant::now();
        assert!(!query.matches(&event, Some(NOW)), "{text}");
        let took = start.elapsed();
        println!("{took:?} {}", &text[..text.len().min(60)]);
        longest = longest.max(took);
    }
    println!("the longest took {longest:?}");
    assert!(longest < Duration::from_secs(5), "{longest:?}");
}

/// Markup that makes a reader look far ahead again and again takes no longer than its length allows.
#[test]
fn no_text_takes_long_to_refuse() {
    let start = Instant::now();
    for piece in [
        "<!--",
        "<![CDATA[",
        "<?",
        "&",
        "&#",
        "&amp",
        "<Select>",
        "<Select>*",
        "'",
        "\"",
        "0",
        "- ",
        "<!-- -->",
        "<![CDATA[]]>",
    ] {
        for before in [
            "",
            "<QueryList>",
            "<QueryList><Query>",
            "<QueryList><Query><Select>",
            "<QueryList><Query Path='",
            "*[x='",
            "*[",
        ] {
            let room = QUERY_BYTES - before.len();
            let text = format!("{before}{}", piece.repeat(room / piece.len()));
            assert!(Query::parse(&text).is_err(), "{before}{piece}");
            let _ = Selector::parse(&text);
        }
    }
    println!("{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(20));
}

/// What every text must hold to, whether it is a query or not.
fn harmless(text: &str, events: &[Event<'_>]) -> bool {
    let query = match Query::parse(text) {
        Ok(query) => query,
        Err(error) => {
            assert!(error.at <= text.len() && text.is_char_boundary(error.at), "{error} in {text}");
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    assert!(query.channels().count() > 0 || text.contains("Suppress"), "{text}");
    for event in events {
        let is_selected = query.matches(event, Some(NOW));
        // An expression that was checked is walked to its end: then what stands behind it counts.
        if !text.trim_start().starts_with('<') {
            for (tail, expected) in [("or *", true), ("and *", is_selected), ("and *[not]", false)] {
                match Query::parse(&format!("({text}) {tail}")) {
                    Ok(longer) => assert_eq!(longer.matches(event, Some(NOW)), expected, "{text}"),
                    Err(error) => {
                        assert!(matches!(error.what, Fault::Depth | Fault::Terms | Fault::Length), "{error}: {text}")
                    }
                }
            }
        }
    }
    true
}

#[test]
fn every_truncation_and_flipped_bit_is_an_error_or_a_query() {
    let events = [table::logon(), table::printer()];
    let (mut queries, mut errors) = (0_u32, 0_u32);
    let mut look = |bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if harmless(text, &events) {
            queries += 1
        } else {
            errors += 1
        }
        if let Ok(selector) = Selector::parse(text) {
            events.iter().for_each(|event| drop(selector.value(event, Some(NOW)).map(|value| value.to_string())));
        }
    };
    for text in table::all() {
        look(text.as_bytes());
        damage::cut(text.as_bytes(), &mut look);
        damage::flipped(text.as_bytes(), &mut look);
    }
    println!("{queries} were queries, {errors} were errors");
    assert!(queries > 10_000 && errors > 10_000);
}
