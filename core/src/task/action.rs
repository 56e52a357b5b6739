//! Actions, [MS-TSCH] 2.5.7.

use super::{Named, Texts};
use crate::guid::Guid;

/// Exec, [MS-TSCH] 2.5.7.1: run a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exec<'b> {
    /// Command.
    pub command: &'b str,
    /// Arguments, as one string.
    pub arguments: Option<&'b str>,
    /// WorkingDirectory.
    pub working_directory: Option<&'b str>,
    /// Fields that are in no specification, as elements of XML: given back. `HideAppWindow` of Windows 11 is one.
    pub opaque: Option<&'b str>,
}

/// ComHandler, [MS-TSCH] 2.5.7.2: have an object do something, which is named by its class as a program is by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComHandler<'b> {
    /// ClassId: which object.
    pub class: Guid,
    /// ClassId as it was written, where that differs from upper-case digits in braces; empty otherwise.
    pub class_text: &'b str,
    /// Data: its text, or its inner markup.
    pub data: Option<&'b str>,
}

impl<'b> ComHandler<'b> {
    /// One of the class that `text` names, 8-4-4-4-12 hexadecimal digits in braces; `None` if it is anything else.
    #[must_use]
    pub fn of_class(text: &'b str) -> Option<Self> {
        let class = Guid::parse(text).filter(|_| text.starts_with('{'))?;
        let is_canonical = !text.bytes().any(|byte| byte.is_ascii_lowercase());
        Some(Self { class, class_text: if is_canonical { "" } else { text }, data: None })
    }
}

/// SendEmail, [MS-TSCH] 2.5.7.3: send a mail. Several addresses have semicolons between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Email<'b> {
    /// Server: the name of the one that takes it.
    pub server: &'b str,
    /// Subject.
    pub subject: Option<&'b str>,
    /// To.
    pub to: Option<&'b str>,
    /// Cc.
    pub cc: Option<&'b str>,
    /// Bcc.
    pub bcc: Option<&'b str>,
    /// ReplyTo.
    pub reply_to: Option<&'b str>,
    /// From.
    pub from: &'b str,
    /// HeaderFields, at most 32.
    pub header_fields: Named<'b>,
    /// Body.
    pub body: Option<&'b str>,
    /// Attachments: paths of at most 8 files.
    pub attachments: Texts<'b>,
}

/// ShowMessage, [MS-TSCH] 2.5.7.4: show a message to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'b> {
    /// Title.
    pub title: &'b str,
    /// Body.
    pub body: &'b str,
}

/// One action of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'b> {
    /// Run a program.
    Exec {
        /// The `id` attribute.
        id: Option<&'b str>,
        /// What to run.
        exec: Exec<'b>,
    },
    /// Have an object do something.
    ComHandler {
        /// The `id` attribute.
        id: Option<&'b str>,
        /// Which, and what it is given.
        handler: ComHandler<'b>,
    },
    /// Send a mail. An instance that comes to it fails to start it.
    SendEmail {
        /// The `id` attribute.
        id: Option<&'b str>,
        /// The mail.
        email: Email<'b>,
    },
    /// Show a message. An instance that comes to it fails to start it.
    ShowMessage {
        /// The `id` attribute.
        id: Option<&'b str>,
        /// The message.
        message: Message<'b>,
    },
    /// An element that is in no specification, and what another form of the image holds as XML: given back. An instance that comes to it fails to start it.
    Opaque {
        /// The whole element, without the comments and the white space between elements that it was written with.
        xml: &'b str,
    },
}

