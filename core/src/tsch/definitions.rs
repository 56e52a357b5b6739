//! Definitions: SchRpcRegisterTask and SchRpcRetrieveTask.

use super::{
    Arrival, Refusal, Service,
    accounts::{Identity, NAME_MAX, bare, identify, identify_utf16, is_password, is_service},
    context, context_and_secrets,
    descriptors::{self, DONT_ADD_PRINCIPAL_ACE},
    flags, narrow, path_below_root, read_path_below_root,
};
use crate::{
    credentials,
    engine::{Creation, Definition, Engine, Entry, Registration},
    guid::Guid,
    limits::LANGUAGES,
    ndr::{DecodeError, Decoder, Encoder},
    ports::{Account, Accounts, Entropy, LoginAttempt},
    security::{AccessMask, Descriptor, SecurityInformation, sddl},
    sid::Sid,
    status::Status,
    task::{
        Image, LogonType, Path, PathError, Principal, Reader, TriggerKind,
        xml::{self, Registrant, XmlError},
    },
    text::Utf16,
};
use core::fmt::Display;

/// TASK_VALIDATE_ONLY
pub(super) const VALIDATE_ONLY: u32 = 0x01;
/// TASK_CREATE
pub(super) const CREATE: u32 = 0x02;
/// TASK_UPDATE
pub(super) const UPDATE: u32 = 0x04;
/// TASK_DISABLE
pub(super) const DISABLE: u32 = 0x08;
/// TASK_IGNORE_REGISTRATION_TRIGGERS
pub(super) const IGNORE_REGISTRATION_TRIGGERS: u32 = 0x20;
/// The six flags that there are.
const REGISTER_FLAGS: u32 =
    VALIDATE_ONLY | CREATE | UPDATE | DISABLE | DONT_ADD_PRINCIPAL_ACE | IGNORE_REGISTRATION_TRIGGERS;

/// TASK_LOGON_TYPE, 2.3.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Logon {
    None,
    Password,
    S4u,
    InteractiveToken,
    Group,
    ServiceAccount,
    InteractiveTokenOrPassword,
}

impl Logon {
    fn new(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::None,
            1 => Self::Password,
            2 => Self::S4u,
            3 => Self::InteractiveToken,
            4 => Self::Group,
            5 => Self::ServiceAccount,
            6 => Self::InteractiveTokenOrPassword,
            _ => return None,
        })
    }

    /// What the definition says from then on; groups and services have no word for it.
    fn written(self) -> Option<LogonType> {
        match self {
            Self::None | Self::Group | Self::ServiceAccount => None,
            Self::Password => Some(LogonType::Password),
            Self::S4u => Some(LogonType::S4u),
            Self::InteractiveToken => Some(LogonType::InteractiveToken),
            Self::InteractiveTokenOrPassword => Some(LogonType::InteractiveTokenOrPassword),
        }
    }
}

/// TASK_USER_CRED, 2.3.8.
#[derive(Debug, Clone, Copy)]
struct Credential<'b> {
    user: Option<Utf16<'b>>,
    password: Option<Utf16<'b>>,
    flags: u32,
}

/// credFlagDefault: the credential counts only if the definition names nobody.
const CREDENTIAL_DEFAULT: u32 = 1;

/// What SchRpcRegisterTask takes.
struct RegisterTask<'b> {
    path: Option<Utf16<'b>>,
    xml: Utf16<'b>,
    flags: u32,
    sddl: Option<Utf16<'b>>,
    logon_type: u32,
    credentials: u32,
    /// The first one.
    credential: Option<Credential<'b>>,
}

impl<'b> RegisterTask<'b> {
    fn decode(stub: &mut Decoder<'b>) -> Result<Self, DecodeError> {
        /// Bytes of a TASK_USER_CRED without what its pointers point to.
        const CREDENTIAL: usize = 4 // userId
            + 4 // password
            + 4; // flags
        let mut request = Self {
            path: stub.unique_string()?,
            xml: stub.string()?,
            flags: stub.u32()?,
            sddl: stub.unique_string()?,
            logon_type: stub.u32()?,
            credentials: stub.u32()?,
            credential: None,
        };
        if stub.pointer()? {
            stub.conformance(request.credentials, CREDENTIAL)?;
            // More than one is refused anyway, so the others need not be read.
            if request.credentials == 1 {
                let (user, password, flags) = (stub.pointer()?, stub.pointer()?, stub.u32()?);
                request.credential = Some(Credential {
                    user: if user { Some(stub.string()?) } else { None },
                    password: if password { Some(stub.string()?) } else { None },
                    flags,
                });
            }
        }
        Ok(request)
    }
}

