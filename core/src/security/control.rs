//! What a descriptor says of its parts, and which of them are meant.

/// Control, [MS-DTYP] 2.4.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Control(pub u16);

impl Control {
    /// DP: there is a DACL, which may be NULL.
    pub const DACL_PRESENT: Self = Self(0x0004);
    /// DD: the DACL is a default.
    pub const DACL_DEFAULTED: Self = Self(0x0008);
    /// SP: there is a SACL, which may be NULL.
    pub const SACL_PRESENT: Self = Self(0x0010);
    /// SD: the SACL is a default.
    pub const SACL_DEFAULTED: Self = Self(0x0020);
    /// DC, `AR` of SDDL: the DACL is to be inherited by children.
    pub const DACL_AUTO_INHERIT_REQ: Self = Self(0x0100);
    /// SC, `AR` of SDDL: the SACL is to be inherited by children.
    pub const SACL_AUTO_INHERIT_REQ: Self = Self(0x0200);
    /// DI, `AI` of SDDL: the DACL was made by inheritance.
    pub const DACL_AUTO_INHERITED: Self = Self(0x0400);
    /// SI, `AI` of SDDL: the SACL was made by inheritance.
    pub const SACL_AUTO_INHERITED: Self = Self(0x0800);
    /// PD, `P` of SDDL: the DACL inherits nothing.
    pub const DACL_PROTECTED: Self = Self(0x1000);
    /// PS, `P` of SDDL: the SACL inherits nothing.
    pub const SACL_PROTECTED: Self = Self(0x2000);
    /// SR: offsets count from the start of the descriptor.
    pub const SELF_RELATIVE: Self = Self(0x8000);

    /// All that is about the DACL.
    pub(super) const OF_DACL: Self = Self(0x150C);
    /// All that is about the SACL.
    pub(super) const OF_SACL: Self = Self(0x2A30);

    /// Whether all of `bits` are set.
    #[must_use]
    pub const fn has(self, bits: Self) -> bool {
        self.0 & bits.0 == bits.0
    }

    /// These and `bits`.
    #[must_use]
    pub const fn with(self, bits: Self) -> Self {
        Self(self.0 | bits.0)
    }

    /// Those of them that are among `bits`.
    #[must_use]
    pub const fn only(self, bits: Self) -> Self {
        Self(self.0 & bits.0)
    }

    /// These but for `bits`.
    #[must_use]
    pub const fn without(self, bits: Self) -> Self {
        Self(self.0 & !bits.0)
    }
}

/// SECURITY_INFORMATION, [MS-DTYP] 2.4.7: which parts of a descriptor are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SecurityInformation(pub u32);

impl SecurityInformation {
    /// OWNER_SECURITY_INFORMATION.
    pub const OWNER: Self = Self(0x0000_0001);
    /// GROUP_SECURITY_INFORMATION.
    pub const GROUP: Self = Self(0x0000_0002);
    /// DACL_SECURITY_INFORMATION.
    pub const DACL: Self = Self(0x0000_0004);
    /// SACL_SECURITY_INFORMATION.
    pub const SACL: Self = Self(0x0000_0008);
    /// UNPROTECTED_SACL_SECURITY_INFORMATION: the SACL inherits from now on.
    pub const UNPROTECTED_SACL: Self = Self(0x1000_0000);
    /// UNPROTECTED_DACL_SECURITY_INFORMATION: the DACL inherits from now on.
    pub const UNPROTECTED_DACL: Self = Self(0x2000_0000);
    /// PROTECTED_SACL_SECURITY_INFORMATION: the SACL inherits nothing from now on.
    pub const PROTECTED_SACL: Self = Self(0x4000_0000);
    /// PROTECTED_DACL_SECURITY_INFORMATION: the DACL inherits nothing from now on.
    pub const PROTECTED_DACL: Self = Self(0x8000_0000);
    /// Owner, group, DACL and SACL.
    pub const ALL: Self = Self(0x0000_000F);

    /// Whether all of `parts` are meant.
    #[must_use]
    pub const fn has(self, parts: Self) -> bool {
        self.0 & parts.0 == parts.0
    }

    /// These and `parts`.
    #[must_use]
    pub const fn with(self, parts: Self) -> Self {
        Self(self.0 | parts.0)
    }
}
