//! What is refused, with the place, the node and the value.

use super::{image_of, image_of_wire, task, task_with, utf16};
use mainspring::{
    limits,
    status::Status,
    task::{Image, xml::XmlError},
};

const UNEXPECTED: Status = Status::SCHED_E_UNEXPECTEDNODE;
const NAMESPACE: Status = Status::SCHED_E_NAMESPACE;
const INVALID: Status = Status::SCHED_E_INVALIDVALUE;
const MISSING: Status = Status::SCHED_E_MISSINGNODE;
const TOO_MANY: Status = Status::SCHED_E_TOO_MANY_NODES;
const MALFORMED: Status = Status::SCHED_E_MALFORMEDXML;

fn refused(xml: &str) -> XmlError {
    let error = image_of(xml).expect_err(xml);
    assert_eq!(image_of_wire(&utf16(xml)).unwrap_err(), error, "both encodings say the same");
    error
}

/// Refuses a task whose text has `^` where the error must point, which is taken out before it is read.
fn assert_refused(status: Status, node: &str, value: &str, marked: &str) {
    let (before, after) = marked.split_once('^').unwrap();
    let error = refused(&format!("{before}{after}"));
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().encode_utf16().count() + 1;
    assert_eq!(error.status, status, "{error}\n{marked}");
    assert_eq!((error.node.as_str(), error.value.as_str()), (node, value), "{error}\n{marked}");
    assert_eq!((error.line as usize, error.column as usize), (line, column), "{error}\n{marked}");
}

fn trigger(xml: &str) -> String {
    task_with(&format!("\n <Triggers>\n  {xml}\n </Triggers>\n"))
}

fn calendar(xml: &str) -> String {
    trigger(&format!("<CalendarTrigger><StartBoundary>2026-01-01T00:00:00</StartBoundary>{xml}</CalendarTrigger>"))
}

fn settings(xml: &str) -> String {
    task_with(&format!("\n <Settings>\n  {xml}\n </Settings>\n"))
}

fn principal(xml: &str) -> String {
    task_with(&format!("\n <Principals>\n  {xml}\n </Principals>\n"))
}

#[test]
fn the_triple_is_written_as_users_know_it() {
    let xml = settings("<RestartOnFailure>\r\n   <Interval>PT10S</Interval><Count>1</Count></RestartOnFailure>");
    assert_eq!(
        refused(&xml).to_string(),
        "(4,14):Interval:PT10S: 0x80041318 SCHED_E_INVALIDVALUE: \
         the task XML contains a value that is wrongly formed or out of range"
    );
}

#[test]
fn unexpected_elements() {
    let xml = task_with("").replace("<Actions>", "\n  ^<Foo>\n<Actions>").replace("</Task>", "</Foo></Task>");
    assert_refused(UNEXPECTED, "Foo", "", &xml);
    for (element, xml) in [
        ("URI", task_with("^<URI/>")),
        ("Foo", task_with("<RegistrationInfo>\n^<Foo/></RegistrationInfo>")),
        ("actions", task_with("\n ^<actions/>")),
        ("Foo", principal("^<Foo/>")),
        ("Foo", principal("<Principal>^<Foo/></Principal>")),
        ("Foo", settings("^<Foo>true</Foo>")),
        ("Deadline", settings("<IdleSettings>^<Deadline>P1D</Deadline></IdleSettings>")),
        ("Foo", settings("<NetworkSettings>^<Foo/></NetworkSettings>")),
        ("Foo", trigger("^<Foo/>")),
        ("Foo", trigger("<BootTrigger>^<Foo/></BootTrigger>")),
        ("Delay", calendar("^<Delay>PT1M</Delay><ScheduleByDay/>")),
        ("RandomDelay", trigger("<BootTrigger>^<RandomDelay>PT1M</RandomDelay></BootTrigger>")),
        ("ScheduleByDay", trigger("<RegistrationTrigger>^<ScheduleByDay/></RegistrationTrigger>")),
        ("ScheduleByWeek", calendar("<ScheduleByDay/>^<ScheduleByWeek/>")),
        ("Day", calendar("<ScheduleByWeek><DaysOfWeek>^<Day>1</Day></DaysOfWeek></ScheduleByWeek>")),
        ("Week", calendar("<ScheduleByMonth><DaysOfMonth>^<Week>1</Week></DaysOfMonth></ScheduleByMonth>")),
        ("Foo", task("<Actions>\n^<Foo/></Actions>")),
        ("Foo", task("<Actions><Exec><Command>a</Command>^<Foo/></Exec></Actions>")),
        // A value has no elements.
        ("b", task("<Actions><Exec><Command>a^<b/></Command></Exec></Actions>")),
        ("Enabled", settings("<Enabled>^<Enabled>true</Enabled></Enabled>")),
    ] {
        assert_refused(UNEXPECTED, element, "", &xml);
    }
    // The root.
    assert_refused(
        UNEXPECTED,
        "Tasks",
        "",
        &task_with("").replace("Task ", "Tasks ").replace("</Task>", "</Tasks>").replace("<Tasks", "^<Tasks"),
    );
    // Maintenance needs the unified engine.
    let maintenance = "^<MaintenanceSettings><Period>P1D</Period></MaintenanceSettings>";
    assert_refused(UNEXPECTED, "MaintenanceSettings", "", &settings(maintenance));
}

