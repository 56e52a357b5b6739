//! Random queries and events, beside an evaluator that knows nothing of the core: it walks the tree that roxmltree makes of the
//! event as XML, and an expression that was never text.

use std::{cell::Cell, fmt::Write};

use mainspring::{
    guid::Guid,
    query::{Element, Event, Fault, Query},
    sid::Sid,
    time::Timestamp,
};
use mainspring_tests::chance::Chance;
use roxmltree::{Document, Node};

use super::NOW;

// --- the event as XML -------------------------------------------------------------------------------------------------

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;")
}

fn attributes(pairs: &[(&str, Option<String>)]) -> String {
    pairs.iter().filter_map(|(name, value)| Some(format!(" {name}='{}'", escaped(value.as_ref()?)))).collect()
}

/// The event, as [MS-EVEN6] 2.2.13 has it.
fn xml(event: &Event<'_>) -> String {
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

// --- expressions ------------------------------------------------------------------------------------------------------

#[derive(Debug, Clone)]
enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Group(Box<Expression>),
    Exists(Steps),
    Compare(Operand, &'static str, Operand),
    Alone(Operand),
}

#[derive(Debug, Clone)]
enum Operand {
    Literal(String),
    Number(String),
    Path(Steps),
    Band(Box<Operand>, Box<Operand>),
    Difference(Box<Operand>, Option<Box<Operand>>),
    Position,
}

#[derive(Debug, Clone)]
struct Step {
    test: &'static str,
    predicates: Vec<Expression>,
}

type Steps = Vec<Step>;

const OPERATORS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];
/// GUIDs, moments, security identifiers, text, and what is like something else.
const LITERALS: [&str; 28] = [
    "{54849625-5478-4994-A5BA-3E3B0328C30D}",
    "54849625-5478-4994-a5ba-3e3b0328c30d",
    "nothing",
    "2024-05-01T22:00:00.000Z",
    "2024-05-01T22:00:00Z",
    "2024-05-01T21:59:59.9Z",
    "2024-05-02T00:00:00.005Z",
    "S-1-5-18",
    "S-1-5-19",
    "nobody",
    "a",
    "ada",
    "Ada",
    "b",
    "it's",
    "a<b & c",
    "System",
    "",
    "1",
    "2",
    "0x2",
    "2.0",
    "-1",
    "true",
    "false",
    "1e1",
    "10",
    "\n\tx",
];
const NUMBERS: [&str; 15] =
    ["0", "1", "2", "3", "4", "10", "0x2", "0x8000000000000000", "2.5", "-1", "+1", "1.50", ".5", "1e1", "7200000"];

/// What a step looked for, and how many levels below the root.
type At = (&'static str, usize);

/// What a step may look for in what one with this test took.
fn tests(at: At) -> &'static [&'static str] {
    match at {
        (_, 0) => &["*", "Event"],
        (_, 1) => &["System", "System", "EventData", "EventData", "UserData", "*"],
        ("System", _) => &[
            "EventID",
            "EventID",
            "Version",
            "Level",
            "Level",
            "Task",
            "Opcode",
            "Keywords",
            "EventRecordID",
            "Channel",
            "Computer",
            "Provider",
            "Provider",
            "TimeCreated",
            "TimeCreated",
            "Security",
            "Execution",
            "Correlation",
            "*",
        ],
        ("EventData", _) => &["Data", "Data", "Data", "*"],
        ("UserData", _) => &["Set", "Port", "EventID", "*"],
        (_, 2) => &["EventID", "Level", "Data", "Set", "*"],
        ("Data", _) => &["@Name", "@Name", "text()", "@*"],
        ("Provider", _) => &["@Name", "@Guid", "@Guid", "@EventSourceName", "@*"],
        ("TimeCreated", _) => &["@SystemTime"],
        ("Security", _) => &["@UserID"],
        ("Execution", _) => &["@ProcessID", "@ThreadID", "@*"],
        ("Correlation", _) => &["@ActivityID", "@RelatedActivityID"],
        ("EventID", _) => &["@Qualifiers", "text()"],
        ("Set", _) => &["Name", "Name", "@Name", "@Guid", "*"],
        ("Name", _) => &["Port", "@Name", "@Qualifiers", "text()"],
        _ => &["@*", "@Name", "@UserID", "text()", "Name", "*"],
    }
}

