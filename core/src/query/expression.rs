//! Expressions: one walk over the text both checks it and, with an event, says what it comes to.

use super::{
    Fault, QueryError,
    compare::{Fact, Number, Operator, compare},
    cursor::{Cursor, Text},
    event::{Event, Node, Value},
};
use crate::{
    limits::{QUERY_DEPTH, QUERY_PREDICATES},
    time::Timestamp,
};

/// Where a path starts: a node, and its place among those that a step took.
#[derive(Debug, Clone, Copy)]
struct Context<'e> {
    node: Node<'e>,
    position: u32,
}

/// What is done at the end of a path.
#[derive(Clone, Copy)]
enum Tail<'c, 'q, 'e> {
    /// An operator and another operand may follow, whose paths start where this one did.
    Condition(Option<&'c Context<'e>>),
    /// The value is compared with this: the operator says how this is to the value.
    Against(&'c Fact<'q, 'e>, Operator),
    /// The value of the first node is wanted.
    Capture,
}

/// What a step looks for.
#[derive(Clone, Copy)]
enum Test<'q> {
    Any,
    Name(Text<'q>),
    Text,
}

/// The state of a walk.
///
/// A part of the text is walked over without a node where it does not matter what it comes to: while it is checked, behind
/// what is decided already, and behind a step that led nowhere. A path goes down only, so that a term is walked over at most once
/// with each node of the event, and at most once without for each of those around it.
pub(super) struct Walk<'q, 'e> {
    cursor: Cursor<'q>,
    event: &'e Event<'e>,
    now: Option<Timestamp>,
    /// Levels that this place is below the start.
    depth: usize,
    /// Terms that may still come, while the text is checked.
    terms: usize,
    /// Predicates around this place.
    predicates: usize,
    /// Whether the last path had no operator.
    is_bare: bool,
    captured: Option<Value<'e>>,
}

type Walked<T> = Result<T, Fault>;

impl<'q, 'e> Walk<'q, 'e> {
    /// From `cursor` on.
    pub(super) const fn new(cursor: Cursor<'q>, event: &'e Event<'e>, now: Option<Timestamp>) -> Self {
        Self { cursor, event, now, depth: 0, terms: usize::MAX, predicates: 0, is_bare: false, captured: None }
    }

    /// Checks that the text from here to its end is a condition on events. `terms` may still come in the whole query.
    pub(super) fn check(mut self, terms: &mut usize, whole: &str) -> Result<(), QueryError> {
        self.terms = *terms;
        let checked = self.condition(None).and_then(|fact| {
            *terms = self.terms;
            match fact {
                Fact::Exists(_) | Fact::Truth(_) => self.end(),
                _ => Err(Fault::NoEvent),
            }
        });
        checked.map_err(|fault| self.error(fault, whole))
    }

    /// Whether the event is as the condition says, which was checked.
    pub(super) fn holds(mut self) -> bool {
        let root = Context { node: Node::Root, position: 1 };
        self.condition(Some(&root)).is_ok_and(Fact::truth)
    }

    /// Checks that the text from here to its end is a path in an event.
    pub(super) fn check_path(mut self, whole: &str) -> Result<(), QueryError> {
        let checked = self.first_step(None, &Tail::Capture).and_then(|_| self.end());
        checked.map_err(|fault| self.error(fault, whole))
    }

    /// Whether the path, which was checked, leads to a node, and the value of the first one.
    pub(super) fn captured(mut self) -> (bool, Option<Value<'e>>) {
        let is_there = self.first_step(Some(Node::Root), &Tail::Capture).unwrap_or(false);
        (is_there, self.captured.filter(|_| is_there))
    }

    fn error(&self, fault: Fault, whole: &str) -> QueryError {
        let what = match fault {
            Fault::Depth | Fault::Terms | Fault::Predicates => fault,
            _ => self.cursor.broken().unwrap_or(fault),
        };
        QueryError { at: whole.len() - self.cursor.left(), what }
    }

    fn end(&mut self) -> Walked<()> {
        self.cursor.space();
        if self.cursor.peek().is_some() || self.cursor.broken().is_some() { Err(Fault::Trailing) } else { Ok(()) }
    }

    fn enter(&mut self) -> Walked<()> {
        self.depth += 1;
        if self.depth > QUERY_DEPTH { Err(Fault::Depth) } else { Ok(()) }
    }

    fn eat(&mut self, mark: char) -> bool {
        self.cursor.space();
        self.cursor.eat(mark)
    }

    fn expect(&mut self, mark: char) -> Walked<()> {
        if self.eat(mark) { Ok(()) } else { Err(Fault::Expected(mark)) }
    }