#[test]
fn a_user_and_a_group() {
    for fields in
        ["<UserId>user</UserId>\n   ^<GroupId>Users</GroupId>", "^<GroupId>Users</GroupId>\n   <UserId>user</UserId>"]
    {
        assert_refused(UNEXPECTED, "GroupId", "", &principal(&format!("<Principal>{fields}</Principal>")));
    }
}

#[test]
fn unexpected_attributes() {
    for (name, value, xml) in [
        ("Version", "1", task_with("").replace("version=\"1.4\"", "^Version=\"1\"")),
        ("a", "b", task_with("<RegistrationInfo\n ^a=\"b\"/>")),
        ("id", "x", task_with("<Triggers ^id=\"x\"/>")),
        ("context", "x", task("<Actions ^context=\"x\"><Exec><Command>a</Command></Exec></Actions>")),
        ("a", "", task("<Actions><Exec><Command ^a=\"\">a</Command></Exec></Actions>")),
        ("a", "1", task("<Actions><Exec id=\"1\" ^a=\"1\"><Command>a</Command></Exec></Actions>")),
        ("a", "1", settings("<Enabled ^a=\"1\">true</Enabled>")),
        ("a", "1", calendar("<ScheduleByDay ^a='1'/>")),
    ] {
        assert_refused(UNEXPECTED, name, value, &xml);
    }
}

#[test]
fn unexpected_text() {
    assert_refused(UNEXPECTED, "Triggers", "text", &task_with("\n<Triggers>^text</Triggers>"));
    assert_refused(UNEXPECTED, "Task", "x", &task_with("^x"));
}

#[test]
fn other_namespaces() {
    let other = "https://schemas.microsoft.com/windows/2004/02/mit/task";
    let xml = format!("<!-- a -->\n^<Task xmlns=\"{other}\"><Actions/></Task>");
    assert_refused(NAMESPACE, "Task", other, &xml);
    assert_refused(NAMESPACE, "Task", "", "^<Task><Actions/></Task>");
    assert_refused(NAMESPACE, "Foo", "urn:x", &task_with("\n ^<Foo xmlns=\"urn:x\"/>"));
    assert_refused(NAMESPACE, "Enabled", "", &settings("^<Enabled xmlns=\"\">true</Enabled>"));
    assert_refused(
        NAMESPACE,
        "b",
        "urn:x",
        &task("<Actions><Exec><Command>a^<b xmlns=\"urn:x\"/></Command></Exec></Actions>"),
    );
    assert_refused(
        NAMESPACE,
        "WnfStateChangeTrigger",
        "urn:x",
        &trigger("^<WnfStateChangeTrigger xmlns='urn:x'><Enabled>true</Enabled></WnfStateChangeTrigger>"),
    );
    let xml = task_with("").replace("<Task ", "<Task xmlns:x=\"urn:x\" ^x:y=\"z\" ");
    assert_refused(NAMESPACE, "y", "urn:x", &xml);
    assert_refused(
        NAMESPACE,
        "space",
        "http://www.w3.org/XML/1998/namespace",
        &settings("<Enabled ^xml:space=\"preserve\">true</Enabled>"),
    );
}

