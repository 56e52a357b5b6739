//! From text to an image: the parts of a task, RegistrationInfo and Principals.

use alloc::{string::String, vec::Vec};

use roxmltree::Document;

use super::{
    Registrant, actions,
    element::{Element, Reading},
    error::{Fault, Refused, XmlError},
    keep::Kept,
    malformed::Said,
    scan::Source,
    settings, triggers,
    values::{LOGON_TYPES, PRINCIPAL, PROCESS_TOKEN_SID_TYPES, RUN_LEVELS, VERSIONS, named, non_empty, privilege},
};
use crate::{
    limits,
    sid::Sid,
    status::Status,
    task::{Boundary, Definition, EncodeError, Image, Principal, RegistrationInfo, RunLevel},
};

type Result<T> = core::result::Result<T, Refused>;

/// The id of the principal that is made where the XML names none. A Context that calls it otherwise names nobody: neither the
/// specification nor any real file has one, and Windows' own definitions call their principal so.
const AUTHOR: &str = "Author";

pub(super) fn read_text<'i>(
    text: String,
    registrant: &mut Registrant<'_>,
    into: &'i mut [u8],
) -> core::result::Result<Image<'i>, XmlError> {
    let Source { text, gaps, need, room } = Source::new(text)?;
    let refused = |fault: Fault<'_>| fault.in_text(&text, &gaps);
    need.is_there(&text, &room).map_err(|none| refused(none.into()))?;
    let document = Document::parse(&text).map_err(|error| malformed(&text, &error, &refused))?;
    let kept = Kept::new(&document, &room).map_err(refused)?;
    let reading = Reading::new(kept, &document, &room).map_err(|none| refused(none.into()))?;
    let task = reading.root(document.root_element());
    let encoded = task.and_then(|task| read_task(task, registrant, into));
    let encoded = encoded.map_err(|Refused| refused(reading.fault()))?;
    encoded.map_err(|error| {
        XmlError::nowhere(match error {
            EncodeError::Full => Status::E_OUTOFMEMORY,
            EncodeError::Invalid(_) => Status::SCHED_E_INVALIDVALUE,
        })
    })
}

/// What the parser says, at its place in the text. Its columns count characters, so they are counted again.
fn malformed(text: &str, error: &roxmltree::Error, refused: &dyn Fn(Fault<'_>) -> XmlError) -> XmlError {
    let at = match error {
        roxmltree::Error::NoRootNode | roxmltree::Error::UnclosedRootNode | roxmltree::Error::UnexpectedEndOfStream => {
            text.len()
        }
        _ => {
            let position = error.pos();
            let lines = text.split_inclusive('\n').take(position.row.saturating_sub(1) as usize);
            let line = lines.map(str::len).sum::<usize>();
            let rest = text.get(line..).unwrap_or_default();
            let before = rest.chars().take(position.col.saturating_sub(1) as usize);
            line + before.map(char::len_utf8).sum::<usize>()
        }
    };
    let there = text.get(at..).and_then(|rest| rest.chars().next());
    refused(Fault::malformed(at, Said::new(error, there).as_str()))
}

// What each part needs of the stack is given back before the next is read.
#[inline(never)]
fn read_task<'i>(
    task: Element<'_>,
    registrant: &mut Registrant<'_>,
    into: &'i mut [u8],
) -> Result<core::result::Result<Image<'i>, EncodeError>> {
    if task.name() != "Task" {
        return Err(task.unexpected());
    }
    let version = task.attribute("version")?;
    if let Some(version) = version.filter(|(version, _)| !VERSIONS.contains(version)) {
        return Err(task.attribute_refused("version", version));
    }
    let fields = task.fields(&["RegistrationInfo", "Principals", "Settings", "Data", "Triggers", "Actions"])?;
    let actions = fields.needed("Actions")?;
    let registration = fields.get("RegistrationInfo").map(read_registration).transpose()?.unwrap_or_default();
    let context = actions.name_in("Context")?;
    let principals = read_principals(task, fields.get("Principals"), registrant)?;
    if let Some(context) = context.filter(|(context, _)| !principals.iter().any(|one| one.id == Some(context))) {
        return Err(actions.attribute_refused("Context", context));
    }
    let (settings, conditions) = fields.get("Settings").map(settings::read).transpose()?.unwrap_or_default();
    let data = fields.get("Data").map(Element::plain).transpose()?;
    let triggers = fields.get("Triggers").map(|triggers| triggers::read(triggers, registrant.resolve));
    let triggers = triggers.transpose()?.unwrap_or_default();
    let actions = actions::read(actions)?;
    let definition = Definition {
        version: version.map(|(version, _)| version),
        registration,
        principals: &principals,
        settings,
        conditions,
        data: data.and_then(|data| data.kept()),
        triggers: &triggers,
        context: context.map(|(context, _)| context),
        actions: &actions,
    };
    Ok(Image::encode(&definition, into))
}

