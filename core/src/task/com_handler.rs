//! ComHandler, [MS-TSCH] 2.5.7.2: an action that names an object by its class instead of a program by its path.

use core::fmt::{Result, Write};

use super::opaque::{self, Piece};
use crate::guid::Guid;

/// A ComHandler, looked into where it is kept as XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComHandler<'b> {
    /// ClassId: which object.
    pub class: Guid,
    /// What stands between the tags of Data.
    data: &'b str,
}

impl<'b> ComHandler<'b> {
    /// Looks into an action that is kept as canonical XML; `None` if it is another element, or its ClassId is no GUID.
    #[must_use]
    pub fn parse(xml: &'b str) -> Option<Self> {
        let (Piece::Start { name: "ComHandler", is_empty: false, .. }, mut rest) = opaque::next(xml)? else {
            return None;
        };
        let (mut class, mut data) = (None, "");
        // INVARIANT: of the elements inside, `rest` stands before a child of the ComHandler itself.
        while let (Piece::Start { name, is_empty, .. }, after) = opaque::next(rest)? {
            let (inner, after) = if is_empty { ("", after) } else { element(after)? };
            match name {
                "ClassId" => class = Some(Guid::parse(inner.trim())?),
                "Data" => data = inner,
                _ => {}
            }
            rest = after;
        }
        Some(Self { class: class?, data })
    }

    /// Hands each piece of the text of Data to `write`, references and sections resolved, in order.
    ///
    /// # Errors
    /// Only those of `write`.
    pub fn data(&self, out: &mut dyn Write, mut write: impl FnMut(&str, &mut dyn Write) -> Result) -> Result {
        let mut rest = self.data;
        while !rest.is_empty() {
            let Some((piece, after)) = opaque::next(rest) else { return Ok(()) };
            rest = after;
            let Piece::Text(text) = piece else { continue };
            if let Some(section) = text.strip_prefix("<![CDATA[") {
                write(section.strip_suffix("]]>").unwrap_or(section), out)?;
                continue;
            }
            let mut parts = text.split('&');
            write(parts.next().unwrap_or_default(), out)?;
            for part in parts {
                let (reference, plain) = part.split_once(';').unwrap_or((part, ""));
                out.write_str(opaque::referred(reference))?;
                write(plain, out)?;
            }
        }
        Ok(())
    }
}

/// What comes up to the end tag of the element that was just opened, and what comes behind it.
fn element(xml: &str) -> Option<(&str, &str)> {
    let (mut depth, mut rest) = (0_usize, xml);
    loop {
        let (piece, after) = opaque::next(rest).filter(|_| !rest.is_empty())?;
        match piece {
            Piece::Start { is_empty, .. } => depth += usize::from(!is_empty),
            Piece::End { .. } if depth == 0 => return Some((xml.get(..xml.len() - rest.len())?, after)),
            Piece::End { .. } => depth -= 1,
            Piece::Text(_) => {}
        }
        rest = after;
    }
}
