//! Queries on events, [MS-EVEN6] 2.2.15 and 2.2.16: which events a trigger is about, and what it takes out of one.
//!
//! A query is checked once, and then borrowed: it is walked again for every event, so that it takes no memory of its own. No part
//! of it is walked more than twice for each node of an event, of which there are no more than [`EVENT_FIELDS`](crate::limits::EVENT_FIELDS) of a kind, and
//! nothing that is written in a query makes the walk go deeper than [`QUERY_DEPTH`].
//!
//! # What a query may be
//!
//! - A QueryList, with its Query elements, their Select and Suppress. An event is selected if, of any Query, it is what one of the
//!   Selects says and not what one of the Suppresses says. A Path names a channel, letter case aside; without one, and without
//!   one at the Query, it is any channel. A Path that is a URI of a file names no channel that events come from. A Query whose
//!   Target is `Container` selects nothing, because no port tells of containers. Id is not looked at, nor is an attribute that is
//!   not in the schema. References, CDATA sections, comments and processing instructions are understood everywhere; a document
//!   type, elements with a prefix and elements that the schema does not have are not.
//! - Or one expression, which is of any channel.
//!
//! An expression is made of `and`, `or`, parentheses, one comparison (`=`, `!=`, `<`, `<=`, `>`, `>=`) at a time, paths of the
//! child and attribute axis (in either spelling) with names, `*` and `text()`, predicates, literals, numbers, and the functions
//! `band`, `timediff` and `position`. A path outside of all predicates begins with `Event` or `*`, and one within them at what
//! the predicate is of.
//!
//! As the specification says, a comparison with what a path leads to holds if it holds of any node, in their order; what has no
//! text of its own is like nothing. The types are those of 2.2.15.2:
//! - A time, GUID or security identifier, in the event or by the syntax of a literal, is compared as that, and what cannot be
//!   read so is neither equal nor unequal to it.
//! - A number of the event, one that is written without quotation marks, and every operand of `<` and its kind, makes it a
//!   comparison of numbers. What is no number is unlike each, and not less or greater.
//! - The literals `true` and `false` are compared with numbers as Booleans.
//! - All else is text, compared with its letter case.
//!
//! # Where this is more than the specification
//!
//! Numbers are exact to 64 bits and 18 places, and not rounded to doubles: an EventRecordID beyond 2^53 is still itself. They
//! may be written with a sign or in hexadecimal digits without quotation marks too. Times may have up to nine digits behind the
//! point, as Windows writes them. Predicates may be written at any step, four at each.
//!
//! # Where it is less
//!
//! A comparison of two paths, one of a path in parentheses, and one of the result of another are refused. Of an event there
//! are System (without the attributes of Execution beyond the process and the thread), Data of EventData, and UserData; no
//! ComplexData, Binary, DebugData, BinaryEventData, ProcessingErrorData or RenderingInfo, so that nothing is found by a path to
//! them. Namespaces are not looked at. No BLOB is compared as such.
//!
//! # What is taken of [MS-TSCH] 2.5.3.6 and 3.2.5.1.2
//!
//! Subscription is a [`Query`], each of the ValueQueries a [`Selector`], of which a trigger takes the first node's value.
//! MatchingElement is the field that an event must have to be counted towards NumberOfOccurrences ([`contains`]): 3.2.5.1.2 says
//! that events are counted that "match the Subscription query and contain this field name". The section of [MS-EVEN6] that both
//! refer to, 3.1.4.31, is a method that renders messages, and says nothing about it. Counting is not done here.

mod compare;
mod cursor;
mod event;
mod expression;
mod list;

pub use event::{Element, Event, Value};

use crate::{
    limits::{QUERY_BYTES, QUERY_DEPTH, QUERY_PREDICATES, QUERY_TERMS},
    text::fold,
    time::Timestamp,
};
use cursor::{Cursor, Text, is_space};
use expression::Walk;
use list::{List, Part};

/// Why a text is no query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryError {
    /// Where in the text, in bytes from its start.
    pub at: usize,
    /// Why.
    pub what: Fault,
}

