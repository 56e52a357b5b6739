//! Durations and moments as text.

use mainspring::task::{Boundary, Span};

/// What is read must be given back as it was written; what has no spelling of its own must mean the same again.
pub fn moments(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(span) = Span::parse(text) {
        assert_eq!(span.to_string(), text);
        let canonical = Span::from_seconds(span.seconds);
        assert_eq!(Span::parse(&canonical.to_string()), Some(canonical));
    }
    if let Some(boundary) = Boundary::parse(text) {
        assert_eq!(boundary.to_string(), text);
        let canonical = Boundary { text: "", ..boundary };
        assert_eq!(Boundary::parse(&canonical.to_string()), Some(canonical));
        assert!(boundary.civil.is_valid() && boundary.millisecond < 1000);
    }
}