/// A maker of expressions.
struct Maker {
    chance: Chance,
}

impl Maker {
    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.chance.below(from.len() as u64) as usize]
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.chance.below(times) == 0
    }

    /// A condition at what a step with this test took, so many levels below the root.
    fn condition(&mut self, at: At, depth: usize) -> Expression {
        let parts =
            |maker: &mut Self| (0..=1 + maker.chance.below(2)).map(|_| maker.condition(at, depth + 1)).collect();
        match self.chance.below(if depth < 4 { 10 } else { 6 }) {
            6 => Expression::And(parts(self)),
            7 | 8 => Expression::Or(parts(self)),
            9 => Expression::Group(Box::new(self.condition(at, depth + 1))),
            0 => Expression::Exists(self.steps(at, depth)),
            1 if self.one_in(2) => Expression::Alone(self.band(at, depth)),
            2 if self.one_in(2) => {
                let (left, right) = (self.other(at, depth, ""), self.other(at, depth, ""));
                Expression::Compare(left, self.of(&OPERATORS), right)
            }
            _ => {
                let operator = self.of(&OPERATORS);
                let path = self.steps(at, depth);
                let other = self.other(at, depth, path.last().unwrap().test);
                let (left, right) = (Operand::Path(path), other);
                if self.one_in(4) {
                    Expression::Compare(right, operator, left)
                } else {
                    Expression::Compare(left, operator, right)
                }
            }
        }
    }

    /// An operand that is no path, and one that what is found by such a test may be like.
    fn other(&mut self, at: At, depth: usize, test: &str) -> Operand {
        let likely = match test {
            "@Guid" | "@ActivityID" => &LITERALS[..3],
            "@SystemTime" => &LITERALS[3..7],
            "@UserID" => &LITERALS[7..10],
            "@Name" | "Data" | "text()" | "Channel" | "Computer" => &LITERALS[10..18],
            _ => &LITERALS,
        };
        match self.chance.below(12) {
            0..6 => Operand::Literal(self.of(likely).into()),
            6..9 => Operand::Number(self.of(&NUMBERS).into()),
            9 => self.band(at, depth),
            10 => {
                let from = Box::new(self.argument(at, depth));
                let to = self.one_in(2).then(|| Box::new(self.argument(at, depth)));
                Operand::Difference(from, to)
            }
            _ => Operand::Position,
        }
    }

    fn band(&mut self, at: At, depth: usize) -> Operand {
        Operand::Band(Box::new(self.argument(at, depth)), Box::new(self.argument(at, depth)))
    }

    fn argument(&mut self, at: At, depth: usize) -> Operand {
        match self.chance.below(4) {
            0 => Operand::Number(self.of(&["1", "2", "3", "0x8000000000000002", "133590744000000000"]).into()),
            1 => Operand::Literal(self.of(&LITERALS).into()),
            _ => Operand::Path(self.steps(at, depth)),
        }
    }

    /// A path that may lead to something, with something behind it now and then that does not.
    fn steps(&mut self, mut at: At, depth: usize) -> Steps {
        let mut steps = vec![];
        loop {
            let tests = tests(at);
            let test = if self.one_in(20) { self.of(&["Event", "Data", "Set", "@*", "*"]) } else { self.of(tests) };
            let test = if at.1 == 0 { self.of(&["*", "Event"]) } else { test };
            at = (test, at.1 + 1);
            let mut predicates = vec![];
            while depth < 4 && predicates.len() < 3 && self.one_in(3) {
                let is_place = self.one_in(3);
                predicates.push(if is_place {
                    Expression::Alone(Operand::Number(self.of(&["1", "2", "3"]).into()))
                } else {
                    self.condition(at, depth + 1)
                });
            }
            steps.push(Step { test, predicates });
            let is_holder = at.1 < 3 || ["Provider", "TimeCreated", "Security", "Execution"].contains(&test);
            let is_end = test.starts_with('@') || test == "text()" || at.1 > 6;
            if is_end || self.one_in(if is_holder { 8 } else { 2 }) {
                return steps;
            }
        }
    }

    // --- as text ---

    fn space(&mut self) -> &'static str {
        if self.one_in(5) { self.of(&[" ", "  ", "\n", "\t "]) } else { "" }
    }

    fn write(&mut self, expression: &Expression, out: &mut String) {
        out.push_str(self.space());
        match expression {
            Expression::And(parts) | Expression::Or(parts) => {
                let word = if matches!(expression, Expression::And(_)) { " and " } else { " or " };
                for (index, part) in parts.iter().enumerate() {
                    out.push_str(if index > 0 { word } else { "" });
                    let is_grouped = matches!(part, Expression::Or(_) | Expression::And(_));
                    out.push_str(if is_grouped { "(" } else { "" });
                    self.write(part, out);
                    out.push_str(if is_grouped { ")" } else { "" });
                }
            }
            Expression::Group(inner) => {
                out.push('(');
                self.write(inner, out);
                out.push(')');
            }
            Expression::Exists(steps) => self.write_steps(steps, out),
            Expression::Compare(left, operator, right) => {
                self.write_operand(left, out);
                out.push_str(self.space());
                out.push_str(operator);
                out.push_str(self.space());
                self.write_operand(right, out);
            }
            Expression::Alone(operand) => self.write_operand(operand, out),
        }
        out.push_str(self.space());
    }

    fn write_operand(&mut self, operand: &Operand, out: &mut String) {
        match operand {
            Operand::Literal(text) => {
                let mark = if text.contains('\'') || self.one_in(3) { '"' } else { '\'' };
                write!(out, "{mark}{text}{mark}").unwrap();
            }
            Operand::Number(text) => out.push_str(text),
            Operand::Path(steps) => self.write_steps(steps, out),
            Operand::Band(left, right) => {
                out.push_str("band(");
                self.write_operand(left, out);
                out.push(',');
                self.write_operand(right, out);
                out.push(')');
            }
            Operand::Difference(from, to) => {
                out.push_str("timediff(");
                self.write_operand(from, out);
                if let Some(to) = to {
                    out.push_str(" , ");
                    self.write_operand(to, out);
                }
                out.push(')');
            }
            Operand::Position => out.push_str("position()"),
        }
    }

    fn write_steps(&mut self, steps: &Steps, out: &mut String) {
        for (index, step) in steps.iter().enumerate() {
            out.push_str(if index > 0 { "/" } else { "" });
            out.push_str(self.space());
            match step.test.strip_prefix('@') {
                Some(name) if self.one_in(4) => write!(out, "attribute::{name}").unwrap(),
                None if step.test != "text()" && self.one_in(8) => write!(out, "child::{}", step.test).unwrap(),
                _ => out.push_str(step.test),
            }
            for predicate in &step.predicates {
                out.push_str(self.space());
                out.push('[');
                self.write(predicate, out);
                out.push(']');
            }
        }
    }

    /// The text as the content of an element, spelled by chance.
    fn marked(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match self.chance.below(24) {
                0 => write!(out, "&#{};", character as u32).unwrap(),
                1 => write!(out, "&#x{:X};", character as u32).unwrap(),
                2 => write!(out, "<!-- {} -->{}", character.escape_unicode(), escaped(&character.to_string())).unwrap(),
                3 => {
                    write!(out, "<![CDATA[{character}").unwrap();
                    // A section must not end before its end.
                    while !self.one_in(6)
                        && let Some(next) = characters.next_if(|next| *next != '>')
                    {
                        out.push(next);
                    }
                    out.push_str("]]>");
                }
                _ => out.push_str(&escaped(&character.to_string())),
            }
        }
        out
    }
}

