//! The image at rest: its layout is pinned, its views give back what went in, and no bytes make it panic.

use mainspring::{
    sid::Sid,
    task::{
        Action, Boundary, ComHandler, Conditions, Days, Definition, Email, EncodeError, Event, Exec, Idle, Image,
        ImageError, InstancesPolicy, LogonType, Maintenance, Message, Months, Named, Network, Principal,
        ProcessTokenSidType, RegistrationInfo, Repetition, RestartOnFailure, RunLevel, Schedule, SessionStateChange,
        Settings, Span, Texts, Trigger, TriggerKind, User, Weekdays, Weeks,
    },
};
use mainspring_tests::damage;

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn trigger<'b>(kind: TriggerKind<'b>, start: Option<&'b str>) -> Trigger<'b> {
    let start = start.map(|text| Boundary::parse(text).unwrap());
    Trigger { id: None, enabled: true, start, end: None, execution_time_limit: None, repetition: None, kind }
}

pub(crate) fn event(subscription: &str) -> Event<'_> {
    Event {
        subscription,
        delay: None,
        number_of_occurrences: 1,
        period_of_occurrence: None,
        matching_element: None,
        value_queries: Named::default(),
    }
}

pub(super) const CLASS: &str = "{AE31B729-D5FD-401E-AF42-784074835AFE}";

pub(super) fn handler(class: &str) -> ComHandler<'_> {
    ComHandler::of_class(class).unwrap()
}

pub(super) fn email<'e>(server: &'e str, from: &'e str) -> Email<'e> {
    Email {
        server,
        subject: None,
        to: None,
        cc: None,
        bcc: None,
        reply_to: None,
        from,
        header_fields: Named::default(),
        body: None,
        attachments: Texts::default(),
    }
}

fn exec(command: &str) -> Action<'_> {
    Action::Exec { id: None, exec: Exec { command, arguments: None, working_directory: None, opaque: None } }
}

/// What a client that makes a daily task sends.
fn typical() -> (Vec<Principal<'static>>, Vec<Trigger<'static>>, Vec<Action<'static>>) {
    let principal = Principal {
        id: Some("Author"),
        user: Sid::parse("S-1-5-21-2593353872-2686031657-613213232-1001"),
        logon_type: Some(LogonType::InteractiveToken),
        ..Principal::default()
    };
    let schedule = Schedule::Day { interval: 1 };
    let daily = trigger(TriggerKind::Calendar { random_delay: None, schedule }, Some("2020-09-21T09:00:00"));
    let action = Action::Exec {
        id: None,
        exec: Exec { command: "cmd.exe", arguments: Some("/c echo hello"), working_directory: None, opaque: None },
    };
    (vec![principal], vec![daily], vec![action])
}

