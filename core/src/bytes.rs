//! Cursors over byte slices: a reader that knows its byte order and where it stands, and a writer that never grows.
//!
//! Both return errors instead of panicking, whatever the input. Neither knows a format: alignment rules and field
//! layouts belong to the wire rooms.

/// Byte order of multi-byte integers, as a DCE/RPC peer announces it in its data representation label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Least significant byte first.
    #[default]
    Little,
    /// Most significant byte first.
    Big,
}

/// The input ended before a field did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// Bytes the field needs.
    pub needed: usize,
    /// Bytes that were left.
    pub left: usize,
}

impl core::fmt::Display for Short {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "input ended: {} bytes needed, {} left", self.needed, self.left)
    }
}

impl core::error::Error for Short {}

/// The lent buffer is too small for what was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// Bytes that were to be written.
    pub needed: usize,
    /// Bytes that were left.
    pub left: usize,
}

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "buffer full: {} bytes needed, {} left", self.needed, self.left)
    }
}

impl core::error::Error for Full {}

/// Reads fields from the front of a slice.
#[derive(Debug, Clone)]
pub struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    order: Order,
}

impl<'b> Reader<'b> {
    /// A reader at the start of `bytes` for little-endian integers.
    #[must_use]
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self::with_order(bytes, Order::Little)
    }

    /// A reader at the start of `bytes` for integers in `order`.
    #[must_use]
    pub const fn with_order(bytes: &'b [u8], order: Order) -> Self {
        Self { bytes, at: 0, order }
    }

    /// The byte order in force.
    #[must_use]
    pub const fn order(&self) -> Order {
        self.order
    }

    /// Offset of the next byte from the start.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// Number of bytes not read yet.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether everything was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left() == 0
    }

    /// The bytes not read yet.
    #[must_use]
    pub fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Reads `count` bytes.
    ///
    /// # Errors
    /// [`Short`] if fewer are left; nothing is read then.
    pub fn take(&mut self, count: usize) -> Result<&'b [u8], Short> {
        let taken = self.rest().get(..count).ok_or(Short { needed: count, left: self.left() })?;
        self.at += count;
        Ok(taken)
    }

    /// Reads exactly `N` bytes.
    ///
    /// # Errors
    /// [`Short`] if fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// Skips bytes until the position is a multiple of `alignment` (a power of two).
    ///
    /// # Errors
    /// [`Short`] if the input ends inside the padding.
    pub fn align(&mut self, alignment: usize) -> Result<(), Short> {
        let padding = self.at.wrapping_neg() & (alignment - 1);
        self.take(padding).map(|_| ())
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// [`Short`] if none is left.
    pub fn u8(&mut self) -> Result<u8, Short> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Reads a 16-bit integer in the order in force, unaligned.
    ///
    /// # Errors
    /// [`Short`] if fewer than 2 bytes are left.
    pub fn u16(&mut self) -> Result<u16, Short> {
        let array = self.array()?;
        Ok(match self.order {
            Order::Little => u16::from_le_bytes(array),
            Order::Big => u16::from_be_bytes(array),
        })
    }

    /// Reads a 32-bit integer in the order in force, unaligned.
    ///
    /// # Errors
    /// [`Short`] if fewer than 4 bytes are left.
    pub fn u32(&mut self) -> Result<u32, Short> {
        let array = self.array()?;
        Ok(match self.order {
            Order::Little => u32::from_le_bytes(array),
            Order::Big => u32::from_be_bytes(array),
        })
    }

    /// Reads a 64-bit integer in the order in force, unaligned.
    ///
    /// # Errors
    /// [`Short`] if fewer than 8 bytes are left.
    pub fn u64(&mut self) -> Result<u64, Short> {
        let array = self.array()?;
        Ok(match self.order {
            Order::Little => u64::from_le_bytes(array),
            Order::Big => u64::from_be_bytes(array),
        })
    }
}

/// Text goes in as UTF-8; what does not fit is an error, and not written.
impl core::fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.put(text.as_bytes()).map_err(|_| core::fmt::Error)
    }
}

/// Writes fields, integers little-endian, to the front of a lent slice.
#[derive(Debug)]
pub struct Writer<'b> {
    bytes: &'b mut [u8],
    at: usize,
}

impl<'b> Writer<'b> {
    /// A writer at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Offset of the next byte from the start, which is the number of bytes written.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// Number of bytes that still fit.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// What was written so far.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.bytes.get(..self.at).unwrap_or_default()
    }

    /// What was written so far, to be changed in place.
    #[must_use]
    pub fn written_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.at).unwrap_or_default()
    }

    /// Gives the lent slice back, cut to what was written.
    #[must_use]
    pub fn into_written(self) -> &'b mut [u8] {
        self.bytes.get_mut(..self.at).unwrap_or_default()
    }

    /// Forgets what was written at and after `position`; a position beyond the end changes nothing.
    pub fn rewind(&mut self, position: usize) {
        self.at = self.at.min(position);
    }

    /// Reserves the next `count` bytes and lends them; they hold whatever the lent slice held.
    ///
    /// # Errors
    /// [`Full`] if they do not fit; nothing is reserved then.
    pub fn reserve(&mut self, count: usize) -> Result<&mut [u8], Full> {
        let full = Full { needed: count, left: self.left() };
        let end = self.at.checked_add(count).ok_or(full)?;
        let reserved = self.bytes.get_mut(self.at..end).ok_or(full)?;
        self.at = end;
        Ok(reserved)
    }

    /// Writes `bytes`.
    ///
    /// # Errors
    /// [`Full`] if they do not fit; nothing is written then.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.reserve(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Writes `count` zero bytes.
    ///
    /// # Errors
    /// [`Full`] if they do not fit.
    pub fn zeros(&mut self, count: usize) -> Result<(), Full> {
        self.reserve(count)?.fill(0);
        Ok(())
    }

    /// Writes zero bytes until the position is a multiple of `alignment` (a power of two).
    ///
    /// # Errors
    /// [`Full`] if they do not fit.
    pub fn align(&mut self, alignment: usize) -> Result<(), Full> {
        self.zeros(self.at.wrapping_neg() & (alignment - 1))
    }

    /// Writes one byte.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn u8(&mut self, value: u8) -> Result<(), Full> {
        self.put(&[value])
    }

    /// Writes a 16-bit integer, unaligned.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn u16(&mut self, value: u16) -> Result<(), Full> {
        self.put(&value.to_le_bytes())
    }

    /// Writes a 32-bit integer, unaligned.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn u32(&mut self, value: u32) -> Result<(), Full> {
        self.put(&value.to_le_bytes())
    }

    /// Writes a 64-bit integer, unaligned.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn u64(&mut self, value: u64) -> Result<(), Full> {
        self.put(&value.to_le_bytes())
    }

    /// Overwrites `bytes.len()` bytes at `position`, which must have been written before.
    ///
    /// # Errors
    /// [`Full`] if the place lies outside of what was written.
    pub fn patch(&mut self, position: usize, bytes: &[u8]) -> Result<(), Full> {
        let full = Full { needed: bytes.len(), left: self.at.saturating_sub(position) };
        let end = position.checked_add(bytes.len()).ok_or(full)?;
        self.written_mut().get_mut(position..end).ok_or(full)?.copy_from_slice(bytes);
        Ok(())
    }
}

/// Records at rest are written by minicbor.
impl minicbor::encode::Write for Writer<'_> {
    type Error = Full;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.put(bytes)
    }
}