/// What is wrong with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is longer than [`QUERY_BYTES`].
    Length,
    /// Its paths, parentheses and predicates lie deeper in one another than [`QUERY_DEPTH`].
    Depth,
    /// It has more terms than [`QUERY_TERMS`].
    Terms,
    /// A step has more predicates than [`QUERY_PREDICATES`].
    Predicates,
    /// This is not well-formed, or is markup that a query does not have.
    Markup,
    /// This stands for no character.
    Reference,
    /// This is not the element that the schema has here, or one is missing.
    Element,
    /// A path, a literal, a number, a function or a parenthesis is missing.
    Operand,
    /// A step or an axis of XPath that is not served.
    Step,
    /// A path that does not begin at the event, or an expression that says nothing of one.
    NoEvent,
    /// A function that there is not.
    Function,
    /// This is no number.
    Number,
    /// A literal does not end.
    Literal,
    /// A comparison of two paths.
    Paths,
    /// A comparison of a path in parentheses.
    Group,
    /// This character is missing.
    Expected(char),
    /// There is something behind the end.
    Trailing,
}

impl core::fmt::Display for QueryError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl core::error::Error for QueryError {}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Length => write!(f, "longer than {QUERY_BYTES} bytes"),
            Self::Depth => write!(f, "more than {QUERY_DEPTH} levels"),
            Self::Terms => write!(f, "more than {QUERY_TERMS} terms"),
            Self::Predicates => write!(f, "more than {QUERY_PREDICATES} predicates of one step"),
            Self::Markup => f.write_str("markup that a query does not have"),
            Self::Reference => f.write_str("a reference to no character"),
            Self::Element => f.write_str("not the element that a query has here"),
            Self::Operand => f.write_str("no operand"),
            Self::Step => f.write_str("a step that is not served"),
            Self::NoEvent => f.write_str("nothing that selects events"),
            Self::Function => f.write_str("no such function"),
            Self::Number => f.write_str("no number"),
            Self::Literal => f.write_str("a literal without end"),
            Self::Paths => f.write_str("a comparison of two paths"),
            Self::Group => f.write_str("a comparison of a path in parentheses"),
            Self::Expected(character) => write!(f, "no {character:?}"),
            Self::Trailing => f.write_str("something behind the end"),
        }
    }
}

/// Which events: a trigger's Subscription, [MS-EVEN6] 2.2.15 and 2.2.16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'q> {
    // INVARIANT: it was checked.
    text: &'q str,
    /// Whether it is a QueryList, which then begins the text.
    is_list: bool,
}

impl<'q> Query<'q> {
    /// Checks a query.
    ///
    /// ```
    /// use mainspring::query::{Fault, Query};
    ///
    /// let list = r#"<QueryList><Query Id="0" Path="Security">
    ///     <Select Path="Security">*[System[(EventID=4624) and TimeCreated[timediff(@SystemTime) &lt;= 86400000]]]</Select>
    ///     <Suppress>*[EventData[Data[@Name='LogonType']=5]]</Suppress>
    /// </Query></QueryList>"#;
    /// assert!(Query::parse(list).is_ok());
    /// let error = Query::parse("*[System[EventID=4624]").unwrap_err();
    /// assert_eq!((error.at, error.what), (22, Fault::Expected(']')));
    /// ```
    ///
    /// # Errors
    /// [`QueryError`] says what is wrong, and where.
    pub fn parse(text: &'q str) -> Result<Self, QueryError> {
        let blank = Event::new("", 0);
        if text.len() > QUERY_BYTES {
            return Err(QueryError { at: QUERY_BYTES, what: Fault::Length });
        }
        let inner = text.trim_start_matches(is_space);
        let mut terms = QUERY_TERMS;
        if !inner.starts_with('<') {
            Walk::new(Cursor::plain(text), &blank, None).check(&mut terms, text)?;
            return Ok(Self { text, is_list: false });
        }
        let mut list = List::new(inner);
        loop {
            match list.next() {
                Ok(Some(Part::Filter { content, .. })) => {
                    Walk::new(content, &blank, None).check(&mut terms, text)?;
                }
                Ok(Some(Part::Query { .. } | Part::End)) => {}
                Ok(None) => return Ok(Self { text: inner, is_list: true }),
                Err(what) => return Err(QueryError { at: text.len() - list.left(), what }),
            }
        }
    }

