//! What is written is valid, in the opinion of a program that nobody here wrote: `xmllint`, with the schema that
//! `tests/data/task/task.xsd` makes of [MS-TSCH] 2.5.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

use super::{corpus, image_of, written};
use mainspring_tests::chance::Chance;

/// Runs `xmllint`, if it is there.
fn xmllint(arguments: &[&str], files: &[String], folder: &Path) -> Option<Output> {
    let found = Command::new("xmllint").args(arguments).args(files).current_dir(folder).output();
    if found.is_err() {
        println!("skipped: there is no xmllint");
    }
    found.ok()
}

/// The names of the documents that are refused, and what `xmllint` says of all.
fn refused(documents: &[(String, String)]) -> Option<(BTreeSet<String>, String)> {
    let folder = tempfile::tempdir().unwrap();
    let names = documents.iter().map(|(name, _)| format!("{name}.xml")).collect::<Vec<_>>();
    for ((_, text), name) in documents.iter().zip(&names) {
        // As the declaration says.
        let units = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes);
        fs::write(folder.path().join(name), units.collect::<Vec<_>>()).unwrap();
    }
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/data/task/task.xsd");
    let output = xmllint(&["--noout", "--nonet", "--schema", schema], &names, folder.path())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = said.lines().collect::<BTreeSet<_>>();
    let valid = names.iter().filter(|name| lines.contains(format!("{name} validates").as_str()));
    let valid = valid.map(|name| name.trim_end_matches(".xml").to_owned()).collect::<BTreeSet<_>>();
    let all = documents.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    // Exit status 0 is for all, and for no other reason.
    assert_eq!(output.status.success(), valid.len() == documents.len(), "{said}");
    Some((all.difference(&valid).cloned().collect(), said))
}

fn assert_valid(documents: &[(String, String)]) {
    let Some((refused, said)) = refused(documents) else { return };
    let first = documents.iter().find(|(name, _)| refused.contains(name)).map(|(_, text)| text);
    let said = said.lines().filter(|line| !line.ends_with(" validates")).take(20).collect::<Vec<_>>().join("\n");
    assert!(refused.is_empty(), "{} refused\n{said}\n{first:?}", refused.len());
    println!("{} documents are valid", documents.len());
}

#[test]
fn what_is_written_of_real_files_is_valid() {
    let Some(tasks) = corpus::readable() else { return };
    let documents = tasks.iter().enumerate().map(|(number, (name, image))| {
        let path = corpus::path_of(image);
        (format!("{name}-{number}"), written(image, &path))
    });
    assert_valid(&documents.collect::<Vec<_>>());
}

