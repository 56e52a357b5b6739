//! In which fields of an action parameters are put in, [MS-TSCH] 2.5.9.3.

use mainspring::{
    engine::{Refused, Work},
    task::{Action, ComHandler, Email, Exec, Message, Named, Settings, Texts},
};
use mainspring_tests::world::{Outside, Slots, Task, World};

const CLASS: &str = "{AE31B729-D5FD-401E-AF42-784074835AFE}";
/// Text that says whether something was put in, what has no value, and what is escaped.
const WRITTEN: &str = "a $(Arg0) $(Arg1) $(Other) $$(Arg0)";
const PUT_IN: &str = "a value $(Arg1) $(Other) $(Arg0)";

/// Runs a task of one action with one argument, and gives what the host is to do to `check`.
fn with_work(action: Action<'_>, check: impl FnOnce(Work<'_>)) {
    let mut slots = Slots::new(2, 2);
    let mut world = World::boot(&mut slots, Outside::new("2024-05-01T12:00:00"));
    let settings = Settings { priority: 2, ..Settings::default() };
    let task = world.register("a", &Task { actions: vec![action], settings, ..Task::default() }).unwrap();
    let instance = world.quiet(|engine, cx| engine.run(cx, task, &mut ["value"].into_iter(), None)).unwrap();
    let mut room = [0; 2048];
    world.quiet(|engine, cx| check(engine.action(cx, instance, &mut room).unwrap()));
    for short in 0..PUT_IN.len() {
        let mut room = vec![0; short];
        assert!(world.quiet(|engine, cx| engine.action(cx, instance, &mut room).is_err()), "{short} bytes");
    }
}

#[test]
fn of_an_exec_not_in_the_command() {
    let exec = Exec { command: WRITTEN, arguments: Some(WRITTEN), working_directory: Some(WRITTEN), opaque: None };
    with_work(Action::Exec { id: None, exec }, |work| {
        let Work::Command(command) = work else { panic!("{work:?}") };
        assert_eq!(command.command, WRITTEN);
        assert_eq!((command.arguments, command.working_directory), (PUT_IN, PUT_IN));
        assert_eq!(command.priority, 2, "that of its task");
    });
}

#[test]
fn of_an_exec_in_each_of_its_arguments() {
    let mut slots = Slots::new(2, 2);
    let mut world = World::boot(&mut slots, Outside::new("2024-05-01T12:00:00"));
    let exec = Exec { command: "x", arguments: Some(r#"$(Arg0) "-- $(Arg1)""#), working_directory: None, opaque: None };
    let task = Task { actions: vec![Action::Exec { id: None, exec }], ..Task::default() };
    let task = world.register("a", &task).unwrap();
    let given = ["two words", "\""];
    let instance = world.quiet(|engine, cx| engine.run(cx, task, &mut given.into_iter(), None)).unwrap();
    let mut room = [0; 64];
    let arguments = world.quiet(|engine, cx| engine.arguments(cx, instance, &mut room)).unwrap();
    assert!(arguments.iter().eq(["two words", "-- \""]), "{arguments:?}");
    let mut room = [0; 20];
    let arguments = world.quiet(|engine, cx| engine.arguments(cx, instance, &mut room));
    assert_eq!(arguments, Err(Refused::TooLarge));
    world.quiet(|engine, cx| engine.stop(cx, task)).unwrap();
    let arguments = world.quiet(|engine, cx| engine.arguments(cx, instance, &mut room));
    assert_eq!(arguments, Err(Refused::NotRunning));
}

#[test]
fn of_a_handler_in_its_data() {
    let handler = ComHandler { data: Some(WRITTEN), ..ComHandler::of_class(CLASS).unwrap() };
    with_work(Action::ComHandler { id: None, handler }, |work| {
        let Work::Handler(handler) = work else { panic!("{work:?}") };
        assert_eq!(handler.data, PUT_IN);
    });
}

#[test]
fn of_an_email_in_its_texts_and_not_in_lists() {
    let (mut headers, mut files) = ([0; 128], [0; 128]);
    let header_fields = Named::new(&["X-Name", WRITTEN], &mut headers).unwrap();
    let attachments = Texts::new(&[WRITTEN], &mut files).unwrap();
    let written = Some(WRITTEN);
    let email = Email {
        server: WRITTEN,
        subject: written,
        to: written,
        cc: written,
        bcc: written,
        reply_to: written,
        from: WRITTEN,
        header_fields,
        body: written,
        attachments,
    };
    with_work(Action::SendEmail { id: None, email }, |work| {
        let Work::Email(email) = work else { panic!("{work:?}") };
        assert_eq!((email.server, email.from), (PUT_IN, PUT_IN));
        let texts = [email.subject, email.to, email.cc, email.bcc, email.reply_to, email.body];
        assert_eq!(texts, [Some(PUT_IN); 6]);
        assert_eq!((email.header_fields, email.attachments), (header_fields, attachments));
    });
    let least = Email {
        subject: None,
        to: None,
        cc: None,
        bcc: None,
        reply_to: None,
        header_fields: Named::default(),
        body: None,
        attachments: Texts::default(),
        ..email
    };
    with_work(Action::SendEmail { id: None, email: least }, |work| {
        assert_eq!(work, Work::Email(Email { server: PUT_IN, from: PUT_IN, ..least }));
    });
}

#[test]
fn of_a_message_in_both_texts() {
    let message = Message { title: WRITTEN, body: WRITTEN };
    with_work(Action::ShowMessage { id: None, message }, |work| {
        assert_eq!(work, Work::Message(Message { title: PUT_IN, body: PUT_IN }));
    });
}
