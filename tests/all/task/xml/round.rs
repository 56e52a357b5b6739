//! The normalised form.

use super::{image_of, image_of_wire, normalised, part, task, task_with, utf16, written};
use mainspring::task::{Image, Path, xml::write};

#[test]
fn the_least_task_is_written_with_what_is_always_there() {
    let expected = r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <URI>\Task</URI>
  </RegistrationInfo>
  <Principals>
    <Principal id="Author">
      <UserId>S-1-5-21-1-2-3-1000</UserId>
    </Principal>
  </Principals>
  <Settings>
    <DisallowStartIfOnBatteries>true</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>true</StopIfGoingOnBatteries>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <IdleSettings>
      <StopOnIdleEnd>true</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
  </Settings>
  <Triggers />
  <Actions>
    <Exec>
      <Command>a</Command>
    </Exec>
  </Actions>
</Task>"#;
    assert_eq!(normalised(&task_with("")), expected);
    assert_eq!(normalised(&task_with("").replace(" version=\"1.4\"", "")), expected.replace(" version=\"1.4\"", ""));
    let xml = written(&image_of(&task_with("")).unwrap(), "\\Task");
    assert_eq!(xml.matches("\r\n").count(), 25);
    assert_eq!(xml.matches('\n').count(), 25);
}

