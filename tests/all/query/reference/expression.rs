//! Random expressions, and how they are written.

use std::fmt::Write;

use mainspring_tests::chance::Chance;

use super::event::escaped;

#[derive(Debug, Clone)]
pub(super) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Group(Box<Expression>),
    Exists(Steps),
    Compare(Operand, &'static str, Operand),
    Alone(Operand),
}

#[derive(Debug, Clone)]
pub(super) enum Operand {
    Literal(String),
    Number(String),
    Path(Steps),
    Band(Box<Operand>, Box<Operand>),
    Difference(Box<Operand>, Option<Box<Operand>>),
    Position,
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) test: &'static str,
    pub(super) predicates: Vec<Expression>,
}

pub(super) type Steps = Vec<Step>;

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
pub(super) struct Maker {
    pub(super) chance: Chance,
}

impl Maker {
    pub(super) fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.chance.below(from.len() as u64) as usize]
    }

    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.chance.below(times) == 0
    }

    /// A condition at what a step with this test took, so many levels below the root.
    pub(super) fn condition(&mut self, at: At, depth: usize) -> Expression {
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

    pub(super) fn write(&mut self, expression: &Expression, out: &mut String) {
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
    pub(super) fn marked(&mut self, text: &str) -> String {
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
