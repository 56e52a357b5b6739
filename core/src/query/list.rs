//! The markup of a QueryList, [MS-EVEN6] 2.2.16.

use super::{
    Fault,
    cursor::{Cursor, Text, behind, is_space},
};

/// A part of a QueryList.
pub(super) enum Part<'q> {
    /// A Query begins.
    Query {
        /// Path: the channel of those within that name none.
        path: Option<Text<'q>>,
        /// Whether it is of events that containers forward, alone.
        is_of_containers: bool,
    },
    /// A Select or a Suppress.
    Filter {
        is_suppress: bool,
        /// Path: the channel.
        path: Option<Text<'q>>,
        /// The expression.
        content: Cursor<'q>,
    },
    /// The Query ends.
    End,
}

/// Where a walk is.
enum Place {
    Before,
    /// In the list, and whether there was a Query.
    List(bool),
    /// In a Query, and whether there was anything in it.
    Query(bool),
    Behind,
}

/// A walk over the parts.
pub(super) struct List<'q> {
    rest: &'q str,
    place: Place,
}

/// A start tag.
struct Tag<'q> {
    path: Option<Text<'q>>,
    target: Option<Text<'q>>,
    is_empty: bool,
}

impl<'q> List<'q> {
    /// Over a text that begins with markup.
    pub(super) const fn new(text: &'q str) -> Self {
        Self { rest: text, place: Place::Before }
    }

    /// Bytes to the end of the text.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// The fault is at the bytes that are [`left`](Self::left).
    pub(super) fn next(&mut self) -> Result<Option<Part<'q>>, Fault> {
        loop {
            self.between()?;
            match self.place {
                Place::Before => {
                    let tag = self.start("QueryList")?;
                    if tag.is_empty {
                        return Err(Fault::Element);
                    }
                    self.place = Place::List(false);
                }
                Place::List(any) => {
                    if self.rest.starts_with("</") {
                        if !any {
                            return Err(Fault::Element);
                        }
                        self.end("QueryList")?;
                        self.place = Place::Behind;
                        continue;
                    }
                    let tag = self.start("Query")?;
                    if tag.is_empty {
                        return Err(Fault::Element);
                    }
                    self.place = Place::Query(false);
                    let is_of_containers = tag.target.is_some_and(|target| target.is("Container"));
                    return Ok(Some(Part::Query { path: tag.path, is_of_containers }));
                }
                Place::Query(any) => {
                    if self.rest.starts_with("</") {
                        if !any {
                            return Err(Fault::Element);
                        }
                        self.end("Query")?;
                        self.place = Place::List(true);
                        return Ok(Some(Part::End));
                    }
                    let is_suppress = self.is_start("Suppress");
                    let name = if is_suppress { "Suppress" } else { "Select" };
                    let tag = self.start(name)?;
                    if tag.is_empty {
                        return Err(Fault::Operand);
                    }
                    let content = Cursor::content(self.rest);
                    self.content()?;
                    self.end(name)?;
                    self.place = Place::Query(true);
                    return Ok(Some(Part::Filter { is_suppress, path: tag.path, content }));
                }
                Place::Behind => return if self.rest.is_empty() { Ok(None) } else { Err(Fault::Trailing) },
            }
        }
    }

    /// Goes over white space, comments and processing instructions.
    fn between(&mut self) -> Result<(), Fault> {
        loop {
            self.rest = self.rest.trim_start_matches(is_space);
            let after = if let Some(inside) = self.rest.strip_prefix("<!--") {
                behind(inside, "-->")
            } else if let Some(inside) = self.rest.strip_prefix("<?") {
                behind(inside, "?>")
            } else {
                return Ok(());
            };
            self.rest = after.ok_or(Fault::Markup)?;
        }
    }

    /// Whether the start tag of `name` is next.
    fn is_start(&self, name: &str) -> bool {
        let after = self.rest.strip_prefix('<').and_then(|rest| rest.strip_prefix(name));
        after.is_some_and(|after| after.starts_with(|next| is_space(next) || matches!(next, '>' | '/')))
    }

    /// Goes over the start tag of `name`.
    fn start(&mut self, name: &str) -> Result<Tag<'q>, Fault> {
        if !self.is_start(name) {
            // It may be text, another element, or nothing.
            return Err(if self.rest.starts_with('<') { Fault::Element } else { Fault::Markup });
        }
        self.rest = self.rest.get(1 + name.len()..).unwrap_or_default();
        let mut tag = Tag { path: None, target: None, is_empty: false };
        loop {
            let after = self.rest.trim_start_matches(is_space);
            let is_spaced = after.len() < self.rest.len();
            self.rest = after;
            if let Some(after) = self.rest.strip_prefix('>') {
                self.rest = after;
                return Ok(tag);
            }
            if let Some(after) = self.rest.strip_prefix("/>") {
                self.rest = after;
                tag.is_empty = true;
                return Ok(tag);
            }
            if !is_spaced {
                return Err(Fault::Markup);
            }
            let (name, value) = self.attribute()?;
            let kept = match name {
                "Path" => &mut tag.path,
                "Target" => &mut tag.target,
                _ => continue,
            };
            if kept.replace(value).is_some() {
                return Err(Fault::Markup);
            }
        }
    }

    /// Goes over an attribute.
    fn attribute(&mut self) -> Result<(&'q str, Text<'q>), Fault> {
        let is_end = |next: char| is_space(next) || matches!(next, '=' | '<' | '>' | '/' | '\'' | '"');
        let (name, after) = self.rest.split_at_checked(self.rest.find(is_end).unwrap_or(0)).unwrap_or_default();
        let after = after.trim_start_matches(is_space).strip_prefix('=').filter(|_| !name.is_empty());
        let after = after.ok_or(Fault::Markup)?.trim_start_matches(is_space);
        let mark = after.chars().next().filter(|mark| matches!(mark, '\'' | '"')).ok_or(Fault::Markup)?;
        match Cursor::attribute(after.get(1..).unwrap_or_default(), mark) {
            Ok((value, after)) => {
                self.rest = after;
                Ok((name, value))
            }
            Err((left, fault)) => {
                self.rest = self.rest.get(self.rest.len().saturating_sub(left)..).unwrap_or_default();
                Err(fault)
            }
        }
    }

    /// Goes over the content of a filter, to its end tag.
    fn content(&mut self) -> Result<(), Fault> {
        loop {
            let tag = self.rest.find('<').ok_or(Fault::Markup)?;
            let marked = self.rest.get(tag..).unwrap_or_default();
            let after = if marked.starts_with("</") {
                self.rest = marked;
                return Ok(());
            } else if let Some(inside) = marked.strip_prefix("<![CDATA[") {
                behind(inside, "]]>")
            } else if let Some(inside) = marked.strip_prefix("<!--") {
                behind(inside, "-->")
            } else {
                marked.strip_prefix("<?").and_then(|inside| behind(inside, "?>"))
            };
            let Some(after) = after else {
                self.rest = marked;
                return Err(Fault::Markup);
            };
            self.rest = after;
        }
    }

    /// Goes over the end tag of `name`.
    fn end(&mut self, name: &str) -> Result<(), Fault> {
        let after = self.rest.strip_prefix("</").and_then(|rest| rest.strip_prefix(name));
        let after = after.and_then(|after| after.trim_start_matches(is_space).strip_prefix('>'));
        self.rest = after.ok_or(Fault::Markup)?;
        Ok(())
    }
}