#[test]
fn values_out_of_their_range() {
    for version in ["", "1", "1.7", "2.0", "0.9", "1.2.3", "1.2 ", "one"] {
        let xml = task_with("").replace("version=\"1.4\"", &format!("version=\"^{version}\""));
        assert_refused(INVALID, "version", version, &xml);
    }
    let field = |place: fn(&str) -> String, around: (&str, &str), name: &str, values: &[&str]| {
        for value in values {
            let (open, close) = around;
            let at = if value.trim().is_empty() && value.is_empty() { "" } else { "^" };
            let empty = if at.is_empty() { "^" } else { "" };
            let xml = place(&format!("{open}\n    {empty}<{name}>{at}{value}</{name}>{close}"));
            assert_refused(INVALID, name, value, &xml);
        }
    };
    let in_settings = |name, values| field(settings, ("", ""), name, values);
    for name in [
        "AllowHardTerminate",
        "AllowStartOnDemand",
        "DisallowStartIfOnBatteries",
        "StopIfGoingOnBatteries",
        "Enabled",
        "Hidden",
        "StartWhenAvailable",
        "WakeToRun",
        "RunOnlyIfNetworkAvailable",
        "RunOnlyIfIdle",
        "DisallowStartOnRemoteAppSession",
        "UseUnifiedSchedulingEngine",
        "Volatile",
    ] {
        in_settings(name, &["", "True", "yes", "2", "truetrue"]);
    }
    in_settings("ExecutionTimeLimit", &["", "72", "72:00:00", "-PT1H", "P1W", "PT"]);
    in_settings("DeleteExpiredTaskAfter", &["", "never"]);
    in_settings("MultipleInstancesPolicy", &["", "ignoreNew", "Wait"]);
    in_settings("Priority", &["", "-1", "11", "256", "7.0", "4294967303", "0x1"]);
    let restart = |name, rest: &str, values| {
        field(settings, ("<RestartOnFailure>", &format!("{rest}</RestartOnFailure>")), name, values);
    };
    restart("Interval", "<Count>1</Count>", &["PT59S", "P31DT1S", "", "P1Y", "PT0S"]);
    restart("Count", "<Interval>PT1M</Interval>", &["0", "256", "", "1.5", "-1"]);
    field(settings, ("<NetworkSettings>", "</NetworkSettings>"), "Name", &[""]);
    field(
        settings,
        ("<NetworkSettings>", "</NetworkSettings>"),
        "Id",
        &["", "{}", "49b247cd-24d4-4ada-ad69-2d975a02b748"],
    );
    for name in ["Duration", "WaitTimeout", "StopOnIdleEnd", "RestartOnIdle"] {
        field(settings, ("<IdleSettings>", "</IdleSettings>"), name, &["", "x"]);
    }
    let maintenance = (
        "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><MaintenanceSettings>",
        "</MaintenanceSettings>",
    );
    field(settings, maintenance, "Period", &["PT23H59M", ""]);
    let open = format!("{}<Period>P2D</Period>", maintenance.0);
    field(settings, (&open, maintenance.1), "Deadline", &["P2D", "PT1H", ""]);
    field(settings, (&open, maintenance.1), "Exclusive", &["", "x"]);

    let registration = |xml: &str| task_with(&format!("<RegistrationInfo>{xml}</RegistrationInfo>"));
    field(registration, ("", ""), "Date", &["", "yesterday", "2026-13-01T00:00:00", "2026-01-01"]);

    let in_principal = ("<Principal>", "</Principal>");
    field(principal, in_principal, "UserId", &[""]);
    field(principal, in_principal, "GroupId", &[""]);
    field(principal, in_principal, "LogonType", &["", "s4u", "Group"]);
    field(principal, in_principal, "RunLevel", &["", "Highest"]);

    let in_boot = ("<BootTrigger>", "</BootTrigger>");
    field(trigger, in_boot, "Enabled", &["", "TRUE"]);
    field(trigger, in_boot, "StartBoundary", &["", "2026-02-29T00:00:00", "autoremove"]);
    field(trigger, in_boot, "EndBoundary", &["", "2026-02-28"]);
    field(trigger, in_boot, "ExecutionTimeLimit", &["", "1"]);
    field(trigger, in_boot, "Delay", &["", "1"]);
    field(trigger, ("<BootTrigger><Repetition>", "</Repetition></BootTrigger>"), "Interval", &["PT59S", "P31DT1S", ""]);
    let repetition = ("<BootTrigger><Repetition><Interval>PT1M</Interval>", "</Repetition></BootTrigger>");
    field(trigger, repetition, "Duration", &["PT59S", ""]);
    field(trigger, repetition, "StopAtDurationEnd", &["", "no"]);
    field(calendar, ("<ScheduleByDay/>", ""), "RandomDelay", &["", "x"]);
    field(calendar, ("<ScheduleByDay>", "</ScheduleByDay>"), "DaysInterval", &["0", "366", "", "1.0", "daily"]);
    let week = ("<ScheduleByWeek><DaysOfWeek><Monday/></DaysOfWeek>", "</ScheduleByWeek>");
    field(calendar, week, "WeeksInterval", &["0", "53", ""]);
    field(calendar, ("<ScheduleByWeek><DaysOfWeek>", "</DaysOfWeek></ScheduleByWeek>"), "Monday", &["true"]);
    let month = ("<ScheduleByMonth><DaysOfMonth>", "</DaysOfMonth></ScheduleByMonth>");
    field(calendar, month, "Day", &["0", "32", "", "01", "+1", "last", "-1", "1st"]);
    let weeks = ("<ScheduleByMonthDayOfWeek><Weeks>", "</Weeks></ScheduleByMonthDayOfWeek>");
    field(calendar, weeks, "Week", &["0", "5", "", "First"]);

    let exec = |xml: &str| task(&format!("<Actions><Exec>{xml}</Exec></Actions>"));
    field(exec, ("", ""), "Command", &[""]);
    field(exec, ("<Command>a</Command>", ""), "WorkingDirectory", &[""]);
    assert_refused(INVALID, "id", "", &task("<Actions><Exec id=\"^\"><Command>a</Command></Exec></Actions>"));
    assert_refused(
        INVALID,
        "Context",
        "B",
        &task(
            "<Principals><Principal id=\"A\"/></Principals>\n<Actions Context=\"^B\"><Exec><Command>a</Command></Exec></Actions>",
        ),
    );
}