impl Service<'_, '_> {
    /// SchRpcRegisterTask (Opnum 1), 3.2.5.4.2. The credential is checked against the accounts, and [kept](credentials) if the task
    /// is to run with it; where the host keeps none that gets `SCHED_E_UNSUPPORTED_ACCOUNT_OPTION`. A definition whose normalised
    /// form no reply could hold gets `E_OUTOFMEMORY`.
    ///
    /// Where the path is given it is looked at before the definition is, as the page has it: see [`access`](super::access). To
    /// give a task that is there another descriptor takes the rights that SchRpcSetSecurity asks for.
    #[inline(never)]
    pub(super) fn register_task(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        let request = RegisterTask::decode(stub)?;

        let given = flags(request.flags, REGISTER_FLAGS)?;
        let logon = Logon::new(request.logon_type).ok_or(Status::E_INVALIDARG)?;
        if request.credentials > 1 || (request.credentials == 1) != request.credential.is_some() {
            return Err(Status::E_INVALIDARG.into());
        }
        let credential_flags = flags(request.credential.map_or(0, |credential| credential.flags), CREDENTIAL_DEFAULT)?;
        // The root stands for a path that is to be made up, because no task is there.
        let mut path = Path::ROOT;
        if let Some(given) = request.path {
            read_path_below_root(given, &mut path)?;
            self.allow_registration(arrival, &path, request.flags)?;
        }

        let accounts = &mut *self.ports.accounts;
        let caller = arrival.account;
        // A credential that names nobody is the caller's own.
        let identity = request.credential.map(|credential| match credential.user.filter(|user| !user.is_empty()) {
            Some(user) => identify_utf16(user, accounts),
            None => Some(Identity::Account(caller.clone())),
        });
        let credential_user = identity.as_ref().and_then(Option::as_ref).map(Identity::sid);
        let is_default = credential_flags & CREDENTIAL_DEFAULT != 0;

        let (sddl, room) = narrow(request.sddl, core::mem::take(&mut self.scratch))?;
        let read = xml::read(
            request.xml,
            &mut Registrant {
                resolve: &mut |name| identify(name, accounts).map(|identity| identity.sid()),
                default_user: credential_user.filter(|_| is_default).unwrap_or(caller.sid),
                override_user: credential_user.filter(|_| !is_default && logon != Logon::Group),
                override_group: credential_user.filter(|_| !is_default && logon == Logon::Group),
                override_logon: logon.written(),
            },
            room,
        );
        let image = match read {
            Ok(image) => image,
            Err(error) => return refuse_definition(&error, out),
        };
        if given & VALIDATE_ONLY != 0 {
            out.null()?;
            out.null()?;
            return Ok(Status::S_OK);
        }

        let verified = match (&request.credential, &identity) {
            (Some(credential), Some(identity)) => {
                let attempt = Attempt { credential, identity: identity.as_ref(), logon };
                attempt.verify(arrival, self.ports.accounts)?
            }
            _ => Verified::NotAsked,
        };
        if !caller.administrator {
            allow_definition(&image, caller.sid)?;
        }
        // Which of them runs the actions is a matter of their ids: all must be allowed to.
        image.principals().try_for_each(|principal| allow_principal(&principal, logon, caller, verified))?;
        let shown = match &identity {
            Some(Some(Identity::Account(account))) if verified == Verified::Password(account.sid) => Some(account),
            _ => None,
        };
        can_run(&image, self.ports.accounts)?;

        if path.is_root() {
            make_path(&image, self.ports.entropy, &mut path)?;
            self.allow_registration(arrival, &path, given)?;
        }
        let creation = creation(self.engine, &path, given)?;
        // What is registered can be retrieved: the normalised form may be longer than what came.
        // A task that is there keeps its descriptor, unless another is given beside the definition: what a console retrieved, and
        // registers again, does not undo what was set.
        let is_new = self.engine.find(&path).is_none();
        let given_sddl = sddl;
        let of_definition = image.registration().security_descriptor.filter(|text| is_new && !text.is_empty());
        let sddl = sddl.or(of_definition);
        let written = sddl.as_ref().map(|sddl| sddl as &dyn Display);
        out.formatted(|text| xml::write(&image, &path, true, written, text))?;
        let left = out.left() / 2 + sddl.map_or(0, |sddl| sddl.encode_utf16().count());
        let room = out.lend();
        let (room, others) = room.split_at_mut(room.len() / 2);
        let security = match sddl {
            None => None,
            Some(text) => Some(self.compose(arrival, &path, text, false, room)?),
        };
        let folders = match given_sddl {
            Some(text) if is_new => {
                let made = self.outermost(&path);
                if made == path { None } else { Some(self.compose(arrival, &made, text, true, others)?) }
            }
            _ => None,
        };
        if security.is_some_and(|security| descriptors::written_units(security) > left) {
            return Err(Status::E_OUTOFMEMORY.into());
        }
        let registration = Registration {
            creation,
            image,
            security,
            folders,
            principal_reads: given & DONT_ADD_PRINCIPAL_ACE == 0,
            disable: given & DISABLE != 0,
            fire_registration_triggers: given & IGNORE_REGISTRATION_TRIGGERS == 0,
            registrant: caller.sid,
        };
        let (mut cx, secrets) = context_and_secrets(&mut self.ports, self.zone, arrival.now);
        let registered = credentials::register(self.engine, &mut cx, secrets, &path, &registration, shown);
        // That the task is there if it must be is known: what is not found is a folder.
        let task = registered.map_err(|status| match status {
            Status::E_FILE_NOT_FOUND => Status::E_PATH_NOT_FOUND,
            other => other,
        })?;

        out.restart();
        // A task that was there keeps its way of writing the path. The registration is done, whatever comes of reading it.
        out.unique_string(Some(self.engine.path(&mut cx, task).unwrap_or(path.as_str())))?;
        out.null()?;
        Ok(Status::S_OK)
    }