// --- what it means ----------------------------------------------------------------------------------------------------

/// A rule that a lying reference gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    None,
    /// What is no number is like nothing, also to `!=`.
    NumbersAlone,
    /// GUIDs are text.
    Guids,
    /// Moments are text.
    Moments,
    /// A place counts all elements of the name, not those that the predicates before it took.
    Places,
    /// `and` and `or` are alike.
    Precedence,
    /// Differences are the other way round.
    Differences,
}

#[derive(Clone)]
enum Seen<'d> {
    Root(Node<'d, 'd>),
    Element(Node<'d, 'd>),
    /// An attribute or text with its type.
    Leaf(Typed),
}

/// A value with its type.
#[derive(Debug, Clone, PartialEq)]
enum Typed {
    Text(String),
    Number(String),
    Moment(String),
    Guid(String),
    Sid(String),
    Literal(String),
    Truth(bool),
    Nothing,
}

struct Reference<'d> {
    document: &'d Document<'d>,
    lie: Lie,
}

fn is_of_system(node: Node<'_, '_>) -> bool {
    node.parent_element().is_some_and(|parent| {
        parent.has_tag_name("System") && parent.parent().is_some_and(|it| it.has_tag_name("Event"))
    })
}

fn element_value(node: Node<'_, '_>) -> Typed {
    let own = node.children().filter(|child| child.is_text()).filter_map(|child| child.text()).collect::<String>();
    let is_inside = |name: &str| node.ancestors().skip(1).any(|above| above.has_tag_name(name));
    match node.tag_name().name() {
        "EventID" | "Version" | "Level" | "Task" | "Opcode" | "Keywords" | "EventRecordID" if is_of_system(node) => {
            Typed::Number(own)
        }
        "Channel" | "Computer" if is_of_system(node) => Typed::Text(own),
        _ if is_inside("EventData") || is_inside("UserData") => Typed::Text(own),
        _ => Typed::Nothing,
    }
}