/// Everything that an image can hold, used at least once.
pub(super) fn everything(check: impl FnOnce(&Definition<'_>)) {
    let (mut privileges, mut headers, mut files) = ([0; 64], [0; 64], [0; 64]);
    let principals = [
        Principal {
            id: Some("a b"),
            user: Some(Sid::LOCAL_SYSTEM),
            group: None,
            display_name: Some("名前"),
            logon_type: Some(LogonType::S4u),
            run_level: Some(RunLevel::HighestAvailable),
            process_token_sid_type: Some(ProcessTokenSidType::Unrestricted),
            required_privileges: Texts::new(&["SeTcbPrivilege", "SeDebugPrivilege"], &mut privileges).unwrap(),
            opaque: None,
        },
        Principal {
            group: Some(Sid::ADMINISTRATORS),
            logon_type: Some(LogonType::InteractiveTokenOrPassword),
            run_level: Some(RunLevel::LeastPrivilege),
            process_token_sid_type: Some(ProcessTokenSidType::None),
            opaque: Some("<ProcessTokenSidType>None</ProcessTokenSidType>"),
            ..Principal::default()
        },
    ];
    let start = |text| Boundary::parse(text).unwrap();
    let (mut queries, mut first, mut second) = ([0; 64], [0; User::ROOM], [0; User::ROOM]);
    let random_delay = Some(Span::from_seconds(1800));
    let triggers = [
        Trigger {
            id: Some("once"),
            enabled: false,
            start: Some(start("1992-05-01T04:00:00")),
            end: Some(start("2192-05-01T23:59:59.497Z")),
            execution_time_limit: Some(Span::from_seconds(0)),
            repetition: Some(Repetition {
                interval: Span::parse("PT248M").unwrap(),
                duration: Some(Span::parse("P1DT12H").unwrap()),
                stop_at_duration_end: true,
            }),
            kind: TriggerKind::Time { random_delay },
        },
        Trigger {
            repetition: Some(Repetition {
                interval: Span::from_seconds(60),
                duration: None,
                stop_at_duration_end: true,
            }),
            ..trigger(TriggerKind::Boot { delay: random_delay }, Some("2005-10-11T13:21:17-08:00"))
        },
        Trigger {
            repetition: Some(Repetition {
                interval: Span::from_seconds(60),
                duration: Some(Span::from_seconds(86_400)),
                stop_at_duration_end: false,
            }),
            ..trigger(TriggerKind::Registration { delay: None }, Some("2016-05-22T22:03:45.1165856"))
        },
        trigger(
            TriggerKind::Calendar { random_delay, schedule: Schedule::Day { interval: 365 } },
            Some("9999-12-31T23:59:59.001"),
        ),
        trigger(
            TriggerKind::Calendar {
                random_delay: None,
                schedule: Schedule::Week { interval: 52, days: Weekdays(0b111_1111) },
            },
            Some("0001-01-01T00:00:00+14:00"),
        ),
        trigger(
            TriggerKind::Calendar {
                random_delay: None,
                schedule: Schedule::Month { days: Days(1 | 1 << 31), months: Months(1 << 11) },
            },
            Some("2000-02-29T00:00:00Z"),
        ),
        trigger(
            TriggerKind::Calendar {
                random_delay: None,
                schedule: Schedule::MonthDayOfWeek { weeks: Weeks(0b1_0001), days: Weekdays(1), months: Months(1) },
            },
            Some("2000-02-29T00:00:00-00:00"),
        ),
        trigger(
            TriggerKind::Calendar {
                random_delay: None,
                schedule: Schedule::MonthDayOfWeek { weeks: Weeks(2), days: Weekdays(64), months: Months::ALL },
            },
            Some("2000-02-29T00:00:00.25+05:30"),
        ),
        trigger(TriggerKind::Opaque { xml: "<FooTrigger id=\"a&quot;b\"><Enabled>false</Enabled></FooTrigger>" }, None),
        trigger(TriggerKind::Idle, None),
        trigger(
            TriggerKind::Event(Event {
                subscription: "<QueryList><Query Id=\"0\"/></QueryList>",
                delay: random_delay,
                number_of_occurrences: 32,
                period_of_occurrence: Some(Span::from_seconds(60)),
                matching_element: Some("Event/System/EventID"),
                value_queries: Named::new(&["id", "Event/System/EventRecordID", "System", "Author"], &mut queries)
                    .unwrap(),
            }),
            None,
        ),
        trigger(TriggerKind::Event(event("*")), None),
        trigger(TriggerKind::Logon { user: User::new(&Sid::ADMINISTRATORS, &mut first), delay: random_delay }, None),
        trigger(TriggerKind::Logon { user: None, delay: None }, None),
        trigger(
            TriggerKind::SessionState {
                user: User::new(&Sid::LOCAL_SYSTEM, &mut second),
                delay: random_delay,
                change: SessionStateChange::SessionUnlock,
            },
            None,
        ),
    ];
    let actions = [
        Action::Exec {
            id: Some("49b247cd"),
            exec: Exec {
                command: "%windir%\\system32\\wermgr.exe",
                arguments: Some(""),
                working_directory: Some("C:\\"),
                opaque: None,
            },
        },
        Action::Opaque { xml: "<ComHandler><ClassId>{}</ClassId><Data><![CDATA[<a>]]></Data></ComHandler>" },
        Action::ComHandler { id: Some("h"), handler: ComHandler { data: Some("<a>"), ..handler(CLASS) } },
        Action::ComHandler { id: None, handler: handler("{ae31b729-D5FD-401E-AF42-784074835AFE}") },
        Action::SendEmail {
            id: Some("mail"),
            email: Email {
                server: "mail.example",
                subject: Some("subject"),
                to: Some("a@example;b@example"),
                cc: Some("c@example"),
                bcc: Some(""),
                reply_to: Some("d@example"),
                from: "e@example",
                header_fields: Named::new(&["X-A", "", "X-B", "b"], &mut headers).unwrap(),
                body: Some("two\r\nlines"),
                attachments: Texts::new(&["C:\\a", "b"], &mut files).unwrap(),
            },
        },
        Action::SendEmail { id: None, email: email("s", "f") },
        Action::ShowMessage { id: Some("m"), message: Message { title: "title", body: "body" } },
    ];
    let definition = Definition {
        version: Some("1.4"),
        registration: RegistrationInfo {
            version: Some("1.0.0"),
            date: Some("2005-10-11T13:21:17-08:00"),
            security_descriptor: Some("D:(A;;FA;;;BA)"),
            source: Some("source"),
            author: Some("Microsoft Corporation"),
            description: Some("two\nlines"),
            documentation: Some("documentation"),
            uri: Some("\\a\\b"),
        },
        principals: &principals,
        settings: Settings {
            enabled: false,
            hidden: true,
            allow_start_on_demand: false,
            allow_hard_terminate: false,
            instances_policy: InstancesPolicy::StopExisting,
            execution_time_limit: None,
            start_when_available: true,
            priority: 10,
        },
        conditions: Conditions {
            disallow_start_if_on_batteries: false,
            stop_if_going_on_batteries: false,
            run_only_if_network_available: true,
            run_only_if_idle: true,
            wake_to_run: true,
            disallow_start_on_remote_app_session: true,
            use_unified_scheduling_engine: true,
            volatile: true,
            idle: Idle {
                duration: Some(Span::from_seconds(600)),
                wait_timeout: None,
                stop_on_idle_end: false,
                restart_on_idle: true,
            },
            network_profile_name: Some("profile"),
            network: Some(Network { name: Some("net"), id: None }),
            restart_on_failure: Some(RestartOnFailure { count: 255, interval: Span::from_seconds(60) }),
            maintenance: Some(Maintenance {
                period: Span::from_seconds(86_400),
                deadline: Some(Span::parse("P1M").unwrap()),
                exclusive: true,
            }),
            delete_expired_task_after: Some(Span::from_seconds(5)),
            opaque: Some("<Foo/><Bar xmlns:n0=\"urn:a\" n0:b=\"c\">größe</Bar>"),
        },
        data: Some("<x>&</x>"),
        triggers: &triggers,
        context: Some("a b"),
        actions: &actions,
    };
    check(&definition);
}

fn assert_holds(image: &Image<'_>, definition: &Definition<'_>) {
    assert_eq!(image.version(), definition.version);
    assert_eq!(image.registration(), definition.registration);
    assert_eq!(image.settings(), definition.settings);
    assert_eq!(image.conditions(), definition.conditions);
    assert_eq!(image.data(), definition.data);
    assert_eq!(image.context(), definition.context);
    assert_eq!(image.principals().collect::<Vec<_>>(), definition.principals);
    assert_eq!(image.triggers().collect::<Vec<_>>(), definition.triggers);
    assert_eq!(image.actions().collect::<Vec<_>>(), definition.actions);
}

/// Looks at everything, so that a panic would show.
pub(crate) fn look(image: &Image<'_>) -> usize {
    format!("{:?}{:?}{:?}{:?}", image.version(), image.registration(), image.settings(), image.conditions()).len()
        + format!("{:?}{:?}", image.data(), image.context()).len()
        + format!("{:?}", image.principals().collect::<Vec<_>>()).len()
        + format!("{:?}", image.triggers().collect::<Vec<_>>()).len()
        + format!("{:?}", image.actions().collect::<Vec<_>>()).len()
}

#[test]
fn the_layout_is_pinned() {
    let (principals, triggers, actions) = typical();
    let definition = Definition {
        version: Some("1.2"),
        registration: RegistrationInfo {
            date: Some("2020-09-21T03:15:45"),
            author: Some("THESHIRE\\pgustavo"),
            uri: Some("\\Mordor"),
            ..RegistrationInfo::default()
        },
        principals: &principals,
        conditions: Conditions { stop_if_going_on_batteries: false, ..Conditions::default() },
        triggers: &triggers,
        context: Some("Author"),
        actions: &actions,
        ..Definition::default()
    };
    let mut buffer = [0; 256];
    let image = Image::encode(&definition, &mut buffer).unwrap();
    let pinned = [
        "a8",                                           // image
        "0001",                                         // layout 1
        "0100",                                         // version, word 0
        "02a3",                                         // registration
        "0173323032302d30392d32315430333a31353a3435",   // date
        "047154484553484952455c706775737461766f",       // author
        "07675c4d6f72646f72",                           // uri
        "0381a3",                                       // principals
        "0007",                                         // id, word 7
        "018605151a9a9370901aa01997291a248ce4301903e9", // user
        "0402",                                         // logon type InteractiveToken
        "04a10002",                                     // settings: one flag differs
        "0681a3",                                       // triggers
        "0001",                                         // calendar
        "031a27b26890",                                 // start
        "08820001",                                     // every day
        "0707",                                         // context, word 7
        "0881a2",                                       // actions
        "0215",                                         // command, word 21
        "036d2f63206563686f2068656c6c6f",               // arguments
    ];
    assert_eq!(hex(image.bytes()), pinned.concat());
    assert_holds(&image, &definition);
}

#[test]
fn the_layout_of_what_waits_for_somebody_is_pinned() {
    let (mut queries, mut user, mut privileges) = ([0; 64], [0; User::ROOM], [0; 64]);
    let triggers = [
        trigger(TriggerKind::Idle, None),
        trigger(
            TriggerKind::Event(Event {
                delay: Some(Span::from_seconds(60)),
                number_of_occurrences: 2,
                period_of_occurrence: Some(Span::from_seconds(3600)),
                matching_element: Some("m"),
                value_queries: Named::new(&["a", "b", "Author", "c"], &mut queries).unwrap(),
                ..event("*")
            }),
            None,
        ),
        trigger(TriggerKind::Logon { user: User::new(&Sid::LOCAL_SYSTEM, &mut user), delay: None }, None),
        trigger(TriggerKind::SessionState { user: None, delay: None, change: SessionStateChange::SessionUnlock }, None),
    ];
    let principals = [Principal {
        process_token_sid_type: Some(ProcessTokenSidType::Unrestricted),
        required_privileges: Texts::new(&["SeTcbPrivilege"], &mut privileges).unwrap(),
        ..Principal::default()
    }];
    let actions = [
        Action::ShowMessage { id: Some("m"), message: Message { title: "t", body: "b" } },
        Action::SendEmail { id: None, email: email("s", "f") },
    ];
    let definition =
        Definition { principals: &principals, triggers: &triggers, actions: &actions, ..Definition::default() };
    let mut buffer = [0; 256];
    let image = Image::encode(&definition, &mut buffer).unwrap();
    let pinned = [
        "a4",                                 // image
        "0001",                               // layout 1
        "0381a2",                             // principals
        "0701",                               // process token sid type Unrestricted
        "08816e536554636250726976696c656765", // required privileges
        "0684",                               // triggers
        "a10004",                             // idle
        "a7",                                 // event
        "0005",                               // its kind
        "0705",                               // delay, one minute
        "09612a",                             // subscription
        "0c02",                               // number of occurrences
        "0d06",                               // period of occurrence, one hour
        "0e616d",                             // matching element
        "0f8461616162076163",                 // value queries, one name is word 7
        "a200060a820512",                     // logon, user
        "a200070b05",                         // session state, change
        "0882",                               // actions
        "a40003",
        "01616d",
        "036174",
        "046162", // message
        "a30002",
        "036173",
        "096166", // mail
    ];
    assert_eq!(hex(image.bytes()), pinned.concat());
    assert_holds(&image, &definition);
}

#[test]
fn everything_survives() {
    everything(|definition| {
        let mut buffer = [0; 2048];
        let image = Image::encode(definition, &mut buffer).unwrap();
        assert_holds(&image, definition);
        let again = Image::parse(image.bytes()).unwrap();
        assert_eq!(again, image);
        println!("everything takes {} bytes", image.bytes().len());
    });
}

#[test]
fn nothing_is_small() {
    let actions = [exec("a")];
    let definition = Definition { actions: &actions, ..Definition::default() };
    let mut buffer = [0; 16];
    let image = Image::encode(&definition, &mut buffer).unwrap();
    assert_eq!(hex(image.bytes()), "a200010881a1026161");
    assert_holds(&image, &definition);
}

#[test]
fn a_buffer_of_any_size_is_filled_or_refused() {
    everything(|definition| {
        let mut buffer = [0; 2048];
        let size = Image::encode(definition, &mut buffer).unwrap().bytes().len();
        for room in 0..size {
            assert_eq!(Image::encode(definition, &mut buffer[..room]).unwrap_err(), EncodeError::Full);
        }
        assert!(Image::encode(definition, &mut buffer[..size]).is_ok());
    });
}

#[test]
fn hostile_bytes_never_panic() {
    everything(|definition| {
        let mut buffer = [0; 2048];
        let bytes = Image::encode(definition, &mut buffer).unwrap().bytes().to_vec();
        damage::cut(&bytes, |bytes| assert!(Image::parse(bytes).is_err(), "cut at {}", bytes.len()));
        let (mut accepted, mut refused) = (0, 0);
        damage::flipped(&bytes, |bytes| match Image::parse(bytes) {
            Ok(image) => accepted += usize::from(look(&image) > 0),
            Err(_) => refused += 1,
        });
        println!("one bit flipped: {accepted} still images, {refused} refused");
    });
}

#[test]
fn what_a_newer_minor_form_adds_is_skipped() {
    // A section 9, an unknown key in the action, and a trigger of an unknown kind.
    let bytes =
        b"\xa4\x00\x01\x06\x81\xa1\x00\x18\x63\x08\x81\xa2\x02\x61a\x18\x2a\x82\xa1\x01\x02\xf6\x09\xa1\x00\x80";
    let image = Image::parse(bytes).unwrap();
    assert_eq!(image.actions().collect::<Vec<_>>(), [exec("a")]);
    assert_eq!(image.triggers().next().unwrap().kind, TriggerKind::Opaque { xml: "" });
    assert_eq!(image.bytes(), bytes);
}

#[test]
fn other_layouts_and_disorder_are_refused() {
    let refused = |bytes: &[u8]| Image::parse(bytes).unwrap_err();
    assert_eq!(refused(b""), ImageError::Unreadable { at: 0 });
    assert_eq!(refused(b"\xa1\x00\x02"), ImageError::Version(2));
    assert!(matches!(refused(b"\xa0"), ImageError::Unreadable { .. }));
    assert!(matches!(refused(b"\xa1\x01\x00"), ImageError::Unreadable { .. }), "no layout");
    assert!(matches!(refused(b"\xa2\x00\x01\x00\x01"), ImageError::Invalid { .. }), "a key twice");
    assert!(matches!(refused(b"\xa3\x00\x01\x07\x07\x01\x00"), ImageError::Invalid { .. }), "keys that descend");
    assert!(matches!(refused(b"\xa1\x00\x01\x00"), ImageError::Unreadable { .. }), "trailing bytes");
    assert!(matches!(refused(b"\xbf\x00\x01\xff"), ImageError::Unreadable { .. }), "indefinite length");
    assert!(matches!(refused(b"\xa2\x00\x01\x06\x98\x31"), ImageError::Invalid { .. }), "49 triggers");
    assert!(matches!(refused(b"\xa2\x00\x01\x06\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), ImageError::Invalid { .. }));
    assert!(matches!(refused(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x00\x01"), ImageError::Unreadable { .. }));
}

#[test]
fn what_xml_could_not_give_back_is_refused() {
    let mut buffer = [0; 512];
    let mut refused = |actions: &[Action<'_>], triggers: &[Trigger<'_>]| {
        let definition = Definition { actions, triggers, ..Definition::default() };
        let refused = Image::encode(&definition, &mut buffer);
        assert!(matches!(refused, Err(EncodeError::Invalid(ImageError::Invalid { .. }))), "{definition:?}");
    };
    for command in ["", "a\0", "a\u{1}", "\u{fffe}"] {
        refused(&[exec(command)], &[]);
    }
    let ill_formed = [
        "",
        "text",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/>text",
        "<a><b></a></b>",
        "<a b=c/>",
        "<a b=\"<\"/>",
        "<a b=\"1\" b=\"2\"/>",
        "<a>&x;</a>",
        "<a>&#0;</a>",
        "<a>></a>",
        "<!-- a --><a/>",
        "<?a?>",
        "<!DOCTYPE a>",
        "<x:a/>",
        "<a><![CDATA[</a>",
        "< a/>",
        "<a",
        "<a xmlns:b=\"c\"/>",
        "<a xmlns:xml=\"c\"/>",
        "<a xmlns:n0=\"\"/>",
        "<a xmlns:n0=\"a\" n1:b=\"c\"/>",
        "<a n0:b=\"c\" xmlns:n0=\"a\"/>",
        "<a n0:=\"c\"/>",
        "<a·/><·a/>",
    ];
    for xml in ill_formed {
        refused(&[Action::Opaque { xml }], &[]);
        refused(&[], &[trigger(TriggerKind::Opaque { xml }, None)]);
    }
    let deep = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
    let mut large = [0; 1024];
    let actions = [Action::Opaque { xml: &deep }];
    assert!(Image::encode(&Definition { actions: &actions, ..Definition::default() }, &mut large).is_err());
    refused(&[], &[trigger(TriggerKind::Time { random_delay: None }, None)]);
    let start = Some("2020-01-01T00:00:00");
    for schedule in [
        Schedule::Day { interval: 0 },
        Schedule::Day { interval: 366 },
        Schedule::Week { interval: 53, days: Weekdays(1) },
        Schedule::Week { interval: 1, days: Weekdays(0) },
        Schedule::Week { interval: 1, days: Weekdays(0x80) },
        Schedule::Month { days: Days(0), months: Months::ALL },
        Schedule::Month { days: Days(1), months: Months(0) },
        Schedule::Month { days: Days(1), months: Months(0x1000) },
        Schedule::MonthDayOfWeek { weeks: Weeks(0x20), days: Weekdays(1), months: Months::ALL },
    ] {
        refused(&[], &[trigger(TriggerKind::Calendar { random_delay: None, schedule }, start)]);
    }
}