    /// SchRpcRetrieveTask (Opnum 2), 3.2.5.4.3: the definition in its normalised form, with the DACL that the task keeps as its
    /// SecurityDescriptor. Where the host has strings for fields that name some (2.5.8), and languages are named, they are put in. An
    /// empty list of languages, with which clients ask for a definition that they will register again, names none.
    #[inline(never)]
    pub(super) fn retrieve_task(
        &mut self,
        arrival: Arrival<'_>,
        stub: &mut Decoder<'_>,
        out: &mut Encoder<'_>,
    ) -> Result<Status, Refusal> {
        let name = stub.string()?;
        let languages = stub.string()?;
        let _number_of_languages = stub.u32()?;

        let task = self.task(arrival, &path_below_root(name)?, AccessMask::FILE_READ)?;
        let mut cx = context(&mut self.ports, self.zone, arrival.now);
        let definition = self.engine.definition(&mut cx, task)?;
        out.pointer()?;
        let Definition { path, image, enabled, security } = definition;
        let kept = security.and_then(|security| Descriptor::parse(security).ok());
        let kept = kept.as_ref().map(|descriptor| sddl::Text { descriptor, which: SecurityInformation::DACL });
        // What the definition says of it counts only when a task is made, and is in what is kept then.
        let sddl = Some(kept.as_ref().map_or(&"" as &dyn Display, |kept| kept));
        let languages = first_languages(languages);
        let reader = self.resources.filter(|_| !languages.is_empty());
        out.formatted(|text| match reader {
            None => xml::write(&image, &path, enabled, sddl, text),
            Some(resources) => {
                let reader = Reader { resources, languages: &languages };
                xml::write_localized(&image, &path, enabled, sddl, reader, text)
            }
        })?;
        Ok(Status::S_OK)
    }
}

impl Service<'_, '_> {
    /// Refuses a caller who may neither make what `path` names nor, with TASK_UPDATE, change it, or from whom it is hidden.
    fn allow_registration(&mut self, arrival: Arrival<'_>, path: &Path, given: u32) -> Result<(), Refusal> {
        let is_allowed = match self.engine.find(path) {
            None => self.may_create(arrival, path, false)?,
            Some(entry) => {
                let granted = self.granted(arrival, path)?;
                let updates = given & UPDATE != 0 && matches!(entry, Entry::Task(_));
                granted.has(AccessMask::FILE_READ)
                    && if updates {
                        granted.has(AccessMask::FILE_WRITE)
                    } else {
                        self.may_create(arrival, path, false)?
                    }
            }
        };
        if is_allowed { Ok(()) } else { Err(Status::E_ACCESSDENIED.into()) }
    }
}

