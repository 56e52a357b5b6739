//! Every range, pattern, enumeration, count and cross-check of the schema, one row each: what is written, and what is said of
//! it. A `^` in what is written is where the error must point.

use super::{image_of, image_of_wire, task, task_with, utf16};
use mainspring::status::Status;

const UNEXPECTED: Status = Status::SCHED_E_UNEXPECTEDNODE;
const NAMESPACE: Status = Status::SCHED_E_NAMESPACE;
const INVALID: Status = Status::SCHED_E_INVALIDVALUE;
const MISSING: Status = Status::SCHED_E_MISSINGNODE;
const TOO_MANY: Status = Status::SCHED_E_TOO_MANY_NODES;
const NONE_MAPPED: Status = Status::E_NONE_MAPPED;

/// Where a fragment stands.
#[derive(Debug, Clone, Copy)]
enum In {
    Task,
    /// A task of version 1.1.
    Old,
    Registration,
    Principal,
    Settings,
    Triggers,
    Calendar,
    Event,
    Actions,
    Mail,
}

fn around(place: In, fragment: &str) -> String {
    let trigger = |xml: &str| task_with(&format!("\n<Triggers>\n{xml}\n</Triggers>\n"));
    match place {
        In::Task => fragment.to_owned(),
        In::Old => task(&format!("\n{fragment}")).replace("\"1.4\"", "\"1.1\""),
        In::Registration => task_with(&format!("<RegistrationInfo>\n  {fragment}</RegistrationInfo>")),
        In::Principal => task_with(&format!("<Principals><Principal>\n  {fragment}</Principal></Principals>")),
        In::Settings => task_with(&format!("<Settings>\n  {fragment}</Settings>")),
        In::Triggers => trigger(fragment),
        In::Calendar => trigger(&format!(
            "<CalendarTrigger><StartBoundary>2026-01-01T00:00:00</StartBoundary>\n  {fragment}</CalendarTrigger>"
        )),
        In::Event => trigger(&format!("<EventTrigger><Subscription>é𝒳</Subscription>{fragment}</EventTrigger>")),
        In::Actions => task(&format!("<Actions Context=\"Author\">\n  {fragment}</Actions>")),
        In::Mail => {
            task(&format!("<Actions>\r\n<SendEmail><Server>s</Server><From>f</From>\t{fragment}</SendEmail></Actions>"))
        }
    }
}

