use core::fmt;

use crate::{
    bytes::{Full, Writer},
    guid::Guid,
    text::put_utf16,
};

/// Gives out referent identifiers: `0x00020000`, `0x00020004`, …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Referents {
    given: u32,
}

impl Referents {
    /// The next identifier; never zero.
    fn next_id(&mut self) -> u32 {
        let id = 0x0002_0000_u32.wrapping_add(self.given.wrapping_mul(4));
        self.given = self.given.wrapping_add(1);
        id.max(4)
    }
}

/// Writes the parameters of a stub in their order, each at its alignment, little-endian.
#[derive(Debug)]
pub struct Encoder<'b> {
    writer: Writer<'b>,
    referents: Referents,
}

impl<'b> Encoder<'b> {
    /// An encoder at the start of `stub`.
    #[must_use]
    pub const fn new(stub: &'b mut [u8]) -> Self {
        Self { writer: Writer::new(stub), referents: Referents { given: 0 } }
    }

    /// Number of bytes written.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.writer.position()
    }

    /// Number of bytes that still fit.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.writer.left()
    }

    /// What was written so far.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.writer.written()
    }

    /// What was written so far, to be changed in place.
    #[must_use]
    pub fn written_mut(&mut self) -> &mut [u8] {
        self.writer.written_mut()
    }

    /// Forgets everything written.
    pub fn restart(&mut self) {
        self.writer.rewind(0);
        self.referents = Referents::default();
    }

    /// Lends all the room of the stub for something else, of what was written nothing is left. [`restart`](Self::restart) is to be
    /// called before the stub is written.
    pub fn lend(&mut self) -> &mut [u8] {
        self.restart();
        let all = self.left();
        self.writer.reserve(all).unwrap_or_default()
    }

    /// Forgets what was written at and after `position`; referent identifiers given out stay given out.
    pub fn rewind(&mut self, position: usize) {
        self.writer.rewind(position);
    }

    /// Writes zeros up to a multiple of `alignment`, a power of two.
    ///
    /// # Errors
    /// [`Full`] if they do not fit.
    pub fn align(&mut self, alignment: usize) -> Result<(), Full> {
        self.writer.align(alignment)
    }

    /// Writes `bytes`, unaligned.
    ///
    /// # Errors
    /// [`Full`] if they do not fit.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.writer.put(bytes)
    }

    /// Writes `count` zero bytes, unaligned.
    ///
    /// # Errors
    /// [`Full`] if they do not fit.
    pub fn zeros(&mut self, count: usize) -> Result<(), Full> {
        self.writer.zeros(count)
    }

    /// Writes a `small`, `byte` or `char`.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn u8(&mut self, value: u8) -> Result<(), Full> {
        self.writer.u8(value)
    }

    /// Writes a `short`, aligned to 2.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn u16(&mut self, value: u16) -> Result<(), Full> {
        self.align(2)?;
        self.writer.u16(value)
    }

    /// Writes a `long`, aligned to 4.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn u32(&mut self, value: u32) -> Result<(), Full> {
        self.align(4)?;
        self.writer.u32(value)
    }

    /// Writes a `hyper`, aligned to 8.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn u64(&mut self, value: u64) -> Result<(), Full> {
        self.align(8)?;
        self.writer.u64(value)
    }

    /// Writes a GUID, aligned to 4.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn guid(&mut self, guid: &Guid) -> Result<(), Full> {
        self.align(4)?;
        guid.write(&mut self.writer)
    }

    /// Lends the writer, at `alignment`, for a structure that is nobody's business here.
    ///
    /// # Errors
    /// [`Full`] if the padding does not fit.
    pub fn writer(&mut self, alignment: usize) -> Result<&mut Writer<'b>, Full> {
        self.align(alignment)?;
        Ok(&mut self.writer)
    }

    /// Writes the referent identifier of a pointer that is not null.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn pointer(&mut self) -> Result<(), Full> {
        let id = self.referents.next_id();
        self.u32(id)
    }

    /// Writes a null pointer.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn null(&mut self) -> Result<(), Full> {
        self.u32(0)
    }

    /// Writes the referent identifier, or null for `None`; the referent is the caller's to write.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn pointer_to<T>(&mut self, referent: Option<T>) -> Result<(), Full> {
        if referent.is_some() { self.pointer() } else { self.null() }
    }

    /// Overwrites the `long` at `position`, which must have been written before.
    ///
    /// # Errors
    /// [`Full`] if it was not.
    pub fn patch_u32(&mut self, position: usize, value: u32) -> Result<(), Full> {
        self.writer.patch(position, &value.to_le_bytes())
    }

    /// Writes a `[string] wchar_t*` that is a reference.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn string(&mut self, text: &str) -> Result<(), Full> {
        let start = self.begin_string()?;
        put_utf16(&mut self.writer, text)?;
        self.end_string(start)
    }

    /// Writes a `[string, unique] wchar_t*`, pointer and referent.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn unique_string(&mut self, text: Option<&str>) -> Result<(), Full> {
        self.pointer_to(text)?;
        text.map_or(Ok(()), |text| self.string(text))
    }

    /// Writes a `[string] char*` that is a reference, in an array of `maximum` characters.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn narrow_string(&mut self, text: &str, maximum: u32) -> Result<(), Full> {
        self.u32(maximum)?;
        self.narrow_varying(text)
    }

    /// Writes a `[string] char[n]`, an array of fixed size: offset, actual count, characters and NUL.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn narrow_varying(&mut self, text: &str) -> Result<(), Full> {
        self.u32(0)?;
        self.u32(u32::try_from(text.len() + 1).unwrap_or(u32::MAX))?;
        self.bytes(text.as_bytes())?;
        self.u8(0)
    }

    /// Writes a `[string] wchar_t*` that is a reference, whatever length `write` makes it.
    ///
    /// # Errors
    /// [`Full`] if it does not fit, or `write` fails for a reason of its own.
    pub fn formatted(&mut self, write: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result) -> Result<(), Full> {
        let start = self.begin_string()?;
        let mut text = Text { writer: &mut self.writer };
        write(&mut text).map_err(|fmt::Error| Full { needed: 2, left: 0 })?;
        self.end_string(start)
    }

    /// Leaves room for the three counts, and returns where the characters begin.
    fn begin_string(&mut self) -> Result<usize, Full> {
        self.u32(0)?;
        self.u32(0)?;
        self.u32(0)?;
        Ok(self.position())
    }

    /// Ends the string that began at `start` and fills its counts in.
    fn end_string(&mut self, start: usize) -> Result<(), Full> {
        self.writer.u16(0)?;
        let units = u32::try_from((self.position() - start) / 2).unwrap_or(u32::MAX);
        self.patch_u32(start - 12, units)?;
        self.patch_u32(start - 4, units)
    }

    /// Writes a unique pointer to a conformant array of pointers to strings whose number is not known beforehand.
    ///
    /// `fill` is called once with a function that takes one string after the other; it returns whether the string was
    /// taken, and after it returned `false` takes none. A string is taken if it, and `reserve` bytes after the whole
    /// array, still fit. The pointer is null if none was taken. Returns how many were.
    ///
    /// # Errors
    /// [`Full`] if not even the pointer and `reserve` fit, or whatever `fill` returns.
    pub fn strings<E: From<Full>>(
        &mut self,
        reserve: usize,
        fill: impl FnOnce(&mut dyn FnMut(&str) -> bool) -> Result<(), E>,
    ) -> Result<u32, E> {
        self.align(4)?;
        let start = self.position();
        // Pointer and maximum count come before the identifiers, which are put in when their number is known.
        self.u32(0)?;
        self.u32(0)?;
        let array = self.position();
        let mut taken = 0_usize;
        let mut open = true;
        fill(&mut |text| {
            let before = self.position();
            open = open && self.align(4).and_then(|()| self.string(text)).is_ok() && {
                let padding = self.position().wrapping_neg() & 3;
                self.left() >= padding + 4 * (taken + 1) + reserve
            };
            if open {
                taken += 1;
            } else {
                self.rewind(before);
            }
            open
        })?;
        if taken == 0 {
            self.rewind(start);
            self.null()?;
            return Ok(0);
        }
        let end = self.position();
        self.zeros(4 * taken)?;
        self.written_mut().copy_within(array..end, array + 4 * taken);
        let count = u32::try_from(taken).unwrap_or(u32::MAX);
        let outer = self.referents.next_id();
        self.patch_u32(start, outer)?;
        self.patch_u32(start + 4, count)?;
        for index in 0..taken {
            let id = self.referents.next_id();
            self.patch_u32(array + 4 * index, id)?;
        }
        Ok(count)
    }
}

/// Takes text as UTF-16LE to the end of a stub; lent by [`Encoder::formatted`].
#[derive(Debug)]
struct Text<'e, 'b> {
    writer: &'e mut Writer<'b>,
}

impl fmt::Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        put_utf16(self.writer, text).map_err(|_| fmt::Error)
    }
}