#[test]
fn everything_is_written_in_order() {
    let xml = task(
        r#"<Actions Context="A"><Exec id="e"><WorkingDirectory>w</WorkingDirectory><Arguments/><Command>c</Command></Exec>
        <ComHandler><Data>x]]&gt;y</Data><ClassId>{AE31B729-D5FD-401E-AF42-784074835AFE}</ClassId></ComHandler>
        <ComHandler id="h"><Data/><ClassId>{ae31b729-D5FD-401E-AF42-784074835AFE}</ClassId></ComHandler>
        <SendEmail><Attachments><File>1</File><File>2</File></Attachments><Body>b</Body><HeaderFields><HeaderField><Value/><Name>n</Name>
        </HeaderField><HeaderField><Value>w</Value><Name>o</Name></HeaderField></HeaderFields><From>f</From><ReplyTo>r</ReplyTo><Bcc>x</Bcc>
        <Cc>y</Cc><To>z</To><Subject>s</Subject><Server>t</Server></SendEmail>
        <SendEmail><Attachments/><HeaderFields/><Subject/><From>f</From><Server>t</Server></SendEmail>
        <ShowMessage id="m"><Body>b</Body><Title>t</Title></ShowMessage></Actions>
        <Triggers>
        <CalendarTrigger id="c"><ScheduleByMonthDayOfWeek><Months><March/></Months><DaysOfWeek><Monday/><Sunday/></DaysOfWeek>
        <Weeks><Week>Last</Week><Week>1</Week></Weeks></ScheduleByMonthDayOfWeek><RandomDelay>PT1H</RandomDelay>
        <Repetition><StopAtDurationEnd>true</StopAtDurationEnd><Duration>P1D</Duration><Interval>PT60M</Interval></Repetition>
        <ExecutionTimeLimit>PT5M</ExecutionTimeLimit><EndBoundary>2027-01-01T00:00:00Z</EndBoundary>
        <StartBoundary>2026-01-01T00:00:00.1234567</StartBoundary><Enabled>false</Enabled></CalendarTrigger>
        <CalendarTrigger><StartBoundary>2026-01-01T00:00:00</StartBoundary><ScheduleByMonth><DaysOfMonth><Day>Last</Day><Day>2</Day>
        </DaysOfMonth></ScheduleByMonth></CalendarTrigger>
        <BootTrigger><Enabled>true</Enabled><Repetition><Interval>PT1M</Interval></Repetition><Delay>PT1M</Delay></BootTrigger>
        <RegistrationTrigger><Delay>PT0S</Delay></RegistrationTrigger>
        <EventTrigger><Subscription>&lt;a b="c"&gt;</Subscription><ValueQueries><Value name="a&quot;b&#10;">v</Value></ValueQueries></EventTrigger>
        <EventTrigger><ValueQueries><Value name="a">b</Value><Value name="c">d &amp; e</Value></ValueQueries>
        <MatchingElement>m</MatchingElement><NumberOfOccurrences>2</NumberOfOccurrences><PeriodOfOccurrence>PT1M</PeriodOfOccurrence>
        <Subscription>*</Subscription><Repetition><Interval>PT1M</Interval></Repetition><Delay>PT1M</Delay></EventTrigger>
        <LogonTrigger></LogonTrigger>
        <LogonTrigger><UserId>user</UserId><Repetition><Interval>PT1M</Interval></Repetition><Delay>PT1M</Delay></LogonTrigger>
        <SessionStateChangeTrigger><StateChange>RemoteConnect</StateChange><UserId>S-1-5-18</UserId></SessionStateChangeTrigger>
        <IdleTrigger><EndBoundary>2027-01-01T00:00:00Z</EndBoundary></IdleTrigger>
        <WnfStateChangeTrigger><StateName>7510BCA338038113</StateName></WnfStateChangeTrigger>
        </Triggers><Data><x/></Data>
        <Settings><Volatile>true</Volatile><MaintenanceSettings><Exclusive>true</Exclusive><Deadline>P2D</Deadline><Period>P1D</Period></MaintenanceSettings>
        <UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><DisallowStartOnRemoteAppSession>true</DisallowStartOnRemoteAppSession>
        <IdleSettings><WaitTimeout>PT1H</WaitTimeout><Duration>PT10M</Duration></IdleSettings><RunOnlyIfIdle>true</RunOnlyIfIdle>
        <NetworkSettings><Id>{49b247cd-24d4-4ada-ad69-2d975a02b748}</Id></NetworkSettings><NetworkProfileName>p</NetworkProfileName>
        <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable><WakeToRun>true</WakeToRun><StartWhenAvailable>true</StartWhenAvailable>
        <RestartOnFailure><Interval>PT1M</Interval><Count>3</Count></RestartOnFailure><Priority>5</Priority>
        <MultipleInstancesPolicy>Parallel</MultipleInstancesPolicy><Hidden>true</Hidden><ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
        <Enabled>false</Enabled><StopIfGoingOnBatteries>false</StopIfGoingOnBatteries><DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
        <DeleteExpiredTaskAfter>P30D</DeleteExpiredTaskAfter><AllowStartOnDemand>false</AllowStartOnDemand><AllowHardTerminate>false</AllowHardTerminate></Settings>
        <Principals><Principal id="A"><RequiredPrivileges><Privilege>SeTcbPrivilege</Privilege></RequiredPrivileges>
        <ProcessTokenSidType>None</ProcessTokenSidType><RunLevel>HighestAvailable</RunLevel><DisplayName>d</DisplayName><LogonType>Password</LogonType>
        <UserId>S-1-5-19</UserId></Principal><Principal id="B"><RunLevel>LeastPrivilege</RunLevel><GroupId>Users</GroupId></Principal></Principals>
        <RegistrationInfo><Documentation>o</Documentation><URI>\other</URI><Description>d &amp; "'&lt;&gt;</Description><Author>a</Author>
        <Source>s</Source><SecurityDescriptor>D:</SecurityDescriptor><Date>2026-01-01T00:00:00</Date><Version>v</Version></RegistrationInfo>"#,
    );
    let expected = r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Version>v</Version>
    <Date>2026-01-01T00:00:00</Date>
    <SecurityDescriptor>D:</SecurityDescriptor>
    <Source>s</Source>
    <Author>a</Author>
    <Description>d &amp; "'&lt;&gt;</Description>
    <Documentation>o</Documentation>
    <URI>\Task</URI>
  </RegistrationInfo>
  <Principals>
    <Principal id="A">
      <UserId>S-1-5-19</UserId>
      <DisplayName>d</DisplayName>
      <LogonType>Password</LogonType>
      <RunLevel>HighestAvailable</RunLevel>
      <ProcessTokenSidType>None</ProcessTokenSidType>
      <RequiredPrivileges>
        <Privilege>SeTcbPrivilege</Privilege>
      </RequiredPrivileges>
    </Principal>
    <Principal id="B">
      <GroupId>S-1-5-32-545</GroupId>
    </Principal>
  </Principals>
  <Settings>
    <AllowHardTerminate>false</AllowHardTerminate>
    <AllowStartOnDemand>false</AllowStartOnDemand>
    <DeleteExpiredTaskAfter>P30D</DeleteExpiredTaskAfter>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <Enabled>false</Enabled>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Hidden>true</Hidden>
    <MultipleInstancesPolicy>Parallel</MultipleInstancesPolicy>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Count>3</Count>
      <Interval>PT1M</Interval>
    </RestartOnFailure>
    <StartWhenAvailable>true</StartWhenAvailable>
    <WakeToRun>true</WakeToRun>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <NetworkProfileName>p</NetworkProfileName>
    <NetworkSettings>
      <Id>{49b247cd-24d4-4ada-ad69-2d975a02b748}</Id>
    </NetworkSettings>
    <RunOnlyIfIdle>true</RunOnlyIfIdle>
    <IdleSettings>
      <Duration>PT10M</Duration>
      <WaitTimeout>PT1H</WaitTimeout>
      <StopOnIdleEnd>true</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
    <DisallowStartOnRemoteAppSession>true</DisallowStartOnRemoteAppSession>
    <UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine>
    <MaintenanceSettings>
      <Period>P1D</Period>
      <Deadline>P2D</Deadline>
      <Exclusive>true</Exclusive>
    </MaintenanceSettings>
    <Volatile>true</Volatile>
  </Settings>
  <Data><![CDATA[<x/>]]></Data>
  <Triggers>
    <CalendarTrigger id="c">
      <Enabled>false</Enabled>
      <StartBoundary>2026-01-01T00:00:00.1234567</StartBoundary>
      <EndBoundary>2027-01-01T00:00:00Z</EndBoundary>
      <ExecutionTimeLimit>PT5M</ExecutionTimeLimit>
      <Repetition>
        <Interval>PT60M</Interval>
        <Duration>P1D</Duration>
        <StopAtDurationEnd>true</StopAtDurationEnd>
      </Repetition>
      <RandomDelay>PT1H</RandomDelay>
      <ScheduleByMonthDayOfWeek>
        <Weeks>
          <Week>1</Week>
          <Week>Last</Week>
        </Weeks>
        <DaysOfWeek>
          <Sunday />
          <Monday />
        </DaysOfWeek>
        <Months>
          <March />
        </Months>
      </ScheduleByMonthDayOfWeek>
    </CalendarTrigger>
    <CalendarTrigger>
      <StartBoundary>2026-01-01T00:00:00</StartBoundary>
      <ScheduleByMonth>
        <DaysOfMonth>
          <Day>2</Day>
          <Day>Last</Day>
        </DaysOfMonth>
      </ScheduleByMonth>
    </CalendarTrigger>
    <BootTrigger>
      <Delay>PT1M</Delay>
      <Repetition>
        <Interval>PT1M</Interval>
      </Repetition>
    </BootTrigger>
    <RegistrationTrigger />
    <EventTrigger>
      <Subscription>&lt;a b="c"&gt;</Subscription>
      <ValueQueries>
        <Value name="a&quot;b&#10;">v</Value>
      </ValueQueries>
    </EventTrigger>
    <EventTrigger>
      <Delay>PT1M</Delay>
      <Repetition>
        <Interval>PT1M</Interval>
      </Repetition>
      <Subscription>*</Subscription>
      <PeriodOfOccurrence>PT1M</PeriodOfOccurrence>
      <NumberOfOccurrences>2</NumberOfOccurrences>
      <MatchingElement>m</MatchingElement>
      <ValueQueries>
        <Value name="a">b</Value>
        <Value name="c">d &amp; e</Value>
      </ValueQueries>
    </EventTrigger>
    <LogonTrigger />
    <LogonTrigger>
      <Delay>PT1M</Delay>
      <Repetition>
        <Interval>PT1M</Interval>
      </Repetition>
      <UserId>S-1-5-21-1-2-3-500</UserId>
    </LogonTrigger>
    <SessionStateChangeTrigger>
      <UserId>S-1-5-18</UserId>
      <StateChange>RemoteConnect</StateChange>
    </SessionStateChangeTrigger>
    <IdleTrigger>
      <EndBoundary>2027-01-01T00:00:00Z</EndBoundary>
    </IdleTrigger>
    <WnfStateChangeTrigger>
      <StateName>7510BCA338038113</StateName>
    </WnfStateChangeTrigger>
  </Triggers>
  <Actions Context="A">
    <Exec id="e">
      <Command>c</Command>
      <Arguments />
      <WorkingDirectory>w</WorkingDirectory>
    </Exec>
    <ComHandler>
      <ClassId>{AE31B729-D5FD-401E-AF42-784074835AFE}</ClassId>
      <Data><![CDATA[x]]]]><![CDATA[>y]]></Data>
    </ComHandler>
    <ComHandler id="h">
      <ClassId>{ae31b729-D5FD-401E-AF42-784074835AFE}</ClassId>
      <Data></Data>
    </ComHandler>
    <SendEmail>
      <Server>t</Server>
      <Subject>s</Subject>
      <To>z</To>
      <Cc>y</Cc>
      <Bcc>x</Bcc>
      <ReplyTo>r</ReplyTo>
      <From>f</From>
      <HeaderFields>
        <HeaderField>
          <Name>n</Name>
          <Value />
        </HeaderField>
        <HeaderField>
          <Name>o</Name>
          <Value>w</Value>
        </HeaderField>
      </HeaderFields>
      <Body>b</Body>
      <Attachments>
        <File>1</File>
        <File>2</File>
      </Attachments>
    </SendEmail>
    <SendEmail>
      <Server>t</Server>
      <Subject />
      <From>f</From>
    </SendEmail>
    <ShowMessage id="m">
      <Title>t</Title>
      <Body>b</Body>
    </ShowMessage>
  </Actions>