/// Elements of each part, of which any may be there.
const REGISTRATION: &[&str] = &[
    "<Version>1 ä</Version>",
    "<Date>2016-05-22T22:03:45.1165856+02:00</Date>",
    "<SecurityDescriptor>D:</SecurityDescriptor>",
    "<Source>s</Source>",
    "<Author/>",
    "<Description>a &lt;b&gt; &amp; \"c\"\n🦀</Description>",
    "<Documentation>d</Documentation>",
];
const SETTINGS: &[&str] = &[
    "<AllowStartOnDemand>false</AllowStartOnDemand>",
    "<RestartOnFailure><Count>255</Count><Interval>P31D</Interval></RestartOnFailure>",
    "<MultipleInstancesPolicy>StopExisting</MultipleInstancesPolicy>",
    "<DisallowStartIfOnBatteries>0</DisallowStartIfOnBatteries>",
    "<StopIfGoingOnBatteries>1</StopIfGoingOnBatteries>",
    "<AllowHardTerminate>false</AllowHardTerminate>",
    "<StartWhenAvailable>true</StartWhenAvailable>",
    "<NetworkProfileName>n</NetworkProfileName>",
    "<RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>",
    "<WakeToRun>true</WakeToRun>",
    "<Enabled>false</Enabled>",
    "<Hidden>true</Hidden>",
    "<IdleSettings><Duration>PT10M</Duration><WaitTimeout>P1DT2H</WaitTimeout><RestartOnIdle>true</RestartOnIdle></IdleSettings>",
    "<NetworkSettings><Name>n</Name><Id>{49b247cd-24d4-4ada-ad69-2d975a02b748}</Id></NetworkSettings>",
    "<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>",
    "<Priority>10</Priority>",
    "<RunOnlyIfIdle>true</RunOnlyIfIdle>",
    "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine>",
    "<DisallowStartOnRemoteAppSession>true</DisallowStartOnRemoteAppSession>",
    "<Volatile>true</Volatile>",
];
/// What any trigger may have, and what it must have if it is timed.
const COMMON: &[&str] = &[
    "<Enabled>false</Enabled>",
    "<EndBoundary>2030-12-31T23:59:59Z</EndBoundary>",
    "<ExecutionTimeLimit>PT1H30M</ExecutionTimeLimit>",
    "<Repetition><Interval>PT1M</Interval><Duration>P1D</Duration><StopAtDurationEnd>true</StopAtDurationEnd></Repetition>",
];
const START: &str = "<StartBoundary>2026-02-28T12:00:00.123</StartBoundary>";
const DELAY: &str = "<Delay>PT15M</Delay>";
const RANDOM_DELAY: &str = "<RandomDelay>PT30S</RandomDelay>";
/// Kinds of triggers: the name, what each must have, and what it may.
const TRIGGERS: &[(&str, &str, &[&str])] = &[
    ("BootTrigger", "", &[START, DELAY]),
    ("RegistrationTrigger", "", &[START, DELAY]),
    ("IdleTrigger", "", &[START]),
    ("TimeTrigger", START, &[RANDOM_DELAY]),
    (
        "EventTrigger",
        "<Subscription>&lt;QueryList/&gt;</Subscription>",
        &[
            DELAY,
            "<PeriodOfOccurrence>PT1M</PeriodOfOccurrence>",
            "<NumberOfOccurrences>32</NumberOfOccurrences>",
            "<MatchingElement>m</MatchingElement>",
            "<ValueQueries><Value name=\"a&quot;\">v</Value><Value name=\"b\">w</Value></ValueQueries>",
        ],
    ),
    ("LogonTrigger", "", &[START, DELAY, "<UserId>user</UserId>"]),
    ("SessionStateChangeTrigger", "<StateChange>SessionUnlock</StateChange>", &[DELAY, "<UserId>SYSTEM</UserId>"]),
    ("CalendarTrigger", "<StartBoundary>2026-01-01T00:00:00</StartBoundary><ScheduleByDay/>", &[RANDOM_DELAY]),
    (
        "CalendarTrigger",
        "<StartBoundary>2026-01-01T00:00:00</StartBoundary><ScheduleByWeek><WeeksInterval>52</WeeksInterval><DaysOfWeek><Monday/>\
         <Sunday/></DaysOfWeek></ScheduleByWeek>",
        &[RANDOM_DELAY],
    ),
    (
        "CalendarTrigger",
        "<StartBoundary>0001-01-01T00:00:00-14:00</StartBoundary><ScheduleByMonth><DaysOfMonth><Day>1</Day><Day>31</Day>\
         <Day>Last</Day></DaysOfMonth><Months><May/></Months></ScheduleByMonth>",
        &[],
    ),
    (
        "CalendarTrigger",
        "<StartBoundary>9999-12-31T23:59:59Z</StartBoundary><ScheduleByMonthDayOfWeek><Weeks><Week>1</Week><Week>Last</Week>\
         </Weeks><DaysOfWeek><Friday/></DaysOfWeek></ScheduleByMonthDayOfWeek>",
        &[RANDOM_DELAY],
    ),
    (
        "WnfStateChangeTrigger",
        "<StateName>7508BCA3380C960C</StateName>",
        &["<Data>01</Data>", "<DataOffset>4</DataOffset>"],
    ),
];
const PRINCIPAL: &[&str] = &[
    "<DisplayName>d</DisplayName>",
    "<RunLevel>HighestAvailable</RunLevel>",
    "<RequiredPrivileges><Privilege>SeTcbPrivilege</Privilege><Privilege>SeBackupPrivilege</Privilege></RequiredPrivileges>",
];
const ACTIONS: &[&str] = &[
    "<Exec><Command>c</Command><Arguments>a</Arguments><WorkingDirectory>w</WorkingDirectory></Exec>",
    "<Exec id=\"1 e\"><Command>c</Command><Arguments/></Exec>",
    "<ComHandler><ClassId>{49B247CD-24D4-4ADA-AD69-2D975A02B748}</ClassId><Data><![CDATA[<a>]]></Data></ComHandler>",
    "<ComHandler><ClassId>{49b247cd-24d4-4ada-ad69-2d975a02b748}</ClassId></ComHandler>",
    "<SendEmail><Server>s</Server><Subject>u</Subject><To>a@b</To><Cc>c</Cc><Bcc>b</Bcc><ReplyTo>r</ReplyTo><From>f</From>\
     <HeaderFields><HeaderField><Name>n</Name><Value>v</Value></HeaderField></HeaderFields><Body>b</Body><Attachments>\
     <File>f</File></Attachments></SendEmail>",
    "<SendEmail><Server>s</Server><To>a@b</To><From>f</From></SendEmail>",
    "<ShowMessage><Title>t</Title><Body>b</Body></ShowMessage>",
];