#[rustfmt::skip]
const ROWS: &[(In, &str, Status, &str, &str)] = &[
    // The task.
    (In::Task, "<Task version=\"^1.7\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"/>", INVALID, "version", "1.7"),
    (In::Task, "<Task version=\"^1\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"/>", INVALID, "version", "1"),
    (In::Task, "^<Task xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"/>", MISSING, "Actions", ""),
    (In::Task, "^<Task xmlns=\"urn:a\"/>", NAMESPACE, "Task", "urn:a"),
    (In::Task, "^<Job xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"/>", UNEXPECTED, "Job", ""),
    // Types of dates, booleans, durations and numbers.
    (In::Registration, "<Date>^2026-02-30T00:00:00</Date>", INVALID, "Date", "2026-02-30T00:00:00"),
    (In::Registration, "<Date>^2026-01-01</Date>", INVALID, "Date", "2026-01-01"),
    (In::Registration, "<Date/>^<Date/>", TOO_MANY, "Date", ""),
    (In::Registration, "^<Title/>", UNEXPECTED, "Title", ""),
    (In::Settings, "<Enabled>^yes</Enabled>", INVALID, "Enabled", "yes"),
    // Behind white space, comments, and in a CDATA section.
    (In::Settings, "<Priority> ^<![CDATA[12]]></Priority>", INVALID, "Priority", "12"),
    (In::Settings, "<Priority> <!-- --> ^12</Priority>", INVALID, "Priority", "12"),
    (In::Settings, "<Priority>^  </Priority>", INVALID, "Priority", ""),
    (In::Settings, "<Hidden>1</Hidden>  ^<![CDATA[x]]>", UNEXPECTED, "Settings", "x"),
    (In::Settings, "<ExecutionTimeLimit>^3h</ExecutionTimeLimit>", INVALID, "ExecutionTimeLimit", "3h"),
    (In::Settings, "<ExecutionTimeLimit>^-PT1H</ExecutionTimeLimit>", INVALID, "ExecutionTimeLimit", "-PT1H"),
    (In::Settings, "<DeleteExpiredTaskAfter>^P1W</DeleteExpiredTaskAfter>", INVALID, "DeleteExpiredTaskAfter", "P1W"),
    // Longer than a number can say, and than one of the image can.
    (In::Settings, "<ExecutionTimeLimit>^PT18446744073709551616S</ExecutionTimeLimit>", INVALID, "ExecutionTimeLimit", "PT18446744073709551616S"),
    (In::Settings, "<ExecutionTimeLimit>^PT9223372036854775807S</ExecutionTimeLimit>", INVALID, "ExecutionTimeLimit", "PT9223372036854775807S"),
    (In::Triggers, "<BootTrigger><Delay>^PT4611686018427387904S</Delay></BootTrigger>", INVALID, "Delay", "PT4611686018427387904S"),
    (In::Settings, "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><MaintenanceSettings><Period>^PT18446744073709551615S</Period></MaintenanceSettings>", INVALID, "Period", "PT18446744073709551615S"),
    // Fractions of seconds count at both ends.
    (In::Settings, "<RestartOnFailure><Count>1</Count><Interval>^P31DT0.5S</Interval></RestartOnFailure>", INVALID, "Interval", "P31DT0.5S"),
    (In::Settings, "<RestartOnFailure><Count>1</Count><Interval>^PT59.5S</Interval></RestartOnFailure>", INVALID, "Interval", "PT59.5S"),
    (In::Settings, "<Hidden>true</Hidden>\n\n  ^x", UNEXPECTED, "Settings", "x"),
    // Ranges of settings.
    (In::Settings, "<Priority>^11</Priority>", INVALID, "Priority", "11"),
    (In::Settings, "<Priority>^-1</Priority>", INVALID, "Priority", "-1"),
    (In::Settings, "<RestartOnFailure><Count>1</Count><Interval>^PT59S</Interval></RestartOnFailure>", INVALID, "Interval", "PT59S"),
    (In::Settings, "<RestartOnFailure><Count>1</Count><Interval>^P31DT1S</Interval></RestartOnFailure>", INVALID, "Interval", "P31DT1S"),
    (In::Settings, "<RestartOnFailure><Count>^0</Count><Interval>PT1M</Interval></RestartOnFailure>", INVALID, "Count", "0"),
    (In::Settings, "<RestartOnFailure><Count>^256</Count><Interval>PT1M</Interval></RestartOnFailure>", INVALID, "Count", "256"),
    (In::Settings, "^<RestartOnFailure><Interval>PT1M</Interval></RestartOnFailure>", MISSING, "Count", ""),
    (In::Settings, "^<RestartOnFailure><Count>1</Count></RestartOnFailure>", MISSING, "Interval", ""),
    (In::Settings, "<MultipleInstancesPolicy>^Wait</MultipleInstancesPolicy>", INVALID, "MultipleInstancesPolicy", "Wait"),
    (In::Settings, "<NetworkSettings>^<Name/></NetworkSettings>", INVALID, "Name", ""),
    (In::Settings, "<NetworkSettings><Id>^{12}</Id></NetworkSettings>", INVALID, "Id", "{12}"),
    (In::Settings, "<IdleSettings><Duration>^x</Duration></IdleSettings>", INVALID, "Duration", "x"),
    (In::Settings, "<IdleSettings>^<Count/></IdleSettings>", UNEXPECTED, "Count", ""),
    // Maintenance needs the unified engine, a period of a day, and a deadline behind it.
    (In::Settings, "^<MaintenanceSettings><Period>P1D</Period></MaintenanceSettings>", UNEXPECTED, "MaintenanceSettings", ""),
    (In::Settings, "<UseUnifiedSchedulingEngine>false</UseUnifiedSchedulingEngine>^<MaintenanceSettings><Period>P1D</Period></MaintenanceSettings>", UNEXPECTED, "MaintenanceSettings", ""),
    (In::Settings, "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine>^<MaintenanceSettings/>", MISSING, "Period", ""),
    (In::Settings, "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><MaintenanceSettings><Period>^PT23H59M</Period></MaintenanceSettings>", INVALID, "Period", "PT23H59M"),
    (In::Settings, "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><MaintenanceSettings><Period>P2D</Period><Deadline>^P2D</Deadline></MaintenanceSettings>", INVALID, "Deadline", "P2D"),
    // Elements that the version does not have.
    (In::Task, "<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Settings>\n^<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine></Settings><Actions/></Task>", UNEXPECTED, "UseUnifiedSchedulingEngine", ""),
    (In::Task, "<Task version=\"1.1\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Settings>\n^<DisallowStartOnRemoteAppSession>false</DisallowStartOnRemoteAppSession></Settings><Actions/></Task>", UNEXPECTED, "DisallowStartOnRemoteAppSession", ""),
    (In::Task, "<Task version=\"1.3\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Settings>\n^<Volatile>true</Volatile></Settings><Actions/></Task>", UNEXPECTED, "Volatile", ""),
    (In::Task, "<Task version=\"1.3\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Settings>\n^<MaintenanceSettings/></Settings><Actions/></Task>", UNEXPECTED, "MaintenanceSettings", ""),
    (In::Task, "<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Principals><Principal>\n^<ProcessTokenSidType>None</ProcessTokenSidType></Principal></Principals><Actions/></Task>", UNEXPECTED, "ProcessTokenSidType", ""),
    (In::Task, "<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Principals><Principal>\n^<RequiredPrivileges/></Principal></Principals><Actions/></Task>", UNEXPECTED, "RequiredPrivileges", ""),
    (In::Task, "<Task version=\"1.1\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Triggers>\n^<EventTrigger/></Triggers><Actions/></Task>", UNEXPECTED, "EventTrigger", ""),
    (In::Task, "<Task version=\"1.0\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Actions>\n^<ComHandler/></Actions></Task>", UNEXPECTED, "ComHandler", ""),
    // Elements that versions 1.0 and 1.1 do not have, or have once.
    (In::Old, "<Principals><Principal id='a'/>\n ^<Principal id='b'/></Principals><Actions/>", TOO_MANY, "Principal", ""),
    (In::Old, "<Principals><Principal>^<GroupId>Users</GroupId></Principal></Principals><Actions/>", UNEXPECTED, "GroupId", ""),
    (In::Old, "^<Data>x</Data><Actions/>", UNEXPECTED, "Data", ""),
    (In::Old, "<Triggers><BootTrigger ^id='a'/></Triggers><Actions/>", UNEXPECTED, "id", "a"),
    (In::Old, "<Triggers><BootTrigger>^<Delay>PT1M</Delay></BootTrigger></Triggers><Actions/>", UNEXPECTED, "Delay", ""),
    (In::Old, "<Triggers><LogonTrigger ^id='a'/></Triggers><Actions/>", UNEXPECTED, "id", "a"),
    (In::Old, "<Triggers><LogonTrigger>^<Delay>PT1M</Delay></LogonTrigger></Triggers><Actions/>", UNEXPECTED, "Delay", ""),
    (In::Old, "<Triggers><LogonTrigger>^<UserId>user</UserId></LogonTrigger></Triggers><Actions/>", UNEXPECTED, "UserId", ""),
    (In::Old, "<Triggers><TimeTrigger><StartBoundary>2026-01-01T00:00:00</StartBoundary>^<RandomDelay>PT1M</RandomDelay></TimeTrigger></Triggers><Actions/>", UNEXPECTED, "RandomDelay", ""),
    (In::Old, "<Triggers>^<RegistrationTrigger/></Triggers><Actions/>", UNEXPECTED, "RegistrationTrigger", ""),
    (In::Old, "<Triggers>^<WnfStateChangeTrigger/></Triggers><Actions/>", UNEXPECTED, "WnfStateChangeTrigger", ""),
    (In::Old, "<Actions><Exec ^id='a'><Command>c</Command></Exec></Actions>", UNEXPECTED, "id", "a"),
    (In::Old, "<Actions><Exec><Command>c</Command></Exec>\n\n  ^<Exec><Command>d</Command></Exec></Actions>", TOO_MANY, "Exec", ""),
    (In::Old, "<Actions>^<ShowMessage/></Actions>", UNEXPECTED, "ShowMessage", ""),
    // What no version has, and no real task: a name that is misspelt is no trigger.
    (In::Triggers, "^<TimeTriger><StartBoundary>2026-01-01T00:00:00</StartBoundary></TimeTriger>", UNEXPECTED, "TimeTriger", ""),
    (In::Triggers, "<IdleTrigger/>\n^<CalenderTrigger/>", UNEXPECTED, "CalenderTrigger", ""),
    (In::Triggers, "^<Trigger/>", UNEXPECTED, "Trigger", ""),
    (In::Triggers, "^<wnfStateChangeTrigger/>", UNEXPECTED, "wnfStateChangeTrigger", ""),
    (In::Triggers, "^<Foo>a<!-- -->b</Foo>", UNEXPECTED, "Foo", ""),
    (In::Actions, "^<Execute/>", UNEXPECTED, "Execute", ""),
    (In::Principal, "<UserId>user</UserId>^<Foo>a<!-- -->b</Foo>", UNEXPECTED, "Foo", ""),
    // Who is made where nobody is named has one name.
    (In::Task, "<Task xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Actions Context=\"^author\"><Exec><Command>c</Command></Exec></Actions></Task>", INVALID, "Context", "author"),
    (In::Task, "<Task xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Principals/><Actions Context=\"^LocalSystem\"><Exec><Command>c</Command></Exec></Actions></Task>", INVALID, "Context", "LocalSystem"),
    // Fractions of a second count.
    (In::Settings, "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><MaintenanceSettings><Period>P1DT0.2S</Period><Deadline>^P1DT0.20S</Deadline></MaintenanceSettings>", INVALID, "Deadline", "P1DT0.20S"),
    (In::Settings, "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><MaintenanceSettings><Period>P1DT0.25S</Period><Deadline>^P1DT0.249999S</Deadline></MaintenanceSettings>", INVALID, "Deadline", "P1DT0.249999S"),
    (In::Settings, "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><MaintenanceSettings><Period>P1DT1.5S</Period><Deadline>^P1DT1S</Deadline></MaintenanceSettings>", INVALID, "Deadline", "P1DT1S"),
    // Principals.
    (In::Principal, "^<UserId></UserId>", INVALID, "UserId", ""),
    (In::Principal, "<UserId>user</UserId> ^<GroupId>Users</GroupId>", UNEXPECTED, "GroupId", ""),
    (In::Principal, "^<GroupId>Users</GroupId> <UserId>user</UserId>", UNEXPECTED, "GroupId", ""),
    (In::Principal, "<UserId>^who</UserId>", NONE_MAPPED, "UserId", "who"),
    (In::Principal, "<GroupId> ^who </GroupId>", NONE_MAPPED, "GroupId", "who"),
    (In::Principal, "<LogonType>^Group</LogonType>", INVALID, "LogonType", "Group"),
    (In::Principal, "<RunLevel>^Highest</RunLevel>", INVALID, "RunLevel", "Highest"),
    (In::Principal, "<UserId>S-1-5-20</UserId><ProcessTokenSidType>^Restricted</ProcessTokenSidType>", INVALID, "ProcessTokenSidType", "Restricted"),
    // Only services that are not the system have a SID type.
    (In::Principal, "<UserId>S-1-5-18</UserId><ProcessTokenSidType>^None</ProcessTokenSidType>", INVALID, "ProcessTokenSidType", "None"),
    (In::Principal, "<GroupId>Users</GroupId><ProcessTokenSidType>^None</ProcessTokenSidType>", INVALID, "ProcessTokenSidType", "None"),
    (In::Principal, "^<RequiredPrivileges/>", MISSING, "Privilege", ""),
    (In::Principal, "<RequiredPrivileges>^<Right/></RequiredPrivileges>", UNEXPECTED, "Right", ""),
    (In::Principal, "<RequiredPrivileges>^<Privilege/></RequiredPrivileges>", INVALID, "Privilege", ""),
    (In::Principal, "<RequiredPrivileges><Privilege>^SePrivilege</Privilege></RequiredPrivileges>", INVALID, "Privilege", "SePrivilege"),
    (In::Principal, "<RequiredPrivileges><Privilege>^TcbPrivilege</Privilege></RequiredPrivileges>", INVALID, "Privilege", "TcbPrivilege"),
    (In::Principal, "<RequiredPrivileges><Privilege>^SeTcb-Privilege</Privilege></RequiredPrivileges>", INVALID, "Privilege", "SeTcb-Privilege"),
    (In::Principal, "<RequiredPrivileges><Privilege>^SeFooPrivilege</Privilege></RequiredPrivileges>", INVALID, "Privilege", "SeFooPrivilege"),
    (In::Principal, "<RequiredPrivileges ^a='b'/>", UNEXPECTED, "a", "b"),
    // What names something must say so, and alone.
    (In::Task, "<Task xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Actions Context=\"^\"><Exec><Command>c</Command></Exec></Actions></Task>", INVALID, "Context", ""),
    (In::Actions, "<Exec id='a'><Command>c</Command></Exec><Exec id='^a'><Command>d</Command></Exec>", INVALID, "id", "a"),
    (In::Triggers, "<BootTrigger id='a'/><IdleTrigger id='b'/><LogonTrigger id='^a'/>", INVALID, "id", "a"),
    // Triggers.
    (In::Triggers, "^<Foo/>", UNEXPECTED, "Foo", ""),
    (In::Triggers, "<IdleTrigger id='^'/>", INVALID, "id", ""),
    (In::Triggers, "<IdleTrigger ^name='a'/>", UNEXPECTED, "name", "a"),
    (In::Triggers, "<IdleTrigger>^<Delay>PT1M</Delay></IdleTrigger>", UNEXPECTED, "Delay", ""),
    (In::Triggers, "<IdleTrigger>^<UserId>user</UserId></IdleTrigger>", UNEXPECTED, "UserId", ""),
    (In::Triggers, "<IdleTrigger>^text</IdleTrigger>", UNEXPECTED, "IdleTrigger", "text"),
    (In::Triggers, "<BootTrigger>^<RandomDelay>PT1M</RandomDelay></BootTrigger>", UNEXPECTED, "RandomDelay", ""),
    (In::Triggers, "<BootTrigger><StartBoundary>^now</StartBoundary></BootTrigger>", INVALID, "StartBoundary", "now"),
    (In::Triggers, "<BootTrigger><EndBoundary>^2026-01-01T25:00:00</EndBoundary></BootTrigger>", INVALID, "EndBoundary", "2026-01-01T25:00:00"),
    (In::Triggers, "<BootTrigger><Delay>^1</Delay></BootTrigger>", INVALID, "Delay", "1"),
    (In::Triggers, "<BootTrigger>^<Repetition/></BootTrigger>", MISSING, "Interval", ""),
    (In::Triggers, "<BootTrigger><Repetition><Interval>^PT59S</Interval></Repetition></BootTrigger>", INVALID, "Interval", "PT59S"),
    (In::Triggers, "<BootTrigger><Repetition><Interval>^P32D</Interval></Repetition></BootTrigger>", INVALID, "Interval", "P32D"),
    (In::Triggers, "<BootTrigger><Repetition><Interval>PT1M</Interval><Duration>^PT59S</Duration></Repetition></BootTrigger>", INVALID, "Duration", "PT59S"),
    (In::Triggers, "^<TimeTrigger/>", MISSING, "StartBoundary", ""),
    (In::Triggers, "<LogonTrigger>^<UserId/></LogonTrigger>", INVALID, "UserId", ""),
    (In::Triggers, "<LogonTrigger><UserId>^who</UserId></LogonTrigger>", NONE_MAPPED, "UserId", "who"),
    (In::Triggers, "<LogonTrigger><UserId>user</UserId>^<UserId>user</UserId></LogonTrigger>", TOO_MANY, "UserId", ""),
    (In::Triggers, "<LogonTrigger>^<StateChange>SessionLock</StateChange></LogonTrigger>", UNEXPECTED, "StateChange", ""),
    (In::Triggers, "^<SessionStateChangeTrigger/>", MISSING, "StateChange", ""),
    (In::Triggers, "<SessionStateChangeTrigger><StateChange>^Lock</StateChange></SessionStateChangeTrigger>", INVALID, "StateChange", "Lock"),
    (In::Triggers, "<SessionStateChangeTrigger><StateChange>SessionLock</StateChange><UserId>^who</UserId></SessionStateChangeTrigger>", NONE_MAPPED, "UserId", "who"),
    (In::Triggers, "^<EventTrigger/>", MISSING, "Subscription", ""),
    (In::Triggers, "<EventTrigger>^<Subscription></Subscription></EventTrigger>", INVALID, "Subscription", ""),
    (In::Triggers, "<EventTrigger><Subscription>a^<QueryList/></Subscription></EventTrigger>", UNEXPECTED, "QueryList", ""),
    (In::Event, "<PeriodOfOccurrence>^PT59.5S</PeriodOfOccurrence>", INVALID, "PeriodOfOccurrence", "PT59.5S"),
    (In::Event, "<NumberOfOccurrences>^0</NumberOfOccurrences>", INVALID, "NumberOfOccurrences", "0"),
    (In::Event, "<NumberOfOccurrences>^33</NumberOfOccurrences>", INVALID, "NumberOfOccurrences", "33"),
    (In::Event, "<PeriodOfOccurrence>^PT59S</PeriodOfOccurrence>", INVALID, "PeriodOfOccurrence", "PT59S"),
    (In::Event, "^<MatchingElement/>", INVALID, "MatchingElement", ""),
    (In::Event, "^<ValueQueries/>", MISSING, "Value", ""),
    (In::Event, "<ValueQueries>^<Value>a</Value></ValueQueries>", MISSING, "name", ""),
    (In::Event, "<ValueQueries><Value name=\"^\">a</Value></ValueQueries>", INVALID, "name", ""),
    (In::Event, "<ValueQueries>^<Value name=\"a\"/></ValueQueries>", INVALID, "Value", ""),
    (In::Event, "<ValueQueries><Value ^id=\"a\">b</Value></ValueQueries>", UNEXPECTED, "id", "a"),
    (In::Event, "<ValueQueries>^<Query/></ValueQueries>", UNEXPECTED, "Query", ""),
    // Schedules.
    (In::Triggers, "^<CalendarTrigger><StartBoundary>2026-01-01T00:00:00</StartBoundary></CalendarTrigger>", MISSING, "ScheduleByDay", ""),
    (In::Triggers, "^<CalendarTrigger><ScheduleByDay/></CalendarTrigger>", MISSING, "StartBoundary", ""),
    (In::Calendar, "<ScheduleByDay/>^<ScheduleByWeek/>", UNEXPECTED, "ScheduleByWeek", ""),
    (In::Calendar, "<ScheduleByWeek/>^<ScheduleByDay/>", UNEXPECTED, "ScheduleByDay", ""),
    (In::Calendar, "<RandomDelay>^x</RandomDelay><ScheduleByDay/>", INVALID, "RandomDelay", "x"),
    (In::Calendar, "<ScheduleByDay><DaysInterval>^0</DaysInterval></ScheduleByDay>", INVALID, "DaysInterval", "0"),
    (In::Calendar, "<ScheduleByDay><DaysInterval>^366</DaysInterval></ScheduleByDay>", INVALID, "DaysInterval", "366"),
    (In::Calendar, "<ScheduleByWeek><WeeksInterval>^53</WeeksInterval></ScheduleByWeek>", INVALID, "WeeksInterval", "53"),
    (In::Calendar, "^<ScheduleByWeek/>", MISSING, "DaysOfWeek", ""),
    (In::Calendar, "<ScheduleByWeek>^<DaysOfWeek/></ScheduleByWeek>", MISSING, "Sunday", ""),
    (In::Calendar, "<ScheduleByWeek><DaysOfWeek>^<Someday/></DaysOfWeek></ScheduleByWeek>", UNEXPECTED, "Someday", ""),
    (In::Calendar, "<ScheduleByWeek><DaysOfWeek><Monday>^1</Monday></DaysOfWeek></ScheduleByWeek>", INVALID, "Monday", "1"),
    (In::Calendar, "^<ScheduleByMonth/>", MISSING, "DaysOfMonth", ""),
    (In::Calendar, "<ScheduleByMonth>^<DaysOfMonth/></ScheduleByMonth>", MISSING, "Day", ""),
    (In::Calendar, "<ScheduleByMonth><DaysOfMonth><Day>^32</Day></DaysOfMonth></ScheduleByMonth>", INVALID, "Day", "32"),
    (In::Calendar, "<ScheduleByMonth><DaysOfMonth><Day>^01</Day></DaysOfMonth></ScheduleByMonth>", INVALID, "Day", "01"),
    (In::Calendar, "<ScheduleByMonth><DaysOfMonth><Day>1</Day></DaysOfMonth>^<Months/></ScheduleByMonth>", MISSING, "January", ""),
    (In::Calendar, "^<ScheduleByMonthDayOfWeek><DaysOfWeek><Monday/></DaysOfWeek></ScheduleByMonthDayOfWeek>", MISSING, "Weeks", ""),
    (In::Calendar, "<ScheduleByMonthDayOfWeek><Weeks><Week>^5</Week></Weeks></ScheduleByMonthDayOfWeek>", INVALID, "Week", "5"),
    (In::Calendar, "^<ScheduleByMonthDayOfWeek><Weeks><Week>1</Week></Weeks></ScheduleByMonthDayOfWeek>", MISSING, "DaysOfWeek", ""),
    // Actions.
    (In::Task, "<Task xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">^<Actions/></Task>", MISSING, "Exec", ""),
    (In::Task, "<Task xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Principals><Principal id=\"A\"/></Principals>\n<Actions Context=\"^B\"><Exec><Command>a</Command></Exec></Actions></Task>", INVALID, "Context", "B"),
    (In::Task, "<Task xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Principals><Principal id=\"A\"/><Principal/>\n<Principal id=\"^A\"/></Principals><Actions/></Task>", INVALID, "id", "A"),
    (In::Actions, "^<Run/>", UNEXPECTED, "Run", ""),
    (In::Actions, "^<Exec/>", MISSING, "Command", ""),
    (In::Actions, "<Exec>^<Command/></Exec>", INVALID, "Command", ""),
    (In::Actions, "<Exec><Command>a</Command>^<WorkingDirectory/></Exec>", INVALID, "WorkingDirectory", ""),
    (In::Actions, "<Exec><Command>a</Command>^<Data/></Exec>", UNEXPECTED, "Data", ""),
    (In::Actions, "^<ComHandler/>", MISSING, "ClassId", ""),
    (In::Actions, "^<ComHandler><Data/></ComHandler>", MISSING, "ClassId", ""),
    (In::Actions, "<ComHandler><ClassId>^{1}</ClassId></ComHandler>", INVALID, "ClassId", "{1}"),
    (In::Actions, "<ComHandler><ClassId>^AE31B729-D5FD-401E-AF42-784074835AFE</ClassId></ComHandler>", INVALID, "ClassId", "AE31B729-D5FD-401E-AF42-784074835AFE"),
    (In::Actions, "<ComHandler><ClassId>{AE31B729-D5FD-401E-AF42-784074835AFE}</ClassId><Data ^a='b'/></ComHandler>", UNEXPECTED, "a", "b"),
    (In::Actions, "^<ShowMessage><Body>b</Body></ShowMessage>", MISSING, "Title", ""),
    (In::Actions, "^<ShowMessage><Title>t</Title></ShowMessage>", MISSING, "Body", ""),
    (In::Actions, "<ShowMessage><Title>t</Title>^<Body/></ShowMessage>", INVALID, "Body", ""),
    (In::Actions, "^<SendEmail><From>f</From></SendEmail>", MISSING, "Server", ""),
    (In::Actions, "^<SendEmail><Server>s</Server></SendEmail>", MISSING, "From", ""),
    (In::Actions, "<SendEmail>^<Server/><From>f</From></SendEmail>", INVALID, "Server", ""),
    (In::Mail, "^<Command/>", UNEXPECTED, "Command", ""),
    (In::Mail, "<Attachments>^<Name>a</Name></Attachments>", UNEXPECTED, "Name", ""),
    (In::Mail, "<Attachments>^<File/></Attachments>", INVALID, "File", ""),
    (In::Mail, "<HeaderFields>^<HeaderField/></HeaderFields>", MISSING, "Name", ""),
    (In::Mail, "<HeaderFields>^<HeaderField><Name>a</Name></HeaderField></HeaderFields>", MISSING, "Value", ""),
    (In::Mail, "<HeaderFields><HeaderField>^<Name/><Value/></HeaderField></HeaderFields>", INVALID, "Name", ""),
    (In::Mail, "<HeaderFields>^<File/></HeaderFields>", UNEXPECTED, "File", ""),
];

fn assert_row(place: In, fragment: &str, status: Status, node: &str, value: &str) {
    let marked = around(place, fragment);
    let (before, after) = marked.split_once('^').unwrap();
    let xml = format!("{before}{after}");
    let error = image_of(&xml).expect_err(&marked);
    assert_eq!(image_of_wire(&utf16(&xml)).unwrap_err(), error, "both encodings say the same");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().encode_utf16().count() + 1;
    let found = (error.status, error.line as usize, error.column as usize, error.node.as_str(), error.value.as_str());
    assert_eq!(found, (status, line, column, node, value), "{marked}");
}

#[test]
fn every_rule_is_told_at_its_place() {
    for (place, fragment, status, node, value) in ROWS {
        assert_row(*place, fragment, *status, node, value);
    }
    println!("{} rules are told at their places", ROWS.len());
}

/// As many as may be are read; one more is told where it stands.
#[test]
fn every_count_is_told_at_its_place() {
    let value = "<Value name=\"a\">b</Value>";
    let header = "<HeaderField><Name>a</Name><Value/></HeaderField>";
    let privilege = "<Privilege>SeTcbPrivilege</Privilege>";
    let mail = "<SendEmail><Server>s</Server><From>f</From></SendEmail>";
    for (place, open, item, most, close, node) in [
        (In::Triggers, "", "<IdleTrigger/>", 48, "", "IdleTrigger"),
        (In::Triggers, "<BootTrigger/><WnfStateChangeTrigger/>", "<LogonTrigger/>", 46, "", "LogonTrigger"),
        (In::Triggers, "", "<LogonTrigger><UserId>user</UserId></LogonTrigger>", 48, "", "LogonTrigger"),
        (In::Actions, "", mail, 32, "", "SendEmail"),
        (In::Event, "<ValueQueries>", value, 32, "</ValueQueries>", "Value"),
        (In::Mail, "<HeaderFields>", header, 32, "</HeaderFields>", "HeaderField"),
        (In::Mail, "<Attachments>", "<File>a</File>", 8, "</Attachments>", "File"),
        (In::Principal, "<RequiredPrivileges>", privilege, 64, "</RequiredPrivileges>", "Privilege"),
    ] {
        let items = item.repeat(most);
        image_of(&around(place, &format!("{open}{items}{close}"))).unwrap_or_else(|error| panic!("{node}: {error}"));
        assert_row(place, &format!("{open}{items}\n ^{item}{close}"), TOO_MANY, node, "");
    }
    let everything = |count: usize| {
        let mails = "<SendEmail><Server>s</Server><From>f</From><HeaderFields><HeaderField><Name>a</Name><Value/></HeaderField>\
            </HeaderFields><Attachments><File>a</File></Attachments></SendEmail>"
            .repeat(count);
        let event =
            format!("<EventTrigger><Subscription>a</Subscription><ValueQueries>{value}</ValueQueries></EventTrigger>");
        let principal =
            format!("<Principal><UserId>user</UserId><RequiredPrivileges>{privilege}</RequiredPrivileges></Principal>");
        let (triggers, principals) = (event.repeat(48), principal.repeat(32));
        task(&format!("<Principals>{principals}</Principals><Triggers>{triggers}</Triggers><Actions>{mails}</Actions>"))
    };
    image_of(&everything(32)).unwrap_or_else(|error| panic!("all that may be, at once: {error}"));
}

#[test]
fn what_a_version_has_is_read() {
    for (version, settings) in [
        ("1.3", "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine>"),
        ("1.3", "<DisallowStartOnRemoteAppSession>true</DisallowStartOnRemoteAppSession>"),
        ("1.4", "<Volatile>true</Volatile>"),
        ("1.5", "<Volatile>true</Volatile>"),
        ("1.6", "<Volatile>true</Volatile>"),
    ] {
        let xml = task_with(&format!("<Settings>{settings}</Settings>"));
        let xml = xml.replace("version=\"1.4\"", &format!("version=\"{version}\""));
        image_of(&xml).unwrap_or_else(|error| panic!("{version}: {error}"));
    }
    // What claims no version may have everything.
    let xml = task_with("<Settings><Volatile>true</Volatile></Settings>").replace(" version=\"1.4\"", "");
    assert!(image_of(&xml).is_ok());
    // Periods are told from deadlines to the fraction of a second.
    for (period, deadline) in
        [("P1DT0.2S", "P1DT0.5S"), ("P1DT0.2S", "P1DT0.25S"), ("P1D", "P1DT0.000000001S"), ("P1DT0.9S", "P1DT1S")]
    {
        let xml = task_with(&format!(
            "<Settings><UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine><MaintenanceSettings><Period>{period}</Period>\
             <Deadline>{deadline}</Deadline></MaintenanceSettings></Settings>"
        ));
        image_of(&xml).unwrap_or_else(|error| panic!("{period} {deadline}: {error}"));
    }
    // IdleSettings have no bound, as real tasks show.
    let xml = "<Settings><IdleSettings><Duration>P365D</Duration><WaitTimeout>P146144Y</WaitTimeout></IdleSettings></Settings>";
    assert!(image_of(&task_with(xml)).is_ok());
    // What is not understood may have elements of any name.
    let xml = task_with("<Triggers><WnfStateChangeTrigger><Volatile/></WnfStateChangeTrigger></Triggers>")
        .replace("\"1.4\"", "\"1.2\"");
    assert!(image_of(&xml).is_ok());
}

/// What a service of Windows writes for an AT job, and what the documentation of another shows of version 1.1.
#[test]
fn what_versions_before_1_2_have_is_read() {
    for (version, parts) in [
        (
            "1.0",
            "<RegistrationInfo/><Triggers><TimeTrigger><StartBoundary>2015-10-09T08:00:00</StartBoundary></TimeTrigger></Triggers>\
             <Principals><Principal id=\"Author\"><UserId>SYSTEM</UserId><LogonType>InteractiveTokenOrPassword</LogonType>\
             <RunLevel>HighestAvailable</RunLevel></Principal></Principals>",
        ),
        (
            "1.1",
            "<RegistrationInfo><Author>SYSTEM</Author></RegistrationInfo><Triggers><CalendarTrigger>\
             <StartBoundary>2007-09-07T05:00:00</StartBoundary><Enabled>true</Enabled><ScheduleByWeek><DaysOfWeek><Friday/></DaysOfWeek>\
             <WeeksInterval>1</WeeksInterval></ScheduleByWeek></CalendarTrigger><LogonTrigger/><IdleTrigger/></Triggers><Principals>\
             <Principal id=\"Author\"><UserId>SYSTEM</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>\
             <Settings><Enabled>true</Enabled><Hidden>true</Hidden><StartWhenAvailable>true</StartWhenAvailable>\
             <RestartOnFailure><Count>3</Count><Interval>PT1M</Interval></RestartOnFailure></Settings>",
        ),
    ] {
        let actions = "<Actions Context=\"Author\"><Exec><Command>a</Command></Exec></Actions>";
        let xml = task(&format!("{parts}{actions}")).replace("\"1.4\"", &format!("\"{version}\""));
        assert!(super::normalised(&xml).contains(&format!("<Task version=\"{version}\"")));
    }
}