/// As many of the languages as are looked at, the preferred ones.
fn first_languages(list: Utf16<'_>) -> heapless::String<LANGUAGES> {
    let mut languages = heapless::String::new();
    for character in list.chars().map_while(core::result::Result::ok) {
        if languages.push(character).is_err() {
            languages.truncate(languages.rfind('\\').unwrap_or(0));
            break;
        }
    }
    languages
}

/// Which registration the flags ask for, and whether that may be. Flags of zero ask for a new task; flags other than
/// CREATE and UPDATE alone ask for nothing.
fn creation(engine: &Engine<'_>, path: &Path, given: u32) -> Result<Creation, Refusal> {
    let creation = match (given & CREATE != 0, given & UPDATE != 0) {
        (true, true) => Creation::CreateOrUpdate,
        (true, false) => Creation::Create,
        (false, true) => Creation::Update,
        (false, false) if given == 0 => Creation::Create,
        (false, false) => return Err(Status::E_INVALIDARG.into()),
    };
    match (engine.find(path), creation) {
        (None, Creation::Update) => Err(Status::E_FILE_NOT_FOUND.into()),
        (Some(Entry::Task(_)), Creation::Create) | (Some(Entry::Root | Entry::Folder(_)), _) => {
            Err(Status::E_ALREADY_EXISTS.into())
        }
        _ => Ok(creation),
    }
}

/// The definition is invalid: says so in TASK_XML_ERROR_INFO, unless it was never looked at.
fn refuse_definition(error: &XmlError, out: &mut Encoder<'_>) -> Result<Status, Refusal> {
    if error.line == 0 && error.node.is_empty() && error.value.is_empty() {
        return Err(error.status.into());
    }
    out.null()?;
    out.pointer()?;
    out.u32(error.line)?;
    out.u32(error.column)?;
    out.pointer()?;
    out.pointer()?;
    out.string(&error.node)?;
    out.string(&error.value)?;
    Ok(error.status)
}

/// Whether somebody showed the password of the principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verified {
    /// Nobody gave a password, or none was needed.
    NotAsked,
    /// The password is right, of this account.
    Password(Sid),
}

/// A credential, and who it was found to name.
struct Attempt<'r, 'b> {
    credential: &'r Credential<'b>,
    identity: Option<&'r Identity>,
    logon: Logon,
}

impl Attempt<'_, '_> {
    /// Checks the password, if the kind of logon needs one or one was given. Services have none and groups cannot log in.
    ///
    /// # Errors
    /// `E_LOGON_FAILURE` if there is no such account, it is disabled or the password is wrong, which takes the same work; the accounts
    /// hear of it.
    fn verify(&self, arrival: Arrival<'_>, accounts: &mut dyn Accounts) -> Result<Verified, Refusal> {
        let password = self.credential.password.unwrap_or_default();
        let asked = self.logon == Logon::Password || !password.is_empty();
        let account = match self.identity {
            Some(Identity::Service(_)) => return Ok(Verified::NotAsked),
            Some(Identity::Account(_) | Identity::Other(_)) if !asked => return Ok(Verified::NotAsked),
            Some(Identity::Account(account)) => Some(account),
            Some(Identity::Other(_)) | None => None,
        };
        let right = is_password(account, password);
        if asked {
            let given = self.credential.user.and_then(|user| user.to_string::<NAME_MAX>().ok()).unwrap_or_default();
            let name = account.map_or(bare(&given), |account| &account.name);
            let attempt = LoginAttempt { name, connection: arrival.connection, now: arrival.now };
            if right {
                accounts.login_succeeded(attempt);
            } else {
                accounts.login_failed(attempt);
            }
        }
        match account {
            Some(account) if right => Ok(Verified::Password(account.sid)),
            _ => Err(Status::E_LOGON_FAILURE.into()),
        }
    }
}