/// A task of a version that has every element.
fn newest(parts: &str) -> String {
    format!("<Task version=\"1.6\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">{parts}</Task>")
}

/// Each of `choices` or not.
fn some(chance: &mut Chance, choices: &[&str]) -> String {
    choices.iter().filter(|_| chance.below(3) == 0).copied().collect()
}

fn random(chance: &mut Chance) -> String {
    let registration = some(chance, REGISTRATION);
    let mut settings = some(chance, SETTINGS);
    if settings.contains("UnifiedSchedulingEngine") {
        settings += "<MaintenanceSettings><Period>P1D</Period><Deadline>P2D</Deadline><Exclusive>true</Exclusive></MaintenanceSettings>";
    }
    let mut triggers = String::new();
    for number in 0..chance.below(6) {
        let (name, needed, own) = TRIGGERS[chance.below(TRIGGERS.len() as u64) as usize];
        let is_known = name != "WnfStateChangeTrigger";
        let common = if is_known { some(chance, COMMON) } else { String::new() };
        let id = if is_known && chance.below(2) == 0 { format!(" id=\"{number}\"") } else { String::new() };
        triggers += &format!("<{name}{id}>{common}{}{needed}</{name}>", some(chance, own));
    }
    let data = ["", "<Data>]]&gt;</Data>", "<Data/>"][chance.below(3) as usize];
    let user =
        ["<UserId>user</UserId><LogonType>S4U</LogonType>", "<GroupId>Users</GroupId>", ""][chance.below(3) as usize];
    let others = ["", "<Principal id=\"other\"><UserId>SYSTEM</UserId></Principal>"][chance.below(2) as usize];
    let principal = some(chance, PRINCIPAL);
    let actions = (0..=chance.below(4))
        .map(|number| ACTIONS[chance.below(ACTIONS.len() as u64) as usize].replace("1 e", &format!("{number} e")))
        .collect::<String>();
    let text = format!(
        "<RegistrationInfo>{registration}</RegistrationInfo><Triggers>{triggers}</Triggers><Settings>{settings}</Settings>{data}\
         <Principals><Principal id=\"A\">{user}{principal}</Principal>{others}</Principals><Actions Context=\"A\">{actions}</Actions>"
    );
    newest(&text)
}

#[test]
fn what_is_written_of_generated_tasks_is_valid() {
    const PATH: &str = "\\a b\\Ta\u{e4}sk";
    let mut chance = Chance::new(0x5D);
    let documents = (0..1000).map(|number| {
        let xml = random(&mut chance);
        let image = image_of(&xml).unwrap_or_else(|error| panic!("{error}\n{xml}"));
        let text = written(&image, PATH);
        let again = image_of(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(written(&again, PATH), text);
        (format!("{number}"), text)
    });
    assert_valid(&documents.collect::<Vec<_>>());
}

/// A schema that takes anything says nothing: each of these documents has one thing wrong.
#[test]
fn what_is_wrong_is_refused() {
    let xml = newest(&format!(
        "<RegistrationInfo><Date>2026-01-01T00:00:00</Date></RegistrationInfo><Triggers><BootTrigger id=\"1\">{}{START}{DELAY}\
         </BootTrigger><CalendarTrigger id=\"2\">{START}<ScheduleByMonthDayOfWeek><Weeks><Week>1</Week></Weeks><DaysOfWeek><Monday/>\
         </DaysOfWeek><Months><May/></Months></ScheduleByMonthDayOfWeek></CalendarTrigger></Triggers><Settings>{}</Settings><Principals>\
         <Principal id=\"A\"><UserId>user</UserId>{}</Principal></Principals><Actions Context=\"A\">{}</Actions>",
        COMMON.concat(),
        SETTINGS.concat(),
        PRINCIPAL.concat(),
        ACTIONS.concat(),
    ));
    let sound = written(&image_of(&xml).unwrap(), "\\Task");
    let exec = "    <Exec>\r\n      <Command>x</Command>\r\n    </Exec>\r\n  </Actions>";
    let wrong = [
        ("version=\"1.6\"", "version=\"new\"".to_owned()),
        ("2004/02/mit/task", "2004/03/mit/task".to_owned()),
        ("<Triggers>", "<Triggers><Trigger />".to_owned()),
        ("<Date>2026-01-01T", "<Date>2026-13-01T".to_owned()),
        (
            "<Enabled>false</Enabled>\r\n      <StartBoundary>",
            "<Enabled>no</Enabled>\r\n      <StartBoundary>".to_owned(),
        ),
        ("<Interval>PT1M</Interval>", "<Interval>PT59S</Interval>".to_owned()),
        ("<Interval>P31D</Interval>", "<Interval>P32D</Interval>".to_owned()),
        ("<Week>1</Week>", "<Week>5</Week>".to_owned()),
        ("<Monday />", "<Mon />".to_owned()),
        ("<May />", "<May>x</May>".to_owned()),
        ("id=\"2\"", "id=\"1\"".to_owned()),
        ("Context=\"A\"", "Context=\"B\"".to_owned()),
        ("<Priority>10</Priority>", "<Priority>11</Priority>".to_owned()),
        ("<Count>255</Count>", "<Count>256</Count>".to_owned()),
        ("<Hidden>true</Hidden>", "<Hidden>true</Hidden><Hidden>true</Hidden>".to_owned()),
        ("StopExisting", "Stop".to_owned()),
        ("SeTcbPrivilege", "SeNoPrivilege".to_owned()),
        ("<Id>{", "<Id>".to_owned()),
        ("<ClassId>{", "<ClassId>{0".to_owned()),
        ("<Title>t</Title>", "<Title />".to_owned()),
        ("<Server>s</Server>", String::new()),
        ("<Command>c</Command>", format!("<Command>{}</Command>", "c".repeat(261))),
        ("<File>f</File>", "<File>f</File>".repeat(9)),
        ("  </Actions>", exec.repeat(26).replacen("  </Actions>", "", 25)),
    ];
    let mut documents = vec![("sound".to_owned(), sound.clone())];
    for (number, (from, to)) in wrong.iter().enumerate() {
        assert!(sound.contains(from), "{from}\n{sound}");
        documents.push((format!("wrong-{number}"), sound.replacen(from, to, 1)));
    }
    let Some((refused, said)) = refused(&documents) else { return };
    assert!(!refused.contains("sound"), "{said}");
    for (number, (_, to)) in wrong.iter().enumerate() {
        assert!(refused.contains(&format!("wrong-{number}")), "taken: {to}");
    }
    println!("{} documents with something wrong are refused", wrong.len());
}