fn attribute_value(node: Node<'_, '_>, name: &str, value: &str) -> Typed {
    let value = value.to_owned();
    match name {
        _ if !is_of_system(node) => Typed::Text(value),
        "Qualifiers" | "ProcessID" | "ThreadID" => Typed::Number(value),
        "SystemTime" => Typed::Moment(value),
        "Guid" | "ActivityID" | "RelatedActivityID" => Typed::Guid(value),
        "UserID" => Typed::Sid(value),
        _ => Typed::Text(value),
    }
}

/// Millionths of millionths of millionths.
fn number(text: &str) -> Option<i128> {
    const ONE: i128 = 1_000_000_000_000_000_000;
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if let Some(digits) = text.strip_prefix("0x") {
        return i128::from_str_radix(digits, 16).ok().map(|number| number * ONE);
    }
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let sign = if mantissa.starts_with('-') { -1 } else { 1 };
    let (before, behind) = mantissa
        .trim_start_matches(['+', '-'])
        .split_once('.')
        .unwrap_or((mantissa.trim_start_matches(['+', '-']), ""));
    let is_digits = |text: &str| text.chars().all(|it| it.is_ascii_digit());
    if !is_digits(before) || !is_digits(behind) || (before.is_empty() && behind.is_empty()) {
        return None;
    }
    let digits = format!("{before}{behind}").parse::<i128>().ok()?;
    let scale = 18 - behind.len() as i32 + exponent.parse::<i32>().ok()?;
    Some(sign * digits * 10_i128.pow(scale as u32))
}

fn moment(text: &str) -> Option<i64> {
    // What jiff takes is more, but not among what is made here.
    text.ends_with('Z').then(|| text.parse::<jiff::Timestamp>().ok()).flatten().map(jiff::Timestamp::as_millisecond)
}

fn guid(text: &str) -> Option<String> {
    let bare = text.trim_start_matches('{').trim_end_matches('}').to_lowercase();
    let is_guid = bare.len() == 36 && bare.chars().all(|it| it == '-' || it.is_ascii_hexdigit());
    is_guid.then_some(bare)
}

fn sid(text: &str) -> Option<&str> {
    text.starts_with("S-1-").then_some(text)
}

impl Typed {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text)
            | Self::Literal(text)
            | Self::Number(text)
            | Self::Moment(text)
            | Self::Guid(text)
            | Self::Sid(text) => Some(text),
            Self::Truth(_) | Self::Nothing => None,
        }
    }

    fn number(&self) -> Option<i128> {
        match self {
            Self::Truth(truth) => number(if *truth { "1" } else { "0" }),
            Self::Moment(_) | Self::Guid(_) | Self::Sid(_) => None,
            other => number(other.text()?),
        }
    }

    fn boolean(&self) -> Option<bool> {
        match (self, self.text()) {
            (Self::Truth(truth), _) => Some(*truth),
            (_, Some("true")) => Some(true),
            (_, Some("false")) => Some(false),
            _ => self.number().map(|number| number != 0),
        }
    }
}