</Task>"#;
    assert_eq!(normalised(&xml), expected);
}

#[test]
fn the_path_the_descriptor_and_enabled_are_those_of_now() {
    let xml = task_with(
        "<RegistrationInfo><URI>\\x</URI><SecurityDescriptor>D:</SecurityDescriptor></RegistrationInfo>\
         <Settings><Enabled>false</Enabled></Settings>",
    );
    let image = image_of(&xml).unwrap();
    let image = Image::parse(&image).unwrap();
    let path = Path::parse("a\\b & c").unwrap();
    let text = |enabled, sddl| {
        let mut text = String::new();
        write(&image, &path, enabled, sddl, &mut text).unwrap();
        text
    };
    assert!(text(true, None).contains("<URI>\\a\\b &amp; c</URI>"));
    assert!(text(true, None).contains("<SecurityDescriptor>D:</SecurityDescriptor>"));
    assert!(text(true, Some(&"O:BA")).contains("<SecurityDescriptor>O:BA</SecurityDescriptor>"));
    assert!(!text(true, None).contains("Enabled>"));
    assert!(text(false, None).contains("<Enabled>false</Enabled>"));
}

#[test]
fn texts_survive_whatever_is_in_them() {
    for text in [
        "&#13;",
        "a&#13;&#10;b",
        "\r\n",
        "\n",
        "\t",
        " ",
        "&#9;&#32;",
        "]]&gt;",
        "&amp;amp;",
        "\"'",
        "日本語 𝒳",
        "<![CDATA[]]>",
        "<![CDATA[a]]]]><![CDATA[>b]]>",
        "a<!-- -->b",
    ] {
        let once = |text: &str| {
            normalised(&task(&format!(
                "<RegistrationInfo><Author>{text}</Author></RegistrationInfo><Data>{text}</Data><Triggers><EventTrigger \
                 id=\"x\"><Subscription>a{text}</Subscription></EventTrigger></Triggers><Actions><Exec><Command>a</Command>\
                 <Arguments>{text}</Arguments></Exec><ComHandler><ClassId>{{ae31b729-d5fd-401e-af42-784074835afe}}</ClassId>\
                 <Data>{text}</Data></ComHandler><ShowMessage><Title>t{text}</Title><Body>{text}b</Body></ShowMessage></Actions>"
            )))
        };
        once(text);
        // What was read is what is read again.
        let values = |xml: &str| {
            let image = image_of(xml).unwrap();
            let image = Image::parse(&image).unwrap();
            (image.registration().author.map(str::to_owned), image.data().map(str::to_owned))
        };
        let xml =
            task_with(&format!("<RegistrationInfo><Author>{text}</Author></RegistrationInfo><Data>{text}</Data>"));
        let again = written(&image_of(&xml).unwrap(), "\\Task");
        assert_eq!(values(&xml).0, values(&again).0, "{text:?}");
        assert_eq!(values(&xml).1.unwrap_or_default(), values(&again).1.unwrap_or_default(), "{text:?}");
    }
}