    /// Goes over `word` if it is the next name.
    fn eat_word(&mut self, word: &str) -> bool {
        let mut ahead = self.cursor;
        let is_next = ahead.name().is(word);
        if is_next {
            self.cursor = ahead;
        }
        is_next
    }

    /// Terms with `and` and `or` between them.
    fn condition(&mut self, context: Option<&Context<'e>>) -> Walked<Fact<'q, 'e>> {
        self.enter()?;
        let first = self.term(context)?;
        let (mut is_alone, mut any, mut all) = (true, false, first.truth());
        loop {
            self.cursor.space();
            if self.eat_word("and") {
                let next = self.term(context.filter(|_| all && !any))?;
                all = all && next.truth();
            } else if self.eat_word("or") {
                any = any || all;
                all = self.term(context.filter(|_| !any))?.truth();
            } else {
                break;
            }
            is_alone = false;
        }
        self.depth -= 1;
        Ok(if is_alone { first } else { Fact::Truth(any || all) })
    }

    /// A comparison, or what stands alone.
    fn term(&mut self, context: Option<&Context<'e>>) -> Walked<Fact<'q, 'e>> {
        self.terms = self.terms.checked_sub(1).ok_or(Fault::Terms)?;
        let Some(left) = self.operand(context)? else {
            let found = self.first_step(context.map(|context| context.node), &Tail::Condition(context))?;
            return Ok(if self.is_bare { Fact::Exists(found) } else { Fact::Truth(found) });
        };
        let Some(operator) = self.operator() else { return Ok(left) };
        if matches!(left, Fact::Exists(_)) {
            return Err(Fault::Group);
        }
        let held = match self.operand(context)? {
            Some(Fact::Exists(_)) => return Err(Fault::Group),
            Some(right) => context.is_some() && compare(left, operator, right),
            None => self.first_step(context.map(|context| context.node), &Tail::Against(&left, operator))?,
        };
        Ok(Fact::Truth(held))
    }

    fn operator(&mut self) -> Option<Operator> {
        self.cursor.space();
        let mut ahead = self.cursor;
        let sign = ahead.next()?;
        let mut with_equal = ahead;
        let is_with_equal = with_equal.next() == Some('=');
        let (operator, after) = match (sign, is_with_equal) {
            ('=', _) => (Operator::Equal, ahead),
            ('!', true) => (Operator::NotEqual, with_equal),
            ('<', true) => (Operator::LessOrEqual, with_equal),
            ('<', false) => (Operator::Less, ahead),
            ('>', true) => (Operator::GreaterOrEqual, with_equal),
            ('>', false) => (Operator::Greater, ahead),
            _ => return None,
        };
        self.cursor = after;
        Some(operator)
    }

    /// Whatever is no path; `None` before a path.
    fn operand(&mut self, context: Option<&Context<'e>>) -> Walked<Option<Fact<'q, 'e>>> {
        self.cursor.space();
        Ok(Some(match self.cursor.peek().ok_or(Fault::Operand)? {
            mark @ ('\'' | '"') => {
                self.cursor.eat(mark);
                let mut ahead = self.cursor;
                let Some(literal) = ahead.literal(mark) else {
                    // To where it is broken, if it is.
                    while self.cursor.next().is_some() {}
                    return Err(Fault::Literal);
                };
                self.cursor = ahead;
                Fact::Literal(literal)
            }
            '0'..='9' | '+' | '-' => self.number()?,
            // A point is the start of a number, or the step that is not served.
            '.' if self.is_fraction() => self.number()?,
            '(' => {
                self.cursor.eat('(');
                let fact = self.condition(context)?;
                self.expect(')')?;
                fact
            }
            _ => {
                let mut ahead = self.cursor;
                let name = ahead.name();
                ahead.space();
                if name.is_empty() || name.is("text") || !ahead.eat('(') {
                    return Ok(None);
                }
                let start = core::mem::replace(&mut self.cursor, ahead);
                self.function(name, context).inspect_err(|&fault| {
                    if fault == Fault::Function {
                        self.cursor = start;
                    }
                })?
            }
        }))
    }

    fn is_fraction(&self) -> bool {
        let mut ahead = self.cursor;
        ahead.next() == Some('.') && ahead.peek().is_some_and(|next| next.is_ascii_digit())
    }

