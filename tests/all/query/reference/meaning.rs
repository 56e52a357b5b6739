//! What an expression means, by a walk through the tree that roxmltree makes of an event as XML.

use roxmltree::{Document, Node};

use super::{
    super::NOW,
    expression::{Expression, Operand, Step},
};

/// A rule that a lying reference gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
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

pub(super) struct Reference<'d> {
    pub(super) document: &'d Document<'d>,
    pub(super) lie: Lie,
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

    pub(super) fn selects(&self, expression: &Expression) -> bool {
        self.holds(expression, &Seen::Root(self.document.root()), 1)
    }
}