#[inline(never)]
fn read_registration(element: Element<'_>) -> Result<RegistrationInfo<'_>> {
    let fields = element.plain()?.fields(&[
        "Version",
        "Date",
        "SecurityDescriptor",
        "Source",
        "Author",
        "Description",
        "Documentation",
        "URI",
    ])?;
    Ok(RegistrationInfo {
        version: fields.text("Version")?,
        date: fields.value("Date", |date| Boundary::parse(date).map(|_| date))?,
        security_descriptor: fields.text("SecurityDescriptor")?,
        source: fields.text("Source")?,
        author: fields.text("Author")?,
        description: fields.text("Description")?,
        documentation: fields.text("Documentation")?,
        uri: fields.text("URI")?,
    })
}

#[inline(never)]
fn read_principals<'d>(
    task: Element<'d>,
    principals: Option<Element<'d>>,
    registrant: &mut Registrant<'_>,
) -> Result<Vec<Principal<'d>>> {
    let mut read = principals.map_or_else(|| task.list_of(1), |principals| principals.list())?;
    if let Some(principals) = principals {
        for principal in principals.plain()?.elements() {
            let principal = principal?;
            if principal.name() != "Principal" {
                return Err(principal.unexpected());
            }
            if read.len() == if principal.is_old() { 1 } else { limits::PRINCIPALS } {
                return Err(principal.too_many());
            }
            let one = read_principal(principal, registrant)?;
            // A Context that names two names none.
            principal.has_own_id()?;
            principal.push(&mut read, one)?;
        }
    }
    if read.is_empty() {
        let group = registrant.override_group;
        let principal = Principal {
            id: Some(AUTHOR),
            user: registrant.override_user.or(group.is_none().then_some(registrant.default_user)),
            group,
            logon_type: registrant.override_logon,
            ..Principal::default()
        };
        task.push(&mut read, principal)?;
    }
    Ok(read)
}

fn read_principal<'d>(element: Element<'d>, registrant: &mut Registrant<'_>) -> Result<Principal<'d>> {
    let id = element.id()?;
    let fields = element.fields(&PRINCIPAL)?;
    let (user, group) = (fields.get("UserId"), fields.get("GroupId"));
    if let (Some(_), Some(group)) = (user, group) {
        return Err(group.unexpected());
    }
    let named_user = fields.value("UserId", non_empty)?;
    let named_group = fields.value("GroupId", non_empty)?;
    let mut resolve = |element: Option<Element<'d>>, name: Option<&str>| -> Result<Option<Sid>> {
        let Some((element, name)) = element.zip(name) else { return Ok(None) };
        match ((registrant.resolve)(name), registrant.override_user.or(registrant.override_group)) {
            // Whom the XML names does not matter when a credential names somebody.
            (None, None) => Err(element.refused(Status::E_NONE_MAPPED)),
            (resolved, _) => Ok(resolved),
        }
    };
    let (user, group) = (resolve(user, named_user)?, resolve(group, named_group)?);
    let (user, group) = match (registrant.override_user, user, group) {
        _ if registrant.override_group.is_some() => (None, registrant.override_group),
        (Some(named), _, group) if group == Some(named) => (None, group),
        (Some(named), ..) => (Some(named), None),
        (None, None, None) => (Some(registrant.default_user), None),
        (None, user, group) => (user, group),
    };
    let sid_type = fields.value("ProcessTokenSidType", |text| named(&PROCESS_TOKEN_SID_TYPES, text))?;
    if let Some(field) = fields.get("ProcessTokenSidType") {
        let is_service = user.is_some_and(|user| [Sid::LOCAL_SERVICE, Sid::NETWORK_SERVICE].contains(&user));
        field.accepted(is_service.then_some(()))?;
    }
    let privileges = fields.get("RequiredPrivileges").map(|privileges| {
        privileges.texts("Privilege", (1, limits::PRIVILEGES), |field, texts| {
            field.push(texts, field.accepted(privilege(field.value()?))?)
        })
    });
    Ok(Principal {
        id,
        user,
        group,
        display_name: fields.text("DisplayName")?,
        logon_type: registrant.override_logon.or(fields.value("LogonType", |text| named(&LOGON_TYPES, text))?),
        // The lowest is the default, which is not given back.
        run_level: fields
            .value("RunLevel", |text| named(&RUN_LEVELS, text))?
            .filter(|level| *level != RunLevel::LeastPrivilege),
        process_token_sid_type: sid_type,
        required_privileges: privileges.transpose()?.unwrap_or_default(),
        opaque: element.opaque(),
    })
}