/// White space around a name says nothing, and an element that is kept as it is has a name too.
#[test]
fn an_id_is_a_name_of_one() {
    let named = |a: &str, t: &str, e: &str, context: &str| {
        image_of(&task(&format!(
            "<Principals><Principal id=\"{a}\"/></Principals><Triggers><IdleTrigger id=\"{t}\"/></Triggers>\
             <Actions Context=\"{context}\"><Exec id=\"{e}\"><Command>a</Command></Exec></Actions>"
        )))
        .unwrap()
    };
    assert_eq!(named("\n A ", " t ", "e\n", " A\t"), named("A", "t", "e", "A"));
    assert_refused(INVALID, "id", "", &trigger("<IdleTrigger id=\"^ \"/>"));
    assert_refused(INVALID, "id", " t", &trigger("<IdleTrigger id=\"t\"/><BootTrigger id=\"^ t\"/>"));
    let kept = "<WnfStateChangeTrigger id=\"^t\"><StateName>1</StateName></WnfStateChangeTrigger>";
    assert_refused(INVALID, "id", "t", &trigger(&format!("<IdleTrigger id=\"t\"/>{kept}")));
    let boot = "<BootTrigger id=\"^t\"/>";
    assert_refused(INVALID, "id", "t", &trigger(&format!("{}{boot}", kept.replace('^', ""))));
}

#[test]
fn a_command_of_260_characters_and_no_more() {
    let xml = |command: &str| task(&format!("<Actions>\n<Exec><Command>{command}</Command></Exec></Actions>"));
    assert!(image_of(&xml(&"é".repeat(260))).is_ok());
    let error = refused(&xml(&"é".repeat(261)));
    assert_eq!((error.status, error.line, error.column), (INVALID, 2, 16));
    assert_eq!(error.node, "Command");
    // An error carries as many whole characters as it has room for.
    assert_eq!(error.value, "é".repeat(64).as_str());
}