#[test]
fn data_is_given_back_as_cdata() {
    let data = |xml: &str| {
        let text = normalised(&task_with(&format!("<Data>{xml}</Data>")));
        text.lines().find(|line| line.contains("Data>")).map(|line| line.trim().to_owned())
    };
    assert_eq!(data("a").unwrap(), "<Data><![CDATA[a]]></Data>");
    assert_eq!(data("<![CDATA[a]]>").unwrap(), "<Data><![CDATA[a]]></Data>");
    assert_eq!(data("a &amp; b").unwrap(), "<Data><![CDATA[a & b]]></Data>");
    assert_eq!(data("\n<a>&amp;</a> ").unwrap(), "<Data><![CDATA[<a>&amp;</a>]]></Data>");
    // What is inside is not looked at.
    assert_eq!(
        data("<x:a xmlns:x='urn:x' x:b=''/>").unwrap(),
        "<Data><![CDATA[<x:a xmlns:x='urn:x' x:b=''/>]]></Data>"
    );
    assert_eq!(data("<a><![CDATA[b]]></a>").unwrap(), "<Data><![CDATA[<a><![CDATA[b]]]]><![CDATA[></a>]]></Data>");
}

#[test]
fn mixed_content_is_kept_as_it_is() {
    let xml = task_with(
        "<Triggers><FooTrigger> a <b> <c/> </b> d </FooTrigger><BarTrigger> <b> </b>\n<c> d<e/></c></BarTrigger></Triggers>",
    )
    .replace("1.4", "1.6");
    let expected = "    <FooTrigger> a <b><c/></b> d </FooTrigger>\n    <BarTrigger>\n      <b> </b>\n      <c> d<e/></c>\n    </BarTrigger>";
    assert_eq!(part(&normalised(&xml), "Triggers"), expected);
}

