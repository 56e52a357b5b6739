//! Any definition survives the image and the XML and back: what is written is read as what it was, and written as it was.

use std::sync::atomic::{AtomicU64, Ordering};

use mainspring::{
    sid::Sid,
    task::{
        Action, Boundary, ComHandler, Conditions, Days, Definition, Email, Event, Exec, Idle, Image, InstancesPolicy,
        LogonType, Maintenance, Message, Months, Named, Network, Path, Principal, ProcessTokenSidType,
        RegistrationInfo, Repetition, RestartOnFailure, RunLevel, Schedule, SessionStateChange, Settings, Span, Texts,
        Trigger, TriggerKind, User, Weekdays, Weeks,
        xml::{lowest_version, write_version},
    },
};

use super::{image_of, image_of_wire, utf16, written};

/// Numbers without an end that are the same every time, xorshift64*.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    }

    fn flip(&mut self) -> bool {
        self.roll(2) == 0
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flip().then(|| make(self))
    }

    /// Bits of which one at least is set.
    fn bits(&mut self, count: u32) -> u32 {
        let all = u32::MAX >> (32 - count);
        let bits = (self.roll(1 << 16) as u32 | (self.roll(1 << 16) as u32) << 16) & all;
        if bits == 0 { all } else { bits }
    }

    fn text(&mut self) -> &'static str {
        self.one_of(&[
            "",
            " ",
            "a",
            "Author",
            "1.2",
            "\r\n",
            "\r",
            " x\t",
            "]]>",
            "<a b=\"c\">&amp;</a>",
            "日本語 𝒳",
            "$(Arg0)",
            "cmd.exe",
            "&#13;",
            "<!-- -->",
            "a long text that is no usual word and has nothing in it that is special",
        ])
    }

    fn filled(&mut self) -> &'static str {
        Some(self.text()).filter(|text| !text.is_empty()).unwrap_or("filled")
    }

    fn span(&mut self, least: u64) -> Span<'static> {
        let longest = (1 << 62) - 1 - least;
        let seconds = least + self.one_of(&[0, 1, 59, 60, 3600, 86_400, 31 * 86_400, 1 << 40, longest - 1, longest]);
        Some(self.one_of(&["P1Y2M3DT4H5M6.7S", "PT999999M", "P400D", "PT86460.001S", "PT4611686018427387902.5S"]))
            .filter(|_| self.roll(4) == 0)
            .map_or(Span::from_seconds(seconds), |text| Span::parse(text).unwrap())
    }

    fn interval(&mut self) -> Span<'static> {
        Span::parse(self.one_of(&["PT1M", "P31D", "PT60S", "PT2H30M", "P1DT1S"])).unwrap()
    }

    fn boundary(&mut self) -> Boundary<'static> {
        Boundary::parse(self.one_of(&[
            "2026-01-01T00:00:00",
            "1999-12-31T23:59:59Z",
            "2016-05-22T22:03:45.1165856+02:00",
            "0001-01-01T00:00:00-14:00",
            "9999-12-31T23:59:59.5",
        ]))
        .unwrap()
    }

    fn sid(&mut self) -> Sid {
        let text =
            self.one_of(&["S-1-5-18", "S-1-5-19", "S-1-5-21-1-2-3-1000", "S-1-5-80-1-2-3-4-5", "S-1-0x0000ffffffff-1"]);
        Sid::parse(text).unwrap()
    }

    fn user(&mut self) -> Option<User<'static>> {
        self.maybe(|dice| User::new(&dice.sid(), vec![0; User::ROOM].leak()).unwrap())
    }

    /// As many texts, each of which `each` makes.
    fn texts(
        &mut self,
        count: usize,
        mut each: impl FnMut(&mut Self, usize) -> &'static str,
    ) -> &'static [&'static str] {
        (0..count).map(|at| each(self, at)).collect::<Vec<_>>().leak()
    }

    fn named(&mut self, most: usize, is_filled: bool) -> Named<'static> {
        let count = self.roll(most + 1);
        let texts =
            self.texts(2 * count, |dice, at| if at % 2 == 0 || is_filled { dice.filled() } else { dice.text() });
        Named::new(texts, vec![0; 10_000].leak()).unwrap()
    }

    fn principal(&mut self, id: Option<&'static str>) -> Principal<'static> {
        let is_group = self.roll(3) == 0;
        let user = (!is_group).then(|| self.sid());
        let is_service = user == Some(Sid::LOCAL_SERVICE);
        let count = self.one_of(&[0, 0, 1, 64]);
        let privileges = self.texts(count, |dice, _| dice.one_of(&["SeTcbPrivilege", "SeDebugPrivilege"]));
        Principal {
            id,
            user,
            group: is_group.then(|| self.sid()),
            display_name: self.maybe(Self::text),
            logon_type: self.maybe(|dice| {
                dice.one_of(&[
                    LogonType::S4u,
                    LogonType::Password,
                    LogonType::InteractiveToken,
                    LogonType::InteractiveTokenOrPassword,
                ])
            }),
            // The lowest is what leaving it out means.
            run_level: self.maybe(|_| RunLevel::HighestAvailable),
            process_token_sid_type: self
                .maybe(|dice| dice.one_of(&[ProcessTokenSidType::None, ProcessTokenSidType::Unrestricted]))
                .filter(|_| is_service),
            required_privileges: Texts::new(privileges, vec![0; 2048].leak()).unwrap(),
            opaque: self.unknown(),
        }
    }

    /// Elements that no specification has.
    fn unknown(&mut self) -> Option<&'static str> {
        self.maybe(|dice| {
            dice.one_of(&[
                "<Foo/>",
                "<Foo>1</Foo><Bar a=\"b\"><c/></Bar>",
                "<Foo xmlns:n0=\"urn:a\" n0:a=\"1\"/>",
                "<Foo xmlns:q=\"urn:q\">q:a</Foo>",
            ])
        })
    }

    fn data(&mut self) -> &'static str {
        let text = self.text();
        self.one_of(&[
            text,
            "<CatchUp xmlns=\"urn:mainspring:task\">skip</CatchUp>",
            "<a:b xmlns:a=\"urn:a\"/> <CatchUp xmlns='urn:mainspring:task'>all 7</CatchUp>",
        ])
    }

    fn schedule(&mut self) -> Schedule {
        let months = Months(self.bits(12) as u16);
        let weekdays = Weekdays(self.bits(7) as u8);
        match self.roll(4) {
            0 => Schedule::Day { interval: 1 + self.roll(365) as u16 },
            1 => Schedule::Week { interval: 1 + self.roll(52) as u8, days: weekdays },
            2 => Schedule::Month { days: Days(self.bits(32)), months },
            _ => Schedule::MonthDayOfWeek { weeks: Weeks(self.bits(5) as u8), days: weekdays, months },
        }
    }

    fn trigger(&mut self) -> Trigger<'static> {
        let delay = self.maybe(|dice| dice.span(1));
        let kind = match self.roll(9) {
            0 => TriggerKind::Time { random_delay: delay },
            1 => TriggerKind::Calendar { random_delay: delay, schedule: self.schedule() },
            2 => TriggerKind::Boot { delay },
            3 => TriggerKind::Registration { delay },
            4 => TriggerKind::Idle,
            5 => TriggerKind::Event(Event {
                subscription: self.filled(),
                delay,
                number_of_occurrences: 1 + self.roll(32) as u8,
                period_of_occurrence: self.maybe(|dice| dice.span(60)),
                matching_element: self.maybe(Self::filled),
                value_queries: self.named(32, true),
            }),
            6 => TriggerKind::Logon { user: self.user(), delay },
            7 => TriggerKind::SessionState {
                user: self.user(),
                delay,
                change: self.one_of(&[
                    SessionStateChange::ConsoleConnect,
                    SessionStateChange::ConsoleDisconnect,
                    SessionStateChange::RemoteConnect,
                    SessionStateChange::RemoteDisconnect,
                    SessionStateChange::SessionLock,
                    SessionStateChange::SessionUnlock,
                ]),
            },
            _ => TriggerKind::Opaque {
                xml: self.one_of(&[
                    "<FooTrigger/>",
                    "<FooTrigger a=\"&lt;\"><b>c &amp; d</b></FooTrigger>",
                    "<WnfStateChangeTrigger/>",
                    "<WnfStateChangeTrigger><a xmlns=\"urn:x\" xmlns:n0=\"urn:y\" n0:b=\"\">ä</a></WnfStateChangeTrigger>",
                ]),
            },
        };
        let is_opaque = matches!(kind, TriggerKind::Opaque { .. });
        let needs_start = matches!(kind, TriggerKind::Time { .. } | TriggerKind::Calendar { .. });
        let trigger = Trigger {
            id: self.maybe(|_| own_id()),
            enabled: self.flip(),
            start: Some(self.boundary()).filter(|_| needs_start || self.flip()),
            end: self.maybe(Self::boundary),
            execution_time_limit: self.maybe(|dice| dice.span(0)),
            repetition: self.maybe(|dice| Repetition {
                interval: dice.interval(),
                duration: dice.maybe(|dice| dice.span(60)),
                stop_at_duration_end: dice.flip(),
            }),
            kind,
        };
        if is_opaque {
            return Trigger {
                id: None,
                enabled: true,
                start: None,
                end: None,
                execution_time_limit: None,
                repetition: None,
                kind,
            };
        }
        trigger
    }

    fn action(&mut self) -> Action<'static> {
        let id = self.maybe(|_| own_id());
        match self.roll(5) {
            4 if self.flip() => Action::Opaque { xml: "<Script/>" },
            4 => {
                let xml = format!("<Script id=\"&quot;{}\"><größe xmlns=\"\">&amp;</größe></Script>", own_id());
                Action::Opaque { xml: Box::leak(xml.into_boxed_str()) }
            }
            0 => {
                let exec = Exec {
                    command: self.filled(),
                    arguments: self.maybe(Self::text),
                    working_directory: self.maybe(Self::filled),
                    opaque: self.unknown(),
                };
                Action::Exec { id, exec }
            }
            1 => {
                let class =
                    self.one_of(&["{AE31B729-D5FD-401E-AF42-784074835AFE}", "{ae31b729-d5fd-401e-AF42-784074835AFE}"]);
                let data = self.maybe(Self::text);
                Action::ComHandler { id, handler: ComHandler { data, ..ComHandler::of_class(class).unwrap() } }
            }
            2 => {
                let count = self.roll(9);
                let files = self.texts(count, |dice, _| dice.filled());
                let email = Email {
                    server: self.filled(),
                    subject: self.maybe(Self::text),
                    to: self.maybe(Self::text),
                    cc: self.maybe(Self::text),
                    bcc: self.maybe(Self::text),
                    reply_to: self.maybe(Self::text),
                    from: self.filled(),
                    header_fields: self.named(32, false),
                    body: self.maybe(Self::text),
                    attachments: Texts::new(files, vec![0; 2048].leak()).unwrap(),
                };
                Action::SendEmail { id, email }
            }
            _ => Action::ShowMessage { id, message: Message { title: self.filled(), body: self.filled() } },
        }
    }

    fn settings(&mut self) -> Settings<'static> {
        Settings {
            enabled: self.flip(),
            hidden: self.flip(),
            allow_start_on_demand: self.flip(),
            allow_hard_terminate: self.flip(),
            instances_policy: self.one_of(&[
                InstancesPolicy::Parallel,
                InstancesPolicy::Queue,
                InstancesPolicy::IgnoreNew,
                InstancesPolicy::StopExisting,
            ]),
            execution_time_limit: self.maybe(|dice| dice.span(1)),
            start_when_available: self.flip(),
            priority: self.roll(11) as u8,
        }
    }

    fn conditions(&mut self) -> Conditions<'static> {
        let unified = self.flip();
        Conditions {
            disallow_start_if_on_batteries: self.flip(),
            stop_if_going_on_batteries: self.flip(),
            run_only_if_network_available: self.flip(),
            run_only_if_idle: self.flip(),
            wake_to_run: self.flip(),
            disallow_start_on_remote_app_session: self.flip(),
            use_unified_scheduling_engine: unified,
            volatile: self.flip(),
            idle: Idle {
                duration: self.maybe(|dice| dice.span(0)),
                wait_timeout: self.maybe(|dice| dice.span(0)),
                stop_on_idle_end: self.flip(),
                restart_on_idle: self.flip(),
            },
            network_profile_name: self.maybe(Self::text),
            network: self.maybe(|dice| Network {
                name: dice.maybe(Self::filled),
                id: dice.maybe(|_| "{49b247cd-24d4-4ada-ad69-2d975a02b748}"),
            }),
            restart_on_failure: self
                .maybe(|dice| RestartOnFailure { count: 1 + dice.roll(255) as u8, interval: dice.interval() }),
            maintenance: self
                .maybe(|dice| Maintenance {
                    period: Span::from_seconds(86_400),
                    deadline: dice.maybe(|dice| dice.span(86_401)),
                    exclusive: dice.flip(),
                })
                .filter(|_| unified),
            delete_expired_task_after: self.maybe(|dice| dice.span(0)),
            opaque: self.unknown(),
        }
    }

    fn registration(&mut self) -> RegistrationInfo<'static> {
        RegistrationInfo {
            version: self.maybe(Self::text),
            date: self.maybe(|dice| dice.one_of(&["2026-01-01T00:00:00", "2016-05-22T22:03:45.1165856+02:00"])),
            security_descriptor: self.maybe(Self::text),
            source: self.maybe(Self::text),
            author: self.maybe(Self::text),
            description: self.maybe(Self::text),
            documentation: self.maybe(Self::text),
            // What is written is the path that a task has.
            uri: Some("\\Task"),
        }
    }
}