#[test]
fn places_count_utf16_units_and_all_line_ends() {
    // An astral character is two units, and a lone carriage return ends a line.
    let xml = task_with("\r<RegistrationInfo><Author>𝒳é\t</Author><Foo/></RegistrationInfo>");
    let error = refused(&xml);
    assert_eq!((error.line, error.column), (2, 18 + 8 + 4 + 9 + 1));
    let xml = settings("\r\n\r\n\r\n<Enabled>\r\n\r\n  x \r\n</Enabled>");
    let error = refused(&xml);
    assert_eq!((error.line, error.column, error.value.as_str()), (8, 3, "x"));
    // A byte order mark has no place.
    let error = refused("\u{feff}<Task/>");
    assert_eq!((error.status, error.line, error.column), (NAMESPACE, 1, 1));
}

#[test]
fn missing_nodes() {
    for (missing, xml) in [
        (
            "Actions",
            task_with("")
                .replace("<Task ", "^<Task ")
                .replace("<Actions><Exec><Command>a</Command></Exec></Actions>", ""),
        ),
        ("Exec", task("\n ^<Actions/>")),
        ("Exec", task("\n ^<Actions>\n </Actions>")),
        ("Command", task("<Actions>\n  ^<Exec><Arguments>a</Arguments></Exec></Actions>")),
        ("StartBoundary", trigger("^<TimeTrigger/>")),
        ("StartBoundary", trigger("^<CalendarTrigger><ScheduleByDay/></CalendarTrigger>")),
        (
            "ScheduleByDay",
            trigger("^<CalendarTrigger><StartBoundary>2026-01-01T00:00:00</StartBoundary></CalendarTrigger>"),
        ),
        ("Interval", trigger("<BootTrigger>^<Repetition/></BootTrigger>")),
        ("DaysOfWeek", calendar("^<ScheduleByWeek/>")),
        ("Sunday", calendar("<ScheduleByWeek>^<DaysOfWeek/></ScheduleByWeek>")),
        ("DaysOfMonth", calendar("^<ScheduleByMonth/>")),
        ("Day", calendar("<ScheduleByMonth>^<DaysOfMonth/></ScheduleByMonth>")),
        ("January", calendar("<ScheduleByMonth><DaysOfMonth><Day>1</Day></DaysOfMonth>^<Months/></ScheduleByMonth>")),
        ("Weeks", calendar("^<ScheduleByMonthDayOfWeek><DaysOfWeek><Monday/></DaysOfWeek></ScheduleByMonthDayOfWeek>")),
        (
            "Week",
            calendar(
                "<ScheduleByMonthDayOfWeek>^<Weeks/><DaysOfWeek><Monday/></DaysOfWeek></ScheduleByMonthDayOfWeek>",
            ),
        ),
        ("DaysOfWeek", calendar("^<ScheduleByMonthDayOfWeek><Weeks><Week>1</Week></Weeks></ScheduleByMonthDayOfWeek>")),
        ("Interval", settings("^<RestartOnFailure><Count>1</Count></RestartOnFailure>")),
        ("Count", settings("^<RestartOnFailure><Interval>PT1M</Interval></RestartOnFailure>")),
        ("Period", settings("<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine>^<MaintenanceSettings/>")),
    ] {
        assert_refused(MISSING, missing, "", &xml);
    }
}

#[test]
fn too_many_nodes() {
    for (name, xml) in [
        ("Triggers", task_with("<Triggers/>\n^<Triggers/>")),
        ("Enabled", settings("<Enabled>true</Enabled>^<Enabled>true</Enabled>")),
        ("Monday", calendar("<ScheduleByWeek><DaysOfWeek><Monday/>^<Monday/></DaysOfWeek></ScheduleByWeek>")),
        ("ScheduleByDay", calendar("<ScheduleByDay/>^<ScheduleByDay/>")),
        ("Command", task("<Actions><Exec><Command>a</Command>^<Command>a</Command></Exec></Actions>")),
    ] {
        assert_refused(TOO_MANY, name, "", &xml);
    }
    let boots = "<BootTrigger/>".repeat(limits::TRIGGERS);
    assert!(image_of(&trigger(&boots)).is_ok());
    assert_refused(TOO_MANY, "IdleTrigger", "", &trigger(&format!("{boots}\n  ^<IdleTrigger/>")));
    let exec = "<Exec><Command>a</Command></Exec>";
    let actions = exec.repeat(limits::ACTIONS);
    assert!(image_of(&task(&format!("<Actions>{actions}</Actions>"))).is_ok());
    assert_refused(TOO_MANY, "Exec", "", &task(&format!("<Actions>{actions}^{exec}</Actions>")));
    let days = "<Day>1</Day>".repeat(32);
    let month = |days: &str| calendar(&format!("<ScheduleByMonth><DaysOfMonth>{days}</DaysOfMonth></ScheduleByMonth>"));
    assert!(image_of(&month(&days)).is_ok());
    assert_refused(TOO_MANY, "Day", "", &month(&format!("{days}^<Day>1</Day>")));
    let principals = "<Principal/>".repeat(limits::PRINCIPALS);
    assert!(image_of(&principal(&principals)).is_ok());
    assert_refused(TOO_MANY, "Principal", "", &principal(&format!("{principals}^<Principal/>")));
}