/// However 72 hours are written they are the default; what is less by a fraction of a second is not.
#[test]
fn only_the_default_limit_is_left_out() {
    for (limit, written) in [
        ("PT72H", None),
        ("P3D", None),
        ("PT259200S", None),
        ("PT259200.0S", None),
        ("PT71H59M59.5S", Some("PT71H59M59.5S")),
        ("PT259199.5S", Some("PT259199.5S")),
    ] {
        let xml = task_with(&format!("<Settings><ExecutionTimeLimit>{limit}</ExecutionTimeLimit></Settings>"));
        let text = normalised(&xml);
        let element = written.map(|limit| format!("<ExecutionTimeLimit>{limit}</ExecutionTimeLimit>"));
        let found = text.lines().find(|line| line.contains("ExecutionTimeLimit")).map(|line| line.trim().to_owned());
        assert_eq!(found, element, "{limit}");
    }
}

#[test]
fn the_declaration_may_lie_or_be_absent() {
    let xml = task_with("");
    let image = image_of(&xml).unwrap();
    for before in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<!-- comment -->\r\n",
        "<?xml version='1.0' encoding='windows-1252' standalone='yes'?>",
        "<!-- comment -->\n",
        "\n  ",
        "\u{feff}",
        "\u{feff}<?xml version=\"1.0\" ?>",
    ] {
        let xml = format!("{before}{xml}\r\n  <!-- after -->\n ");
        assert_eq!(image_of(&xml).unwrap(), image, "{before:?}");
        assert_eq!(image_of_wire(&utf16(&xml)).unwrap(), image, "{before:?}");
    }
}