    /// A number, which ends where no more of it can follow.
    fn number(&mut self) -> Walked<Fact<'q, 'e>> {
        let mut text = heapless::String::<64>::new();
        let mut ahead = self.cursor;
        let mut kept = |cursor: &mut Cursor<'q>, is_kept: fn(char) -> bool| {
            let mut any = false;
            while let Some(next) = cursor.peek().filter(|&next| is_kept(next)) {
                text.push(next).map_err(|_| Fault::Number)?;
                cursor.next();
                any = true;
            }
            Ok::<bool, Fault>(any)
        };
        let is_digit: fn(char) -> bool = |next| next.is_ascii_digit();
        kept(&mut ahead, |next| matches!(next, '+' | '-'))?;
        kept(&mut ahead, is_digit)?;
        if kept(&mut ahead, |next| matches!(next, 'x' | 'X'))? {
            kept(&mut ahead, |next| next.is_ascii_hexdigit())?;
        } else {
            kept(&mut ahead, |next| next == '.')?;
            kept(&mut ahead, is_digit)?;
            // The letter of an exponent, unless it is that of a word.
            let mut exponent = ahead;
            let is_letter = exponent.next().is_some_and(|next| matches!(next, 'd' | 'D' | 'e' | 'E'));
            let is_exponent = exponent.peek().is_some_and(|next| next.is_ascii_digit() || matches!(next, '+' | '-'));
            if is_letter && is_exponent {
                kept(&mut ahead, |next| next.is_ascii_alphabetic())?;
                kept(&mut ahead, |next| matches!(next, '+' | '-'))?;
                kept(&mut ahead, is_digit)?;
            }
        }
        let number = Number::parse(&text).ok_or(Fault::Number)?;
        self.cursor = ahead;
        Ok(Fact::Number(number))
    }

    /// A call, behind its opening parenthesis.
    fn function(&mut self, name: Text<'q>, context: Option<&Context<'e>>) -> Walked<Fact<'q, 'e>> {
        let fact = if name.is("position") {
            let position = context.map_or(0, |context| context.position);
            Fact::Number(Number::position(position))
        } else if name.is("band") {
            let left = self.argument(context)?.bits();
            self.expect(',')?;
            let right = self.argument(context)?.bits();
            Fact::Truth(left.zip(right).is_some_and(|(left, right)| left & right != 0))
        } else if name.is("timediff") {
            let from = self.argument(context)?.time();
            let to = if self.eat(',') { self.argument(context)?.time() } else { self.now };
            from.zip(to).map_or(Fact::Absent, |(from, to)| Fact::Number(Number::signed(to.since(from))))
        } else {
            return Err(Fault::Function);
        };
        self.expect(')')?;
        Ok(fact)
    }

    /// An argument: a number, a literal, or the value of the first node of a path.
    fn argument(&mut self, context: Option<&Context<'e>>) -> Walked<Fact<'q, 'e>> {
        self.cursor.space();
        match self.cursor.peek().ok_or(Fault::Operand)? {
            '\'' | '"' | '0'..='9' | '+' | '-' => Ok(self.operand(context)?.unwrap_or(Fact::Absent)),
            _ => {
                let found = self.first_step(context.map(|context| context.node), &Tail::Capture)?;
                Ok(self.captured.filter(|_| found).map_or(Fact::Absent, Fact::Value))
            }
        }
    }

    /// A path from its first step on.
    fn first_step(&mut self, node: Option<Node<'e>>, tail: &Tail<'_, 'q, 'e>) -> Walked<bool> {
        self.cursor.space();
        // Outside of all predicates it is the event.
        self.step(node, tail, self.predicates == 0)
    }

    /// A step of a path with all that follows it, to the end of the comparison. Whether a node was found of which it holds.
    fn step(&mut self, node: Option<Node<'e>>, tail: &Tail<'_, 'q, 'e>, is_event: bool) -> Walked<bool> {
        self.enter()?;
        let before = self.cursor;
        let (is_attribute, test) = self.test()?;
        let may_be_event = match test {
            Test::Any => !is_attribute,
            Test::Name(name) => !is_attribute && name.is("Event"),
            Test::Text => false,
        };
        if is_event && !may_be_event {
            self.cursor = before;
            return Err(Fault::NoEvent);
        }
        let is_wanted = |name: &str| match test {
            Test::Name(wanted) => wanted.is(name),
            Test::Any | Test::Text => true,
        };
        let start = self.cursor;
        let (mut from, mut positions) = (0, [0; QUERY_PREDICATES]);
        // Where the walk with a node came to, what it left behind there, and whether that is the end.
        let (mut reached, mut is_end) = ((start, false), false);
        while let Some(node) = node {
            let next = if let Test::Text = test {
                self.event.text(node).filter(|_| from == 0).map(|value| (1, Node::Leaf(value)))
            } else if is_attribute {
                self.event.attribute(node, from, &is_wanted)
            } else {
                self.event.child(node, from, &is_wanted)
            };
            let Some((next, child)) = next else { break };
            from = next;
            self.cursor = start;
            if self.is_taken(child, &mut positions)? {
                if self.rest_of_path(Some(child), tail)? {
                    self.depth -= 1;
                    return Ok(true);
                }
                is_end = true;
            } else if is_end {
                continue;
            }
            reached = (self.cursor, self.is_bare);
        }
        (self.cursor, self.is_bare) = reached;
        if !is_end {
            let mut count = 0;
            while self.eat('[') {
                count += 1;
                if count > QUERY_PREDICATES {
                    return Err(Fault::Predicates);
                }
                self.predicate(None)?;
            }
            self.rest_of_path(None, tail)?;
        }
        self.depth -= 1;
        Ok(false)
    }

    /// Whether every predicate here holds of the node; behind one that does not, no other is walked over.
    fn is_taken(&mut self, node: Node<'e>, positions: &mut [u32; QUERY_PREDICATES]) -> Walked<bool> {
        for position in positions {
            if !self.eat('[') {
                break;
            }
            *position += 1;
            let fact = self.predicate(Some(&Context { node, position: *position }))?;
            if !fact.holds(*position) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A predicate behind its opening bracket.
    fn predicate(&mut self, context: Option<&Context<'e>>) -> Walked<Fact<'q, 'e>> {
        self.predicates += 1;
        let fact = self.condition(context)?;
        self.predicates -= 1;
        self.expect(']')?;
        Ok(fact)
    }

    /// What follows a step.
    fn rest_of_path(&mut self, node: Option<Node<'e>>, tail: &Tail<'_, 'q, 'e>) -> Walked<bool> {
        if self.eat('/') {
            self.cursor.space();
            return self.step(node, tail, false);
        }
        match *tail {
            Tail::Capture => {
                self.captured = node.and_then(|node| self.event.value(node));
                Ok(node.is_some())
            }
            Tail::Against(left, operator) => {
                let value = node.and_then(|node| self.event.value(node));
                Ok(value.is_some_and(|value| compare(*left, operator, Fact::Value(value))))
            }
            Tail::Condition(context) => {
                let Some(operator) = self.operator() else {
                    self.is_bare = true;
                    return Ok(node.is_some());
                };
                let right = match self.operand(context)? {
                    Some(Fact::Exists(_)) => return Err(Fault::Group),
                    Some(right) => right,
                    None => return Err(if self.is_path() { Fault::Paths } else { Fault::Operand }),
                };
                self.is_bare = false;
                let value = node.and_then(|node| self.event.value(node));
                Ok(value.is_some_and(|value| compare(Fact::Value(value), operator, right)))
            }
        }
    }

    /// Whether a path could start here.
    fn is_path(&self) -> bool {
        let mut ahead = self.cursor;
        matches!(ahead.peek(), Some('@' | '*')) || !ahead.name().is_empty()
    }

    /// The axis of a step, and what it looks for.
    fn test(&mut self) -> Walked<(bool, Test<'q>)> {
        let (mut is_attribute, mut has_axis) = (self.cursor.eat('@'), false);
        self.cursor.space();
        loop {
            if self.cursor.eat('*') {
                return Ok((is_attribute, Test::Any));
            }
            let mut ahead = self.cursor;
            let name = ahead.name();
            let first = name.characters().next();
            let first = first.ok_or(if self.is_unserved() { Fault::Step } else { Fault::Operand })?;
            if first.is_ascii_digit() || matches!(first, '-' | '.') {
                return Err(Fault::Step);
            }
            let mut after = ahead;
            after.space();
            match after.peek() {
                Some(':') if !has_axis && !is_attribute => {
                    has_axis = true;
                    is_attribute = name.is("attribute");
                    let is_axis = after.eat(':') && after.eat(':');
                    if !is_axis || !(is_attribute || name.is("child")) {
                        return Err(Fault::Step);
                    }
                    after.space();
                    self.cursor = after;
                }
                Some(':') => return Err(Fault::Step),
                Some('(') if !is_attribute && name.is("text") => {
                    after.eat('(');
                    self.cursor = after;
                    self.expect(')')?;
                    return Ok((false, Test::Text));
                }
                Some('(') => return Err(Fault::Step),
                _ => {
                    self.cursor = ahead;
                    return Ok((is_attribute, Test::Name(name)));
                }
            }
        }
    }

    /// Whether this is a step of XPath that is not served.
    fn is_unserved(&self) -> bool {
        matches!(self.cursor.peek(), Some('/' | '.' | '$'))
    }
}