/// Refuses a definition that only administrators may register, 3.2.5.4.2: one that starts with the machine, at the logon or for
/// the session of anybody else, or that runs before others.
///
/// # Errors
/// `E_ACCESSDENIED`.
fn allow_definition(image: &Image<'_>, caller: Sid) -> Result<(), Refusal> {
    /// The highest priority that needs no administrator. The page names 1 alone, of which 0 is the higher.
    const PRIORITY: u8 = 2;
    let is_own = image.triggers().all(|trigger| match trigger.kind {
        TriggerKind::Boot { .. } => false,
        TriggerKind::Logon { user, .. } | TriggerKind::SessionState { user, .. } => {
            user.is_some_and(|user| user.sid() == caller)
        }
        _ => true,
    });
    if is_own && image.settings().priority >= PRIORITY { Ok(()) } else { Err(Status::E_ACCESSDENIED.into()) }
}

/// The task registration security checks of 3.2.5.1.1.
///
/// # Errors
/// `E_INVALIDARG` for the logon type of a service without a service, or of a group without a group, `E_ACCESSDENIED` for a group or a
/// service by somebody who is no administrator, for a group without a session, for somebody else without a password shown where
/// one is needed, and for anybody with a password that is to be kept and was not shown.
fn allow_principal(
    principal: &Principal<'_>,
    logon: Logon,
    caller: &Account,
    verified: Verified,
) -> Result<(), Refusal> {
    let Principal { user, group, logon_type: written, .. } = *principal;
    let denied = || Err(Status::E_ACCESSDENIED.into());
    if user.as_ref().is_some_and(is_service) {
        return if caller.administrator { Ok(()) } else { denied() };
    }
    let is_shown = user.is_some_and(|user| verified == Verified::Password(user));
    let effective = match logon {
        Logon::None => match written {
            Some(LogonType::Password) => Logon::Password,
            Some(LogonType::S4u) => Logon::S4u,
            Some(LogonType::InteractiveTokenOrPassword) if is_shown => Logon::InteractiveTokenOrPassword,
            Some(LogonType::InteractiveToken | LogonType::InteractiveTokenOrPassword) | None => Logon::InteractiveToken,
        },
        // Without a password to be kept it is no different from a token.
        Logon::InteractiveTokenOrPassword if !is_shown => Logon::InteractiveToken,
        named => named,
    };
    let is_group = user.is_none() && group.is_some();
    let is_other = user.is_some_and(|user| user != caller.sid);
    match effective {
        // Services have been let through above.
        Logon::ServiceAccount => Err(Status::E_INVALIDARG.into()),
        Logon::Group if group.is_none() => Err(Status::E_INVALIDARG.into()),
        _ if is_group && !caller.administrator => denied(),
        Logon::Password | Logon::S4u if is_group => denied(),
        _ if is_other && !is_shown && !caller.administrator => denied(),
        Logon::S4u if is_other && !is_shown => denied(),
        Logon::Password | Logon::InteractiveTokenOrPassword if !is_shown => denied(),
        _ => Ok(()),
    }
}

/// Whether the host can run the actions as the user whom they name, who is LocalSystem if they name nobody.
///
/// # Errors
/// `SCHED_E_UNSUPPORTED_ACCOUNT_OPTION` if it cannot.
#[inline(never)]
fn can_run(image: &Image<'_>, accounts: &mut dyn Accounts) -> Result<(), Refusal> {
    let Principal { user, group, .. } = image.runs_as().unwrap_or_default();
    if group.is_some() || accounts.may_run_as(&user.unwrap_or(Sid::LOCAL_SYSTEM)) {
        return Ok(());
    }
    Err(Status::SCHED_E_UNSUPPORTED_ACCOUNT_OPTION.into())
}

/// The path of a registration that names none: the URI of the definition, or a new GUID in the root folder.
#[inline(never)]
fn make_path(image: &Image<'_>, entropy: &mut dyn Entropy, path: &mut Path) -> Result<(), Refusal> {
    let invalid = |_: PathError| Refusal::from(Status::E_INVALID_NAME);
    if let Some(uri) = image.registration().uri {
        *path = Path::parse(uri).map_err(invalid)?;
        if !path.is_root() {
            return Ok(());
        }
    }
    let mut random = [0; 16];
    entropy.fill(&mut random).map_err(|_| Status::E_FAIL)?;
    let mut name = heapless::String::<40>::new();
    core::fmt::Write::write_fmt(&mut name, format_args!("{{{}}}", Guid::from_random(random)))
        .map_err(|_| Status::E_FAIL)?;
    *path = Path::parse(&name).map_err(invalid)?;
    Ok(())
}