#[test]
fn accounts_that_nobody_knows() {
    let xml = principal("<Principal><UserId>^HOST\\nobody</UserId></Principal>");
    assert_refused(Status::E_NONE_MAPPED, "UserId", "HOST\\nobody", &xml);
    let xml = principal("<Principal><GroupId>\n  ^S-1-5-x\n</GroupId></Principal>");
    assert_refused(Status::E_NONE_MAPPED, "GroupId", "S-1-5-x", &xml);
}

#[test]
fn what_is_not_well_formed() {
    for (marked, why) in [
        ("^", "the document does not have a root node"),
        ("text^", ""),
        ("<a>\n </b>", ""),
        ("<a", ""),
        ("<a b=c/>", ""),
        ("<a>&undefined;</a>", ""),
        ("<a>&#0;</a>", ""),
        ("<a>&#xD800;</a>", "a reference"),
        ("<a>&#x110000;</a>", "a reference"),
        ("<a>&#99999999999;</a>", "a reference"),
        ("<a>&#;</a>", "a reference"),
        ("<a b=\"&#xFFFF;\"/>", "a reference"),
        ("<a/><b/>", ""),
        ("<a b=\"1\" b=\"2\"/>", ""),
        ("<x:a/>", ""),
        ("<a><![CDATA[</a>", ""),
        ("<a><!-- </a>", ""),
        ("\n<?xml version=\"1.0\"?><a/>", ""),
        ("<a>\0</a>", ""),
        ("<a>\u{1}</a>", ""),
        ("<a b=\"\0\"/>", ""),
        ("<a>\u{ffff}</a>", ""),
    ] {
        let error = refused(&marked.replace('^', ""));
        assert_eq!(error.status, MALFORMED, "{marked:?} {error}");
        assert!(error.line >= 1 && error.column >= 1, "{marked:?} {error}");
        assert_eq!(error.node, "");
        assert!(error.value.starts_with(why), "{marked:?} {error}");
    }
    for (xml, line, column) in [
        ("<a>\n  </b>", 2, 3),
        ("<a>\né𝒳<b c=d/></a>", 2, 9),
        ("<a/>\n<b/>", 2, 1),
        ("<a>\n&x;</a>", 2, 1),
        ("<a>\n\n", 3, 1),
    ] {
        let error = refused(xml);
        assert_eq!((error.line, error.column), (line, column), "{xml:?} {error}");
    }
}

