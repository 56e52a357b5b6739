use crate::{
    bytes::{Order, Reader, Short},
    guid::Guid,
    text::Utf16,
};

/// A stub is not what its interface says. All of these are the peer's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The stub ended inside a field.
    Short(Short),
    /// An array claims more elements than the rest of the stub can hold.
    Count {
        /// Number of elements claimed.
        claimed: u32,
        /// Bytes left in the stub.
        left: usize,
    },
    /// The maximum count of a conformant array is not the count that another parameter gives.
    Conformance {
        /// The maximum count.
        maximum: u32,
        /// What it should be.
        expected: u32,
    },
    /// Offset and actual count of a varying array do not lie within its maximum count, or the offset is not zero.
    Variance {
        /// The maximum count.
        maximum: u32,
        /// The offset.
        offset: u32,
        /// The actual count.
        actual: u32,
    },
    /// The last character of a `[string]` is not NUL.
    NotTerminated {
        /// The actual count.
        actual: u32,
    },
    /// A value is outside of the range that the interface gives.
    Range {
        /// The value.
        value: u32,
        /// The largest that is allowed.
        maximum: u32,
    },
}

impl From<Short> for DecodeError {
    fn from(short: Short) -> Self {
        Self::Short(short)
    }
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Short(short) => write!(f, "stub: {short}"),
            Self::Count { claimed, left } => {
                write!(f, "array of {claimed} elements in the last {left} bytes of a stub")
            }
            Self::Conformance { maximum, expected } => {
                write!(f, "array of maximum count {maximum}, expected {expected}")
            }
            Self::Variance { maximum, offset, actual } => {
                write!(f, "varying array from {offset}, {actual} elements long, of maximum count {maximum}")
            }
            Self::NotTerminated { actual } => write!(f, "string of {actual} characters without a final NUL"),
            Self::Range { value, maximum } => write!(f, "value {value}, at most {maximum} is allowed"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Reads the parameters of a stub in their order, each at its alignment.
///
/// Alignment counts from the start of the stub, so one decoder reads a whole stub.
#[derive(Debug, Clone)]
pub struct Decoder<'b> {
    reader: Reader<'b>,
}

impl<'b> Decoder<'b> {
    /// A decoder at the start of `stub`, whose integers and characters are in `order`.
    #[must_use]
    pub const fn new(stub: &'b [u8], order: Order) -> Self {
        Self { reader: Reader::with_order(stub, order) }
    }

    /// Number of bytes not read yet.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.reader.left()
    }

    /// Skips padding up to a multiple of `alignment`, a power of two.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if the stub ends inside the padding.
    pub fn align(&mut self, alignment: usize) -> Result<(), DecodeError> {
        Ok(self.reader.align(alignment)?)
    }