/// An id that nothing else has.
fn own_id() -> &'static str {
    static MADE: AtomicU64 = AtomicU64::new(0);
    Box::leak(format!("id {}", MADE.fetch_add(1, Ordering::Relaxed)).into_boxed_str())
}

/// What has a place in no definition of a minor version is left out of one, or becomes what has.
struct Cut(usize);

impl Cut {
    fn principal(&self, principal: Principal<'static>) -> Principal<'static> {
        let is_new = self.0 >= 3;
        let group = principal.group.filter(|_| self.0 >= 2);
        Principal {
            group,
            // Whom nobody names is the caller, who would be named then.
            user: if group.is_none() { principal.user.or(Some(Sid::LOCAL_SYSTEM)) } else { None },
            process_token_sid_type: principal.process_token_sid_type.filter(|_| is_new),
            required_privileges: if is_new { principal.required_privileges } else { Texts::default() },
            opaque: principal.opaque.filter(|_| self.0 >= 5),
            ..principal
        }
    }

    fn trigger(&self, trigger: Trigger<'static>) -> Option<Trigger<'static>> {
        let is_there = match trigger.kind {
            TriggerKind::Opaque { xml } => self.0 >= if xml.starts_with("<Wnf") { 2 } else { 5 },
            TriggerKind::Event(_) | TriggerKind::Registration { .. } | TriggerKind::SessionState { .. } => self.0 >= 2,
            _ => true,
        };
        let kind = match trigger.kind {
            kind if self.0 >= 2 => kind,
            TriggerKind::Time { .. } => TriggerKind::Time { random_delay: None },
            TriggerKind::Calendar { schedule, .. } => TriggerKind::Calendar { random_delay: None, schedule },
            TriggerKind::Boot { .. } => TriggerKind::Boot { delay: None },
            TriggerKind::Logon { .. } => TriggerKind::Logon { user: None, delay: None },
            kind => kind,
        };
        is_there.then_some(Trigger { id: trigger.id.filter(|_| self.0 >= 2), kind, ..trigger })
    }

    fn action(&self, action: Action<'static>) -> Action<'static> {
        let exec = Exec { command: "c", arguments: Some("a"), working_directory: None, opaque: None };
        match action {
            Action::Exec { id, exec } if self.0 < 5 => {
                Action::Exec { id: id.filter(|_| self.0 >= 2), exec: Exec { opaque: None, ..exec } }
            }
            _ if self.0 < 2 => Action::Exec { id: None, exec },
            Action::Opaque { .. } if self.0 < 5 => Action::Exec { id: None, exec },
            action => action,
        }
    }

    fn conditions(&self, conditions: Conditions<'static>) -> Conditions<'static> {
        Conditions {
            network: conditions.network.filter(|_| self.0 >= 2),
            use_unified_scheduling_engine: conditions.use_unified_scheduling_engine && self.0 >= 3,
            disallow_start_on_remote_app_session: conditions.disallow_start_on_remote_app_session && self.0 >= 3,
            maintenance: conditions.maintenance.filter(|_| self.0 >= 4),
            volatile: conditions.volatile && self.0 >= 4,
            opaque: conditions.opaque.filter(|_| self.0 >= 5),
            ..conditions
        }
    }
}

/// Makes a definition of everything that a definition of some version can have.
fn definition(dice: &mut Dice, check: impl FnOnce(&Definition<'_>)) {
    const VERSIONS: [&str; 7] = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6"];
    let minor = dice.roll(VERSIONS.len() + 1);
    let version = VERSIONS.get(minor).copied();
    // What names no version has what is specified.
    let cut = Cut(if version.is_some() { minor } else { 4 });
    let ids = ["Author", "b", "c d", "é"];
    let most = if cut.0 < 2 { 1 } else { 4 };
    let principals = (0..1 + dice.roll(most))
        .map(|at| {
            let id = Some(ids[at]).filter(|_| dice.roll(3) != 0);
            cut.principal(dice.principal(id))
        })
        .collect::<Vec<_>>();
    let named = principals.iter().filter_map(|principal| principal.id).collect::<Vec<_>>();
    let triggers =
        (0..dice.one_of(&[0, 1, 1, 2, 5, 48])).filter_map(|_| cut.trigger(dice.trigger())).collect::<Vec<_>>();
    let count = if cut.0 < 2 { 1 } else { dice.one_of(&[1, 1, 2, 32]) };
    let actions = (0..count).map(|_| cut.action(dice.action())).collect::<Vec<_>>();
    check(&Definition {
        version,
        registration: dice.registration(),
        principals: &principals,
        settings: dice.settings(),
        conditions: cut.conditions(dice.conditions()),
        data: dice.maybe(Dice::data).filter(|_| cut.0 >= 2),
        triggers: &triggers,
        context: dice.maybe(|dice| (!named.is_empty()).then(|| dice.one_of(&named))).flatten(),
        actions: &actions,
    });
}

#[test]
fn any_definition_survives() {
    let mut dice = Dice(0x5EED);
    let mut buffer = vec![0; 1 << 20];
    let rounds = 900;
    let mut longest = 0;
    for _ in 0..rounds {
        definition(&mut dice, |definition| {
            let image =
                Image::encode(definition, &mut buffer).unwrap_or_else(|error| panic!("{error} {definition:#?}"));
            assert_eq!(image.triggers().collect::<Vec<_>>(), definition.triggers);
            assert_eq!(image.actions().collect::<Vec<_>>(), definition.actions);
            assert_eq!(image.principals().collect::<Vec<_>>(), definition.principals);
            let first = written(image.bytes(), "\\Task");
            let read = image_of(&first).unwrap_or_else(|error| panic!("{error}\n{first}"));
            assert!(read == image.bytes(), "{first}\n{definition:#?}\n{:#?}", Image::parse(&read));
            assert_eq!(written(&read, "\\Task"), first);
            assert!(image_of_wire(&utf16(&first)).unwrap() == read);
            assert_lowest(&image, definition);
            longest = longest.max(first.len());
        });
    }
    println!("{rounds} definitions survived, the longest of {longest} bytes of XML");
}

/// Written as the lowest version it is read again, as the same but for the version; the version before does not have all of it.
fn assert_lowest(image: &Image<'_>, definition: &Definition<'_>) {
    let lowest = lowest_version(image);
    let path = Path::parse("\\Task").unwrap();
    let as_version = |version: &str| {
        let mut text = String::new();
        write_version(image, &path, image.settings().enabled, None, version, &mut text).map(|()| text)
    };
    let text = as_version(lowest).unwrap();
    let read = image_of(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut buffer = vec![0; 1 << 20];
    let expected = Image::encode(&Definition { version: Some(lowest), ..*definition }, &mut buffer).unwrap();
    assert!(read == expected.bytes(), "{text}");
    let before = format!("1.{}", lowest[2..].parse::<u8>().unwrap() - 1);
    if before.as_str() >= "1.2" {
        let lacks = as_version(&before).is_err() || image.conditions().use_unified_scheduling_engine;
        assert!(lacks, "{lowest} is not the lowest\n{text}");
    }
}
