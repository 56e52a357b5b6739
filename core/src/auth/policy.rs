/// How tokens are wrapped; the number is the authentication type of [MS-RPCE] 2.2.1.1.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// NTLM messages as they are, authentication type 10.
    Ntlm,
    /// SPNEGO, authentication type 9. An acceptor also takes bare NTLM messages here, because some clients send them.
    Spnego,
}

/// How many unpredictable bits a sealing key has, [MS-NLMP] 3.4.5.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// 40 bits: neither NTLMSSP_NEGOTIATE_56 nor NTLMSSP_NEGOTIATE_128. Protects from nobody.
    Bits40,
    /// 56 bits: NTLMSSP_NEGOTIATE_56. Protects from nobody.
    Bits56,
    /// 128 bits: NTLMSSP_NEGOTIATE_128.
    Bits128,
}

/// What one side wants negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The weakest sealing key that is accepted.
    pub weakest: Strength,
    /// The strongest sealing key that is offered.
    pub strongest: Strength,
    /// Whether NTLMSSP_NEGOTIATE_KEY_EXCH is offered: a session key drawn by the client instead of one derived from
    /// the password.
    pub key_exchange: bool,
}

/// 128-bit keys and nothing weaker, with key exchange: what Windows demands since Windows 7.
impl Default for Policy {
    fn default() -> Self {
        Self { weakest: Strength::Bits128, strongest: Strength::Bits128, key_exchange: true }
    }
}