/// What the parser takes, and XML or its namespaces do not. The place is that of the mark; without it, each is a task.
#[test]
fn what_the_parser_takes_is_not_well_formed() {
    let task = task_with("");
    let (declaration, rest) = task.split_at(task.find("<Task").unwrap());
    assert!(declaration.is_empty(), "{declaration}");
    for wrong in [
        "<?xml?>",
        "<?xml ?>",
        "<?xml version=\"9\"?>",
        "<?xml version=\"1.\"?>",
        "<?xml version=\"1.0'?>",
        "<?xml version=\"1.0\" encoding=\"\"?>",
        "<?xml version=\"1.0\" encoding=\"16\"?>",
        "<?xml version=\"1.0\" encoding=\"a b\"?>",
        "<?xml version=\"1.0\" standalone=\"maybe\"?>",
        "<?xml version=\"1.0\" standalone=\"no\" encoding=\"UTF-8\"?>",
        "<?xml version=\"1.0\"encoding=\"UTF-8\"?>",
        "<?xml encoding=\"UTF-8\"?>",
        "<?xml version=\"1.0\" more?>",
        "<?XML version=\"1.0\"?>",
        "<?Xml?>",
    ] {
        let error = refused(&format!("{wrong}{rest}"));
        assert_eq!((error.status, error.line, error.column), (MALFORMED, 1, 1), "{wrong} {error}");
    }
    let error = refused(&format!("{rest}\n<?xml version=\"1.0\"?>"));
    assert_eq!((error.status, error.column), (MALFORMED, 1), "{error}");
    for right in [
        "<?xml version=\"1.0\"?>",
        "<?xml\n version = '1.1'\tencoding\n=\n'x-Any_1.0' standalone='no' ?>",
        "<?xml-stylesheet href=\"a\"?>",
        "<?xmlish?>",
        "\u{feff}<?xml version=\"1.0\"?>",
    ] {
        image_of(&format!("{right}{rest}")).unwrap();
    }
    for boms in ["\u{feff}\u{feff}", "\u{feff}\u{feff}<?xml version=\"1.0\"?>"] {
        let text = format!("{boms}{rest}");
        assert_eq!(image_of_wire(&utf16(&text)).unwrap_err().status, MALFORMED);
        assert_eq!(image_of(&text).unwrap_err().status, MALFORMED);
    }
    for (wrong, column) in [
        ("<a xmlns:xmlns=\"b\"/>", 4),
        ("<a xmlns:p=\"\"/>", 4),
        ("<a b=\"\"\n xmlns:p\t= ''/>", 2),
        ("<a xmlns:=\"b\"/>", 4),
        ("<a xmlns=\"b\" xmlns = \"c\"/>", 14),
        ("<a></:a>", 4),
        ("<a><?b:c d?></a>", 4),
        ("<:a/>", 2),
        ("<a :b=\"\"/>", 4),
        ("<a b=😀/>", 6),
    ] {
        let error = refused(wrong);
        assert_eq!((error.status, error.column), (MALFORMED, column), "{wrong} {error}");
        assert!(!wrong.contains('😀') || error.value.contains('😀'), "{error}");
    }
}

#[test]
fn lone_surrogates_and_nuls() {
    let mut xml = utf16("<a>\n𝒳");
    xml.extend([0x00, 0xD8]);
    xml.extend(utf16("</a>"));
    let error = image_of_wire(&xml).unwrap_err();
    assert_eq!((error.status, error.line, error.column), (MALFORMED, 2, 3));
    let error = image_of_wire(&utf16("<a>\n𝒳\0</a>")).unwrap_err();
    assert_eq!((error.status, error.line, error.column), (MALFORMED, 2, 3));
}

/// UTF-16 is taken over in blocks; wherever in one a character stands, it is the same character, or the same place of half of one.
#[test]
fn any_character_may_stand_anywhere() {
    for offset in 0..70 {
        let before = "a".repeat(offset);
        for character in ["é", "字", "𝒳", "𝒳𝒳é字a𝒳"] {
            let xml = task_with(&format!("<Data>{before}{character}</Data>"));
            let image = image_of_wire(&utf16(&xml)).unwrap();
            assert_eq!(Image::parse(&image).unwrap().data(), Some(format!("{before}{character}").as_str()));
            assert!(image == image_of(&xml).unwrap(), "{xml}");
        }
        for half in [0xD8, 0xDC] {
            let mut xml = utf16(&format!("<a>{before}"));
            xml.extend([0x00, half]);
            xml.extend(utf16("b𝒳</a>"));
            let error = image_of_wire(&xml).unwrap_err();
            assert_eq!((error.status, error.line, error.column), (MALFORMED, 1, 4 + offset as u32));
        }
    }
}

#[test]
fn a_buffer_that_is_too_small() {
    let xml = task_with("");
    for room in 0..8 {
        let mut buffer = vec![0; room];
        let error = super::with_registrant(None, |registrant| {
            mainspring::task::xml::read_str(&xml, registrant, &mut buffer).unwrap_err()
        });
        assert_eq!((error.status, error.line), (Status::E_OUTOFMEMORY, 0));
    }
}