fn holds<T: PartialOrd>(operator: &str, left: &T, right: &T) -> bool {
    match operator {
        "=" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    }
}

impl<'d> Reference<'d> {
    fn compare(&self, left: &Typed, operator: &str, right: &Typed) -> bool {
        use Typed::{Guid, Literal, Moment, Nothing, Number, Sid, Text, Truth};
        let is_equality = matches!(operator, "=" | "!=");
        let both = [left, right];
        let any = |what: fn(&Typed) -> bool| both.into_iter().any(what);
        // A literal that data is compared with says what both are.
        let syntax = match (left, right) {
            (Text(_), Literal(text)) | (Literal(text), Text(_)) => Some(text.as_str()),
            _ => None,
        };
        if any(|it| matches!(it, Nothing)) {
            return false;
        }
        if self.lie != Lie::Moments
            && (any(|it| matches!(it, Moment(_))) || syntax.is_some_and(|text| moment(text).is_some()))
        {
            let moments =
                both.map(|it| if matches!(it, Number(_) | Truth(_)) { None } else { it.text().and_then(moment) });
            return matches!(moments, [Some(left), Some(right)] if holds(operator, &left, &right));
        }
        if self.lie != Lie::Guids
            && (any(|it| matches!(it, Guid(_))) || syntax.is_some_and(|text| guid(text).is_some()))
        {
            let guids = both.map(|it| it.text().and_then(guid));
            return is_equality && matches!(guids, [Some(left), Some(right)] if holds(operator, &left, &right));
        }
        if any(|it| matches!(it, Sid(_))) || syntax.is_some_and(|text| sid(text).is_some()) {
            let sids = both.map(|it| it.text().and_then(sid));
            return is_equality && matches!(sids, [Some(left), Some(right)] if holds(operator, &left, &right));
        }
        if any(|it| matches!(it, Truth(_))) && is_equality {
            let booleans = both.map(Typed::boolean);
            return matches!(booleans, [Some(left), Some(right)] if holds(operator, &left, &right));
        }
        let word = |it: &Typed| matches!(it, Literal(text) if text == "true" || text == "false");
        if is_equality && (word(left) || word(right)) {
            return match both.map(Typed::boolean) {
                [Some(left), Some(right)] => holds(operator, &left, &right),
                _ => holds(operator, &left.text(), &right.text()),
            };
        }
        if !is_equality || any(|it| matches!(it, Number(_))) {
            return match both.map(Typed::number) {
                [Some(left), Some(right)] => holds(operator, &left, &right),
                _ => operator == "!=" && self.lie != Lie::NumbersAlone,
            };
        }
        holds(operator, &left.text(), &right.text())
    }