    /// Whether the query selects the event. `now` is what `timediff` counts to; while it is unknown no comparison with such a
    /// difference holds.
    #[must_use]
    pub fn matches(&self, event: &Event<'_>, now: Option<Timestamp>) -> bool {
        if !self.is_list {
            return Walk::new(Cursor::plain(self.text), event, now).holds();
        }
        let mut list = List::new(self.text);
        let (mut channel, mut is_open) = (None, false);
        let (mut is_selected, mut is_suppressed) = (false, false);
        while let Ok(Some(part)) = list.next() {
            match part {
                Part::Query { path, is_of_containers } => {
                    (channel, is_open) = (path, !is_of_containers);
                    (is_selected, is_suppressed) = (false, false);
                }
                Part::Filter { is_suppress, path, content } => {
                    let known = if is_suppress { &mut is_suppressed } else { &mut is_selected };
                    if is_open && !*known && is_channel(path.or(channel), event) {
                        *known = Walk::new(content, event, now).holds();
                    }
                }
                Part::End if is_selected && !is_suppressed => return true,
                Part::End => {}
            }
        }
        false
    }

    /// The channels that the query names, each as often as it does: to which a port subscribes. `None` stands for all of them.
    pub fn channels(&self) -> impl Iterator<Item = Option<Channel<'q>>> + use<'q> {
        let (mut list, mut of_query) = (List::new(self.text), None);
        let mut any = (!self.is_list).then_some(None);
        core::iter::from_fn(move || {
            if let Some(any) = any.take() {
                return Some(any);
            }
            loop {
                match list.next() {
                    Ok(Some(Part::Query { path, .. })) => of_query = path,
                    Ok(Some(Part::Filter { is_suppress: false, path, .. })) => {
                        return Some(path.or(of_query).map(Channel));
                    }
                    Ok(Some(_)) => {}
                    _ => return None,
                }
            }
        })
    }
}

/// The name of a channel in a query. It is displayed without the references that it may be written with.
#[derive(Debug, Clone, Copy)]
pub struct Channel<'q>(Text<'q>);

impl<'q> Channel<'q> {
    /// Its characters, without the references that it may be written with.
    pub fn characters(&self) -> impl Iterator<Item = char> + use<'q> {
        self.0.characters()
    }
}

impl core::fmt::Display for Channel<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.characters().try_for_each(|character| core::fmt::Write::write_char(f, character))
    }
}

/// Whether the event is of the channel; of any, without one.
fn is_channel(path: Option<Text<'_>>, event: &Event<'_>) -> bool {
    path.is_none_or(|path| path.characters().map(fold).eq(event.channel.chars().map(fold)))
}

/// A path to something in an event: one of a trigger's ValueQueries.
///
/// ```
/// use mainspring::query::{Event, Selector};
///
/// let event = Event { record: Some(17), data: &[("TargetUserName", "ada")], ..Event::new("Security", 4624) };
/// let name = Selector::parse("Event/EventData/Data[@Name='TargetUserName']")?;
/// assert_eq!(name.value(&event, None).unwrap().to_string(), "ada");
/// let record = Selector::parse("Event/System/EventRecordID")?;
/// assert_eq!(record.value(&event, None).unwrap().to_string(), "17");
/// # Ok::<(), mainspring::query::QueryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selector<'q> {
    // INVARIANT: it was checked.
    text: &'q str,
}

impl<'q> Selector<'q> {
    /// Checks a path. It begins with `Event` or `*`, and is not compared with anything.
    ///
    /// # Errors
    /// [`QueryError`] says what is wrong, and where.
    pub fn parse(text: &'q str) -> Result<Self, QueryError> {
        if text.len() > QUERY_BYTES {
            return Err(QueryError { at: QUERY_BYTES, what: Fault::Length });
        }
        Walk::new(Cursor::plain(text), &Event::new("", 0), None).check_path(text)?;
        Ok(Self { text })
    }

    /// The value of the first node that the path leads to. `None` if there is no such node, or if it holds no text of its own.
    /// `now` is what [`Query::matches`] says.
    #[must_use]
    pub fn value<'e>(&self, event: &'e Event<'e>, now: Option<Timestamp>) -> Option<Value<'e>> {
        Walk::new(Cursor::plain(self.text), event, now).captured().1
    }

    /// Whether the path leads to anything.
    #[must_use]
    pub fn is_in(&self, event: &Event<'_>, now: Option<Timestamp>) -> bool {
        Walk::new(Cursor::plain(self.text), event, now).captured().0
    }
}

/// Whether an event has the field that a trigger's MatchingElement names, [MS-TSCH] 3.2.5.1.2: an element of this name anywhere
/// in it or a Data of this Name; or else what the text leads to as the path of a [`Selector`].
#[must_use]
pub fn contains(event: &Event<'_>, matching_element: &str) -> bool {
    let name = matching_element.trim_matches(is_space);
    (!name.is_empty() && event.has(name)) || Selector::parse(name).is_ok_and(|path| path.is_in(event, None))
}
