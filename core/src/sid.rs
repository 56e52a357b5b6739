//! Security identifiers, [MS-DTYP] 2.4.2.

use crate::bytes::{Full, Reader, Writer};

/// The most sub-authorities a SID may have, [MS-DTYP] 2.4.2.2.
pub const SUB_AUTHORITIES_MAX: usize = 15;

/// A SID: who somebody is. Held by value, so that it can be kept in records and slots.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, bytemuck::Zeroable)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sid {
    authority: [u8; 6],
    // INVARIANT: at most `SUB_AUTHORITIES_MAX`; those beyond it are zero.
    count: u8,
    sub_authorities: [u32; SUB_AUTHORITIES_MAX],
}

/// Bytes are not a SID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidError {
    /// They end before the sub-authorities do.
    Short,
    /// The revision is not 1.
    Revision(u8),
    /// More sub-authorities than [`SUB_AUTHORITIES_MAX`].
    TooManySubAuthorities(u8),
}

impl core::fmt::Display for SidError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Short => f.write_str("security identifier ends early"),
            Self::Revision(found) => write!(f, "security identifier of revision {found}, expected 1"),
            Self::TooManySubAuthorities(found) => {
                write!(f, "security identifier with {found} sub-authorities, at most {SUB_AUTHORITIES_MAX} are allowed")
            }
        }
    }
}

impl core::error::Error for SidError {}

impl Sid {
    /// S-1-0-0, nobody.
    pub const NOBODY: Self = Self::well_known(0, [0]);
    /// S-1-1-0, everyone.
    pub const EVERYONE: Self = Self::well_known(1, [0]);
    /// S-1-3-0, whom the owner of a new object takes the place of in what it inherits.
    pub const CREATOR_OWNER: Self = Self::well_known(3, [0]);
    /// S-1-3-1, whom the group of a new object takes the place of in what it inherits.
    pub const CREATOR_GROUP: Self = Self::well_known(3, [1]);
    /// S-1-3-4, whoever owns the object.
    pub const OWNER_RIGHTS: Self = Self::well_known(3, [4]);
    /// S-1-5-2, everybody who logged in over the network.
    pub const NETWORK: Self = Self::well_known(5, [2]);
    /// S-1-5-11, everybody who logged in with a name.
    pub const AUTHENTICATED_USERS: Self = Self::well_known(5, [11]);
    /// S-1-5-18, the operating system.
    pub const LOCAL_SYSTEM: Self = Self::well_known(5, [18]);
    /// S-1-5-19, LocalService.
    pub const LOCAL_SERVICE: Self = Self::well_known(5, [19]);
    /// S-1-5-20, NetworkService.
    pub const NETWORK_SERVICE: Self = Self::well_known(5, [20]);
    /// S-1-5-32-544, the built-in Administrators group.
    pub const ADMINISTRATORS: Self = Self::well_known(5, [32, 544]);
    /// S-1-5-32-545, the built-in Users group: everybody who has an account.
    pub const USERS: Self = Self::well_known(5, [32, 545]);

    const fn well_known<const COUNT: usize>(authority: u8, of_it: [u32; COUNT]) -> Self {
        const { assert!(COUNT <= SUB_AUTHORITIES_MAX) };
        let mut sub_authorities = [0; SUB_AUTHORITIES_MAX];
        let mut index = 0;
        while index < COUNT {
            sub_authorities[index] = of_it[index];
            index += 1;
        }
        Self { authority: [0, 0, 0, 0, 0, authority], count: COUNT as u8, sub_authorities }
    }

    /// The SID S-1-`authority`-`sub_authorities`; `None` if there are more than [`SUB_AUTHORITIES_MAX`].
    #[must_use]
    pub fn new(authority: [u8; 6], sub_authorities: &[u32]) -> Option<Self> {
        let mut sid = Self { authority, count: u8::try_from(sub_authorities.len()).ok()?, sub_authorities: [0; 15] };
        sid.sub_authorities.get_mut(..sub_authorities.len())?.copy_from_slice(sub_authorities);
        Some(sid)
    }

    /// Whether it is LocalSystem, LocalService or NetworkService: nobody can log in as one of them, and nobody needs a password.
    #[must_use]
    pub fn is_service(&self) -> bool {
        [Self::LOCAL_SYSTEM, Self::LOCAL_SERVICE, Self::NETWORK_SERVICE].contains(self)
    }

    /// The SID with one more sub-authority: an account of the domain that this SID is; `None` if it has all that it may have.
    #[must_use]
    pub fn with(&self, sub_authority: u32) -> Option<Self> {
        let mut sid = *self;
        *sid.sub_authorities.get_mut(usize::from(self.count))? = sub_authority;
        sid.count += 1;
        Some(sid)
    }