    /// All nodes that the steps lead to, in their order.
    fn reached(&self, from: &Seen<'d>, steps: &[Step]) -> Vec<Seen<'d>> {
        let Some((step, behind)) = steps.split_first() else { return vec![from.clone()] };
        let node = match from {
            Seen::Root(node) | Seen::Element(node) => *node,
            Seen::Leaf(_) => return vec![],
        };
        let mut taken: Vec<Seen<'d>> = match step.test.strip_prefix('@') {
            Some(wanted) => node
                .attributes()
                .filter(|it| wanted == "*" || it.name() == wanted)
                .map(|it| Seen::Leaf(attribute_value(node, it.name(), it.value())))
                .collect(),
            None if step.test == "text()" => match element_value(node) {
                Typed::Nothing => vec![],
                Typed::Text(text) if text.is_empty() => vec![],
                value => vec![Seen::Leaf(value)],
            },
            None => node
                .children()
                .filter(|child| child.is_element() && (step.test == "*" || child.has_tag_name(step.test)))
                .map(Seen::Element)
                .collect(),
        };
        let places: Vec<usize> = (1..=taken.len()).collect();
        let mut of_all: Vec<(usize, Seen<'d>)> = places.into_iter().zip(taken.drain(..)).collect();
        for predicate in &step.predicates {
            let before = std::mem::take(&mut of_all);
            for (index, (first_place, node)) in before.into_iter().enumerate() {
                let place = if self.lie == Lie::Places { first_place } else { index + 1 };
                if self.is_taken(predicate, &node, place) {
                    of_all.push((first_place, node));
                }
            }
        }
        of_all.iter().flat_map(|(_, node)| self.reached(node, behind)).collect()
    }

    fn value(&self, seen: &Seen<'d>) -> Typed {
        match seen {
            Seen::Root(_) => Typed::Nothing,
            Seen::Element(node) => element_value(*node),
            Seen::Leaf(value) => value.clone(),
        }
    }

    fn is_taken(&self, predicate: &Expression, node: &Seen<'d>, place: usize) -> bool {
        match predicate {
            Expression::Alone(Operand::Number(text)) => number(text) == number(&place.to_string()),
            Expression::Group(inner) => self.is_taken(inner, node, place),
            other => self.holds(other, node, place),
        }
    }

    fn holds(&self, expression: &Expression, node: &Seen<'d>, place: usize) -> bool {
        let each = |parts: &[Expression]| parts.iter().map(|part| self.holds(part, node, place)).collect::<Vec<_>>();
        match expression {
            Expression::And(parts) if self.lie == Lie::Precedence => each(parts).contains(&true),
            Expression::And(parts) => !each(parts).contains(&false),
            Expression::Or(parts) => each(parts).contains(&true),
            Expression::Group(inner) => self.holds(inner, node, place),
            Expression::Exists(steps) => !self.reached(node, steps).is_empty(),
            Expression::Compare(left, operator, right) => {
                let values = |operand: &Operand| match operand {
                    Operand::Path(steps) => self.reached(node, steps).iter().map(|it| self.value(it)).collect(),
                    other => vec![self.operand(other, node, place)],
                };
                let rights = values(right);
                values(left).iter().any(|left| rights.iter().any(|right| self.compare(left, operator, right)))
            }
            Expression::Alone(operand) => match self.operand(operand, node, place) {
                Typed::Truth(truth) => truth,
                other => other.number().is_some_and(|number| number != 0),
            },
        }
    }

    /// What an operand comes to that stands for one value.
    fn operand(&self, operand: &Operand, node: &Seen<'d>, place: usize) -> Typed {
        let bits = |operand: &Operand| {
            let whole = 1_000_000_000_000_000_000;
            let number = self.operand(operand, node, place).number()?;
            (number % whole == 0).then(|| u64::try_from(number / whole).ok()).flatten()
        };
        let time = |operand: &Operand| {
            let value = self.operand(operand, node, place);
            let ticks = || bits(operand).map(|ticks| (ticks / 10_000) as i64 - 11_644_473_600_000);
            value.text().and_then(moment).or_else(ticks)
        };
        match operand {
            Operand::Literal(text) => Typed::Literal(text.clone()),
            Operand::Number(text) => Typed::Number(text.clone()),
            Operand::Path(steps) => self.reached(node, steps).first().map_or(Typed::Nothing, |it| self.value(it)),
            Operand::Band(left, right) => {
                Typed::Truth(matches!((bits(left), bits(right)), (Some(left), Some(right)) if left & right != 0))
            }
            Operand::Difference(from, to) => match (time(from), to.as_ref().map_or(Some(NOW.0), |to| time(to))) {
                (Some(from), Some(to)) if self.lie == Lie::Differences => Typed::Number((from - to).to_string()),
                (Some(from), Some(to)) => Typed::Number((to - from).to_string()),
                _ => Typed::Nothing,
            },
            Operand::Position => Typed::Number(place.to_string()),
        }
    }

    fn selects(&self, expression: &Expression) -> bool {
        self.holds(expression, &Seen::Root(self.document.root()), 1)
    }
}

// --- the comparison ---------------------------------------------------------------------------------------------------

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
fn event(maker: &mut Maker) -> Event<'static> {
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
