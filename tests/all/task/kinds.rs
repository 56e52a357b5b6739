//! Triggers and actions of each kind at rest: what they may not be, and what they were in an earlier form.

use mainspring::{
    guid::Guid,
    sid::Sid,
    task::{
        Action, ComHandler, Definition, Email, EncodeError, Event, Image, ImageError, Message, Named, Texts,
        TriggerKind, User,
    },
};

use super::image::{CLASS, email, event, handler, hex, trigger};

#[test]
fn lists_and_users_fit_or_are_refused() {
    let texts = ["a", "", "Author", "é"];
    let mut room = [0; 8];
    let list = Texts::new(&texts, &mut room).unwrap();
    assert_eq!(list.iter().collect::<Vec<_>>(), texts);
    assert!(!list.is_empty() && Texts::new(&[], &mut []).unwrap() == Texts::default());
    assert_eq!(Texts::default().iter().count(), 0);
    assert!((0..8).all(|short| Texts::new(&texts, &mut [0; 8][..short]).is_none()));
    assert!(Named::new(&texts[..3], &mut [0; 8]).is_none());
    let mut room = [0; 8];
    assert_eq!(Named::new(&texts, &mut room).unwrap().iter().collect::<Vec<_>>(), [("a", ""), ("Author", "é")]);
    let long = Sid::new([0xFF; 6], &[u32::MAX; 15]).unwrap();
    assert_eq!(User::new(&long, &mut [0; User::ROOM]).unwrap().sid(), long);
    assert!(User::new(&long, &mut [0; User::ROOM - 1]).is_none());
}

#[test]
fn triggers_that_cannot_be_are_refused() {
    fn refused(kind: TriggerKind<'_>) {
        let triggers = [trigger(kind, None)];
        let definition = Definition { triggers: &triggers, ..Definition::default() };
        let mut buffer = [0; 2048];
        let refused = Image::encode(&definition, &mut buffer);
        assert!(matches!(refused, Err(EncodeError::Invalid(_))), "{kind:?}");
    }
    refused(TriggerKind::Event(event("")));
    refused(TriggerKind::Event(Event { number_of_occurrences: 0, ..event("*") }));
    refused(TriggerKind::Event(Event { number_of_occurrences: 33, ..event("*") }));
    refused(TriggerKind::Event(Event { matching_element: Some(""), ..event("*") }));
    let many = ["a"; 66];
    for queries in [&["", "a"][..], &["a", ""], &["\0", "a"], &many] {
        let mut room = [0; 256];
        refused(TriggerKind::Event(Event { value_queries: Named::new(queries, &mut room).unwrap(), ..event("*") }));
    }
    // A session trigger without a change, and one with a change that is none.
    for bytes in [&b"\xa2\x00\x01\x06\x81\xa1\x00\x07"[..], b"\xa2\x00\x01\x06\x81\xa2\x00\x07\x0b\x06"] {
        assert!(matches!(Image::parse(bytes), Err(ImageError::Invalid { .. })), "{bytes:?}");
    }
}

#[test]
fn classes_are_kept_as_they_were_written() {
    let canonical = handler(CLASS);
    assert_eq!((canonical.class, canonical.class_text), (Guid::parse(CLASS).unwrap(), ""));
    let lower = CLASS.to_lowercase();
    assert_eq!((handler(&lower).class, handler(&lower).class_text), (canonical.class, lower.as_str()));
    for text in ["", "{}", &CLASS[1..], &CLASS[1..37], &CLASS[..37], "{AE31B729-D5FD-401E-AF42-784074835AFG}"] {
        assert_eq!(ComHandler::of_class(text), None, "{text}");
    }
    let actions = [Action::ComHandler { id: None, handler: canonical }];
    let mut buffer = [0; 64];
    let image = Image::encode(&Definition { actions: &actions, ..Definition::default() }, &mut buffer).unwrap();
    assert_eq!(hex(image.bytes()), "a200010881a200010d5029b731aefdd51e40af42784074835afe");
}

#[test]
fn actions_that_cannot_be_are_refused() {
    fn refused(action: Action<'_>) {
        let actions = [action];
        let mut buffer = [0; 2048];
        let refused = Image::encode(&Definition { actions: &actions, ..Definition::default() }, &mut buffer);
        assert!(matches!(refused, Err(EncodeError::Invalid(_))), "{action:?}");
    }
    refused(Action::SendEmail { id: None, email: email("", "f") });
    refused(Action::SendEmail { id: None, email: email("s", "") });
    refused(Action::ShowMessage { id: None, message: Message { title: "", body: "b" } });
    refused(Action::ShowMessage { id: None, message: Message { title: "t", body: "" } });
    refused(Action::ComHandler { id: None, handler: ComHandler { class_text: "{}", ..handler(CLASS) } });
    for (names, files) in
        [(&["", "a"][..], &["a"][..]), (&["a"; 66], &["a"]), (&["a", "b"], &["a"; 9]), (&["a", "b"], &[""])]
    {
        let (mut first, mut second) = ([0; 256], [0; 64]);
        let header_fields = Named::new(names, &mut first).unwrap();
        let attachments = Texts::new(files, &mut second).unwrap();
        refused(Action::SendEmail { id: None, email: Email { header_fields, attachments, ..email("s", "f") } });
    }
    // A class of another length, and no class.
    for bytes in [&b"\xa2\x00\x01\x08\x81\xa2\x00\x01\x0d\x41a"[..], b"\xa2\x00\x01\x08\x81\xa1\x00\x01"] {
        assert!(matches!(Image::parse(bytes), Err(ImageError::Invalid { .. })), "{bytes:?}");
    }
    // A kind of a newer form.
    let image = Image::parse(b"\xa2\x00\x01\x08\x81\xa2\x00\x04\x03\x61a").unwrap();
    assert_eq!(image.actions().next(), Some(Action::Opaque { xml: "" }));
}

#[test]
fn triggers_that_an_earlier_form_kept_as_xml_are_read() {
    let xml = "<LogonTrigger><Enabled>true</Enabled><UserId>user</UserId></LogonTrigger>";
    let bytes =
        [b"\xa3\x00\x01\x06\x81\x78", &[xml.len() as u8][..], xml.as_bytes(), b"\x08\x81\xa1\x02\x61a"].concat();
    let image = Image::parse(&bytes).unwrap();
    assert_eq!(image.triggers().next().unwrap().kind, TriggerKind::Opaque { xml });
}
