use super::{Request, status};
use crate::{
    bytes::Full,
    ndr::{DecodeError, Decoder, Encoder},
    status::Status,
    text::Utf16,
};

/// What a registration may do to the task store: TASK_CREATE and TASK_UPDATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Creation {
    /// TASK_VALIDATE_ONLY: only check the definition.
    Validate = 1,
    /// TASK_CREATE: the task must not exist.
    Create = 2,
    /// TASK_UPDATE: the task must exist.
    Update = 4,
    /// Both: either.
    CreateOrUpdate = 6,
}

/// TASK_LOGON_TYPE, [MS-TSCH] 2.3.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum LogonType {
    /// As the definition says.
    None = 0,
    /// With a stored password.
    Password = 1,
    /// Without a stored password.
    S4u = 2,
    /// In the session of the user.
    InteractiveToken = 3,
    /// In the session of any member of the group.
    Group = 4,
    /// As LocalSystem, LocalService or NetworkService.
    ServiceAccount = 5,
    /// In the session of the user, or with a stored password.
    InteractiveTokenOrPassword = 6,
}

/// TASK_USER_CRED, [MS-TSCH] 2.3.8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credential<'r> {
    /// Whose.
    pub user: &'r str,
    /// The password, if the kind of logon needs one. A secret: it is only for calls that are sealed.
    pub password: Option<&'r str>,
}

/// Leaves the password out, so that it never reaches a log.
impl core::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Credential").field("user", &self.user).finish_non_exhaustive()
    }
}

/// SchRpcRegisterTask (Opnum 1), [MS-TSCH] 3.2.5.4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterTask<'r> {
    /// Path of the task; `None` takes it from the definition, or makes one.
    pub path: Option<&'r str>,
    /// The definition.
    pub xml: &'r str,
    /// What it may do.
    pub creation: Creation,
    /// TASK_DISABLE.
    pub disable: bool,
    /// Security descriptor in SDDL.
    pub sddl: Option<&'r str>,
    /// How the principal logs on.
    pub logon_type: LogonType,
    /// Used instead of what the definition says.
    pub credential: Option<Credential<'r>>,
}

/// TASK_XML_ERROR_INFO, [MS-TSCH] 2.3.10: what is wrong with a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorInfo<'b> {
    /// Line; the first is 1.
    pub line: u32,
    /// Column; the first is 1.
    pub column: u32,
    /// Element or attribute.
    pub node: Utf16<'b>,
    /// Its value, or empty.
    pub value: Utf16<'b>,
}

/// Answer of [`RegisterTask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegisterTaskResponse<'b> {
    /// The path under which the task is registered.
    pub path: Option<Utf16<'b>>,
    /// What is wrong with the definition.
    pub error: Option<ErrorInfo<'b>>,
    /// The return value.
    pub status: Status,
}

impl Request for RegisterTask<'_> {
    const OPNUM: u16 = 1;
    type Response<'b> = RegisterTaskResponse<'b>;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        const DISABLE: u32 = 8;
        stub.unique_string(self.path)?;
        stub.string(self.xml)?;
        stub.u32(self.creation as u32 | if self.disable { DISABLE } else { 0 })?;
        stub.unique_string(self.sddl)?;
        stub.u32(self.logon_type as u32)?;
        let Some(credential) = self.credential else {
            stub.u32(0)?;
            return stub.null();
        };
        stub.u32(1)?; // cCreds
        stub.pointer()?;
        stub.u32(1)?; // maximum count
        stub.pointer()?;
        stub.pointer_to(credential.password)?;
        stub.u32(0)?; // flags
        stub.string(credential.user)?;
        credential.password.map_or(Ok(()), |password| stub.string(password))
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<RegisterTaskResponse<'b>, DecodeError> {
        let path = stub.unique_string()?;
        let error = if stub.pointer()? {
            let (line, column, node, value) = (stub.u32()?, stub.u32()?, stub.pointer()?, stub.pointer()?);
            Some(ErrorInfo {
                line,
                column,
                node: if node { stub.string()? } else { Utf16::default() },
                value: if value { stub.string()? } else { Utf16::default() },
            })
        } else {
            None
        };
        Ok(RegisterTaskResponse { path, error, status: status(stub)? })
    }
}

/// SchRpcRetrieveTask (Opnum 2), [MS-TSCH] 3.2.5.4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrieveTask<'r> {
    /// Path of the task.
    pub path: &'r str,
}

/// Answer of [`RetrieveTask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrieveTaskResponse<'b> {
    /// The definition.
    pub xml: Option<Utf16<'b>>,
    /// The return value.
    pub status: Status,
}

impl Request for RetrieveTask<'_> {
    const OPNUM: u16 = 2;
    type Response<'b> = RetrieveTaskResponse<'b>;

    fn encode(&self, stub: &mut Encoder<'_>) -> Result<(), Full> {
        stub.string(self.path)?;
        stub.string("")?; // no language is preferred
        stub.u32(0)
    }

    fn decode<'b>(stub: &mut Decoder<'b>) -> Result<RetrieveTaskResponse<'b>, DecodeError> {
        Ok(RetrieveTaskResponse { xml: stub.unique_string()?, status: status(stub)? })
    }
}
