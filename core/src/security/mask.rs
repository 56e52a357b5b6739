//! Which rights, and what generic ones mean.

use core::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// ACCESS_MASK, [MS-DTYP] 2.4.3: rights that are asked for, granted or denied.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AccessMask(pub u32);

impl AccessMask {
    /// No right.
    pub const NONE: Self = Self(0);

    /// FILE_READ_DATA, which is FILE_LIST_DIRECTORY of a folder.
    pub const READ_DATA: Self = Self(0x0000_0001);
    /// FILE_WRITE_DATA, which is FILE_ADD_FILE of a folder.
    pub const WRITE_DATA: Self = Self(0x0000_0002);
    /// FILE_APPEND_DATA, which is FILE_ADD_SUBDIRECTORY of a folder.
    pub const APPEND_DATA: Self = Self(0x0000_0004);
    /// FILE_EXECUTE, which is FILE_TRAVERSE of a folder.
    pub const EXECUTE: Self = Self(0x0000_0020);
    /// FILE_DELETE_CHILD, of a folder.
    pub const DELETE_CHILD: Self = Self(0x0000_0040);

    /// DELETE.
    pub const DELETE: Self = Self(0x0001_0000);
    /// READ_CONTROL: to read the descriptor, but for its SACL.
    pub const READ_CONTROL: Self = Self(0x0002_0000);
    /// WRITE_DAC: to change the DACL.
    pub const WRITE_DAC: Self = Self(0x0004_0000);
    /// WRITE_OWNER: to change the owner.
    pub const WRITE_OWNER: Self = Self(0x0008_0000);
    /// SYNCHRONIZE.
    pub const SYNCHRONIZE: Self = Self(0x0010_0000);
    /// ACCESS_SYSTEM_SECURITY: to read and change the SACL. No ACE grants it.
    pub const SYSTEM_SECURITY: Self = Self(0x0100_0000);
    /// MAXIMUM_ALLOWED: whatever is granted, as something that is asked for.
    pub const MAXIMUM_ALLOWED: Self = Self(0x0200_0000);

    /// GENERIC_ALL.
    pub const GENERIC_ALL: Self = Self(0x1000_0000);
    /// GENERIC_EXECUTE.
    pub const GENERIC_EXECUTE: Self = Self(0x2000_0000);
    /// GENERIC_WRITE.
    pub const GENERIC_WRITE: Self = Self(0x4000_0000);
    /// GENERIC_READ.
    pub const GENERIC_READ: Self = Self(0x8000_0000);

    /// FILE_ALL_ACCESS, `FA` of SDDL.
    pub const FILE_ALL: Self = Self(0x001F_01FF);
    /// FILE_GENERIC_READ, `FR` of SDDL.
    pub const FILE_READ: Self = Self(0x0012_0089);
    /// FILE_GENERIC_WRITE, `FW` of SDDL.
    pub const FILE_WRITE: Self = Self(0x0012_0116);
    /// FILE_GENERIC_EXECUTE, `FX` of SDDL.
    pub const FILE_EXECUTE: Self = Self(0x0012_00A0);

    const GENERIC: Self = Self(0xF000_0000);

    /// Whether there is no right.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `rights` are there.
    #[must_use]
    pub const fn has(self, rights: Self) -> bool {
        self.0 & rights.0 == rights.0
    }

    /// Whether one of `rights` is there.
    #[must_use]
    pub const fn has_any(self, rights: Self) -> bool {
        self.0 & rights.0 != 0
    }

    /// The rights with each generic one replaced by what it means of a file, as a task and a folder of tasks are.
    #[must_use]
    #[inline]
    pub const fn of_file(self) -> Self {
        if !self.has_any(Self::GENERIC) {
            return self;
        }
        let mut rights = self.0 & !Self::GENERIC.0;
        if self.has(Self::GENERIC_READ) {
            rights |= Self::FILE_READ.0;
        }
        if self.has(Self::GENERIC_WRITE) {
            rights |= Self::FILE_WRITE.0;
        }
        if self.has(Self::GENERIC_EXECUTE) {
            rights |= Self::FILE_EXECUTE.0;
        }
        if self.has(Self::GENERIC_ALL) {
            rights |= Self::FILE_ALL.0;
        }
        Self(rights)
    }
}

impl BitOr for AccessMask {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for AccessMask {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for AccessMask {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for AccessMask {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl core::fmt::Debug for AccessMask {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
