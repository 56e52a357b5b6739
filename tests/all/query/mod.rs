//! Queries on events, [MS-EVEN6] 2.2.15 and 2.2.16.

mod bounds;
mod corpus;
mod reference;
mod table;

use mainspring::query::{Event, Fault, Query, QueryError};

/// What is wrong with a query, and where.
fn fault(text: &str) -> (usize, Fault) {
    let QueryError { at, what } = Query::parse(text).expect_err(text);
    (at, what)
}

/// Whether a query, which is one, selects an event.
fn matches(text: &str, event: &Event<'_>) -> bool {
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    query.matches(event, Some(NOW))
}

/// 2024-05-02T00:00:00Z.
const NOW: mainspring::time::Timestamp = mainspring::time::Timestamp(1_714_608_000_000);