impl<'b> Action<'b> {
    /// The `id` attribute; `None` for an opaque one.
    #[must_use]
    pub const fn id(&self) -> Option<&'b str> {
        match *self {
            Self::Exec { id, .. }
            | Self::ComHandler { id, .. }
            | Self::SendEmail { id, .. }
            | Self::ShowMessage { id, .. } => id,
            Self::Opaque { .. } => None,
        }
    }

    /// Takes it apart; `None` if it is opaque.
    pub(super) fn parts(&self) -> Option<Parts<'b>> {
        Some(match self {
            Self::Exec { exec, .. } => {
                let texts = [Some(exec.command), exec.arguments, exec.working_directory];
                Parts { opaque: exec.opaque, ..self.with(Parts::EXEC, &texts) }
            }
            Self::ComHandler { handler, .. } => {
                let text = Some(handler.class_text).filter(|text| !text.is_empty());
                let class = if text.is_none() { Some(handler.class) } else { None };
                Parts { class, ..self.with(Parts::COM_HANDLER, &[text, handler.data]) }
            }
            Self::SendEmail { email, .. } => {
                let Email { server, subject, to, cc, bcc, reply_to, from, body, .. } = *email;
                let texts = [Some(server), subject, to, cc, bcc, reply_to, Some(from), body];
                let (header_fields, attachments) = (email.header_fields, email.attachments);
                Parts { header_fields, attachments, ..self.with(Parts::SEND_EMAIL, &texts) }
            }
            Self::ShowMessage { message, .. } => {
                self.with(Parts::SHOW_MESSAGE, &[Some(message.title), Some(message.body)])
            }
            Self::Opaque { .. } => return None,
        })
    }

    /// What one is made of, if these texts are all.
    fn with(&self, kind: u32, texts: &[Option<&'b str>]) -> Parts<'b> {
        let mut parts = Parts { id: self.id(), ..Parts::new(kind) };
        parts.texts.iter_mut().zip(texts).for_each(|(part, text)| *part = *text);
        parts
    }
}

/// What actions are made of. They differ in what their texts are, and are the same to everybody who does not look into them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'b> {
    /// The number of the kind at rest.
    pub(super) kind: u32,
    pub(super) id: Option<&'b str>,
    /// The fields of the view that are texts, in the order of the schema.
    pub(super) texts: [Option<&'b str>; 8],
    /// A class that is not among the texts.
    pub(super) class: Option<Guid>,
    pub(super) opaque: Option<&'b str>,
    pub(super) header_fields: Named<'b>,
    pub(super) attachments: Texts<'b>,
}

impl<'b> Parts<'b> {
    pub(super) const EXEC: u32 = 0;
    pub(super) const COM_HANDLER: u32 = 1;
    pub(super) const SEND_EMAIL: u32 = 2;
    pub(super) const SHOW_MESSAGE: u32 = 3;

    /// No parts.
    pub(super) fn new(kind: u32) -> Self {
        Self {
            kind,
            id: None,
            texts: [None; 8],
            class: None,
            opaque: None,
            header_fields: Named::default(),
            attachments: Texts::default(),
        }
    }

    /// Puts an action together; `None` if one lacks what it needs.
    pub(super) fn action(&self) -> Option<Action<'b>> {
        let Self { id, texts, opaque, .. } = *self;
        let needed = |text: Option<&'b str>| text.filter(|text| !text.is_empty());
        Some(match self.kind {
            Self::EXEC => {
                let [command, arguments, working_directory, ..] = texts;
                Action::Exec { id, exec: Exec { command: needed(command)?, arguments, working_directory, opaque } }
            }
            Self::COM_HANDLER => {
                let [class, data, ..] = texts;
                let handler = match self.class {
                    Some(class) => ComHandler { class, class_text: "", data },
                    None => ComHandler { data, ..ComHandler::of_class(class?)? },
                };
                Action::ComHandler { id, handler }
            }
            Self::SEND_EMAIL => {
                let [server, subject, to, cc, bcc, reply_to, from, body] = texts;
                let (header_fields, attachments) = (self.header_fields, self.attachments);
                let (server, from) = (needed(server)?, needed(from)?);
                let email = Email { server, subject, to, cc, bcc, reply_to, from, header_fields, body, attachments };
                Action::SendEmail { id, email }
            }
            Self::SHOW_MESSAGE => {
                let [title, body, ..] = texts;
                Action::ShowMessage { id, message: Message { title: needed(title)?, body: needed(body)? } }
            }
            // A kind that a newer minor form of the layout has: it is kept in the image, and never runs here.
            _ => Action::Opaque { xml: "" },
        })
    }
}