    /// The identifier authority, big-endian.
    #[must_use]
    pub const fn authority(&self) -> [u8; 6] {
        self.authority
    }

    /// The sub-authorities.
    #[must_use]
    pub fn sub_authorities(&self) -> &[u32] {
        self.sub_authorities.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// The SID with another relative identifier, [MS-DTYP] 2.4.2: its last sub-authority replaced. `None` if it has none.
    #[must_use]
    pub fn with_relative(mut self, relative: u32) -> Option<Self> {
        let last = usize::from(self.count).checked_sub(1)?;
        *self.sub_authorities.get_mut(last)? = relative;
        Some(self)
    }

    /// Number of bytes of the binary form.
    #[must_use]
    pub fn binary_len(&self) -> usize {
        8 + 4 * self.sub_authorities().len()
    }

    /// Reads the binary form, [MS-DTYP] 2.4.2.2.
    ///
    /// # Errors
    /// [`SidError`] says what is wrong with the bytes.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, SidError> {
        let revision = reader.u8().map_err(|_| SidError::Short)?;
        if revision != 1 {
            return Err(SidError::Revision(revision));
        }
        let count = reader.u8().map_err(|_| SidError::Short)?;
        let authority = reader.array().map_err(|_| SidError::Short)?;
        let mut sid = Self { authority, count, sub_authorities: [0; SUB_AUTHORITIES_MAX] };
        let sub_authorities =
            sid.sub_authorities.get_mut(..usize::from(count)).ok_or(SidError::TooManySubAuthorities(count))?;
        for sub_authority in sub_authorities {
            *sub_authority = reader.u32().map_err(|_| SidError::Short)?;
        }
        Ok(sid)
    }

    /// Writes the binary form, little-endian.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        writer.u8(1)?;
        writer.u8(self.count)?;
        writer.put(&self.authority)?;
        self.sub_authorities().iter().try_for_each(|&sub_authority| writer.u32(sub_authority))
    }

    /// Whether `binary` is the whole binary form of this SID: a comparison in place, that copies nothing.
    #[must_use]
    #[inline]
    pub fn is_binary(&self, binary: &[u8]) -> bool {
        // The last sub-authority is what SIDs differ in: mostly nothing else is looked at.
        let index = (binary.len() / 4).wrapping_sub(3);
        match (binary.last_chunk(), self.sub_authorities.get(index)) {
            (Some(last), Some(mine)) if u32::from_le_bytes(*last) != *mine => false,
            _ => self.is_whole(binary),
        }
    }

    fn is_whole(&self, binary: &[u8]) -> bool {
        let &[1, count, a, b, c, d, e, f, ref rest @ ..] = binary else { return false };
        count == self.count
            && rest.len() == 4 * usize::from(count)
            && self.sub_authorities().iter().zip(rest.chunks_exact(4)).all(|(mine, its)| mine.to_le_bytes() == its)
            && self.authority == [a, b, c, d, e, f]
    }

    /// Parses the string form, [MS-DTYP] 2.4.2.1 (`S-1-5-32-544`, the authority in decimal or `0x` hexadecimal);
    /// `None` if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("S-1-").or_else(|| text.strip_prefix("s-1-"))?;
        let mut parts = rest.split('-');
        let number = |part: &str| {
            let hexadecimal = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"));
            let (digits, radix) = hexadecimal.map_or((part, 10), |digits| (digits, 16));
            // A sign is no digit.
            let is_number = digits.bytes().all(|byte| char::from(byte).is_digit(radix));
            is_number.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
        };
        let [0, 0, authority @ ..] = number(parts.next()?)?.to_be_bytes() else { return None };
        let mut sid = Self { authority, count: 0, sub_authorities: [0; SUB_AUTHORITIES_MAX] };
        for part in parts {
            *sid.sub_authorities.get_mut(usize::from(sid.count))? = u32::try_from(number(part)?).ok()?;
            sid.count += 1;
        }
        (sid.count > 0).then_some(sid)
    }
}

/// The string form, [MS-DTYP] 2.4.2.1.
impl core::fmt::Display for Sid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b, low @ ..] = self.authority;
        if (a, b) == (0, 0) {
            write!(f, "S-1-{}", u32::from_be_bytes(low))?;
        } else {
            f.write_str("S-1-0x")?;
            self.authority.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        self.sub_authorities().iter().try_for_each(|sub_authority| write!(f, "-{sub_authority}"))
    }
}

impl core::fmt::Debug for Sid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}