    /// Reads `count` bytes, unaligned.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if fewer are left.
    pub fn bytes(&mut self, count: usize) -> Result<&'b [u8], DecodeError> {
        Ok(self.reader.take(count)?)
    }

    /// Reads a `small`, `byte` or `char`.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if nothing is left.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.reader.u8()?)
    }

    /// Reads a `short`, aligned to 2.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if the stub ends before it does.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.align(2)?;
        Ok(self.reader.u16()?)
    }

    /// Reads a `long`, aligned to 4.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if the stub ends before it does.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.align(4)?;
        Ok(self.reader.u32()?)
    }

    /// Reads a `hyper`, aligned to 8.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if the stub ends before it does.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.align(8)?;
        Ok(self.reader.u64()?)
    }

    /// Reads a `long` of the range 0 to `maximum`.
    ///
    /// # Errors
    /// [`DecodeError::Range`] if it is greater.
    pub fn ranged(&mut self, maximum: u32) -> Result<u32, DecodeError> {
        let value = self.u32()?;
        if value > maximum {
            return Err(DecodeError::Range { value, maximum });
        }
        Ok(value)
    }

    /// Reads a GUID, aligned to 4.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if the stub ends before it does.
    pub fn guid(&mut self) -> Result<Guid, DecodeError> {
        self.align(4)?;
        Ok(Guid::read(&mut self.reader)?)
    }

    /// Lends the reader, at `alignment`, for a structure that is nobody's business here.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if the stub ends inside the padding.
    pub fn reader(&mut self, alignment: usize) -> Result<&mut Reader<'b>, DecodeError> {
        self.align(alignment)?;
        Ok(&mut self.reader)
    }

    /// Reads the referent identifier of a unique or full pointer: whether its referent follows.
    ///
    /// The referent of a parameter follows at once, that of a pointer inside an array or structure after the whole of
    /// the outermost one.
    ///
    /// # Errors
    /// [`DecodeError::Short`] if the stub ends before it does.
    pub fn pointer(&mut self) -> Result<bool, DecodeError> {
        Ok(self.u32()? != 0)
    }

    /// Reads the maximum count of a conformant array whose elements take at least `element` bytes each.
    ///
    /// # Errors
    /// [`DecodeError::Count`] if so many cannot follow.
    pub fn maximum_count(&mut self, element: usize) -> Result<u32, DecodeError> {
        let claimed = self.u32()?;
        self.fits(claimed, element)?;
        Ok(claimed)
    }

    /// Reads the maximum count of a conformant array that must have `expected` elements of at least `element` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Conformance`] if it says another number, [`DecodeError::Count`] if so many cannot follow.
    pub fn conformance(&mut self, expected: u32, element: usize) -> Result<(), DecodeError> {
        let maximum = self.u32()?;
        if maximum != expected {
            return Err(DecodeError::Conformance { maximum, expected });
        }
        self.fits(maximum, element)
    }

    fn fits(&self, claimed: u32, element: usize) -> Result<(), DecodeError> {
        let left = self.left();
        let needed = usize::try_from(claimed).ok().and_then(|count| count.checked_mul(element));
        if needed.is_some_and(|needed| needed <= left) { Ok(()) } else { Err(DecodeError::Count { claimed, left }) }
    }

    /// Reads a `[string] wchar_t*` that is a reference: the characters before the NULs at its end, borrowed from the stub.
    ///
    /// The maximum count may be any number that is not less than the actual count.
    ///
    /// # Errors
    /// [`DecodeError`] if the counts contradict each other or the stub, or the last character is not NUL.
    pub fn string(&mut self) -> Result<Utf16<'b>, DecodeError> {
        let actual = self.variance(2)?;
        // The count was seen to fit into the stub, so it fits into a usize twice over.
        let text = Utf16::new(self.bytes(2 * actual as usize)?, self.reader.order());
        if text.units().last() != Some(0) {
            return Err(DecodeError::NotTerminated { actual });
        }
        Ok(text.without_end())
    }

    /// Reads a `[string] char*` that is a reference: the bytes before the NUL.
    ///
    /// # Errors
    /// As [`string`](Self::string).
    pub fn narrow_string(&mut self) -> Result<&'b [u8], DecodeError> {
        let actual = self.variance(1)?;
        let bytes = self.bytes(actual as usize)?;
        match bytes.split(|&byte| byte == 0).next() {
            Some(text) if bytes.last() == Some(&0) => Ok(text),
            _ => Err(DecodeError::NotTerminated { actual }),
        }
    }

    /// Reads a `[string, unique] wchar_t*`.
    ///
    /// # Errors
    /// As [`string`](Self::string).
    pub fn unique_string(&mut self) -> Result<Option<Utf16<'b>>, DecodeError> {
        if self.pointer()? { self.string().map(Some) } else { Ok(None) }
    }

    /// Reads the three counts of a conformant and varying array, and returns the actual one.
    ///
    /// # Errors
    /// [`DecodeError::Variance`] if they contradict each other, [`DecodeError::Count`] if so many cannot follow.
    pub fn variance(&mut self, element: usize) -> Result<u32, DecodeError> {
        let maximum = self.u32()?;
        let offset = self.u32()?;
        let actual = self.u32()?;
        if offset != 0 || actual > maximum {
            return Err(DecodeError::Variance { maximum, offset, actual });
        }
        self.fits(actual, element)?;
        Ok(actual)
    }
}
