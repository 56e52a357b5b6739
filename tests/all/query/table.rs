//! Queries and events, and by hand what the specification says of them.

use mainspring::{
    guid::Guid,
    query::{Element, Event, Fault, Query, Selector, contains},
    sid::Sid,
    time::Timestamp,
};

use super::{NOW, fault, matches};

/// Somebody logged on, two hours before now.
pub(super) fn logon() -> Event<'static> {
    Event {
        provider: Some("Microsoft-Windows-Security-Auditing"),
        provider_guid: Guid::parse("{54849625-5478-4994-A5BA-3E3B0328C30D}"),
        version: Some(2),
        level: Some(0),
        task: Some(12544),
        opcode: Some(0),
        keywords: Some(0x8020_0000_0000_0000),
        created: Some(Timestamp(NOW.0 - 7_200_000)),
        record: Some(9_007_199_254_740_993),
        process: Some(704),
        thread: Some(9032),
        computer: Some("host.example"),
        user: Sid::parse("S-1-5-18"),
        data: &[
            ("SubjectUserSid", "S-1-5-18"),
            ("TargetUserName", "ada"),
            ("LogonType", "2"),
            ("IpPort", "0x1F90"),
            ("LogonGuid", "{00000000-0000-0000-0000-00000000ABCD}"),
            ("Elevated", "true"),
            ("Since", "2024-05-01T12:00:00.5Z"),
            ("Share", "-1.50"),
            ("", "unnamed"),
            ("Nothing", ""),
        ],
        ..Event::new("Security", 4624)
    }
}

/// A printer, of which the log tells in elements of its own.
pub(super) fn printer() -> Event<'static> {
    Event {
        level: Some(1),
        qualifiers: Some(16384),
        source: Some("Spooler"),
        user_data: &[
            Element { depth: 0, name: "PrinterSet", text: "", attributes: &[("mode", "fast")] },
            Element { depth: 1, name: "PrinterName", text: "MyPrinter", attributes: &[] },
            Element { depth: 1, name: "Port", text: "", attributes: &[] },
            Element { depth: 2, name: "Number", text: "9100", attributes: &[("base", "10"), ("kind", "tcp")] },
            Element { depth: 0, name: "LowOnMemory", text: "", attributes: &[] },
        ],
        ..Event::new("Microsoft-Windows-PrintService/Operational", 307)
    }
}

/// Expressions that select the logon.
const SELECTED: &[&str] = &[
    "*",
    "Event",
    " * ",
    "*[System]",
    "*[System[EventID=4624]]",
    "*[System/EventID=4624]",
    "Event[System[(EventID=4624)]]",
    "Event/System/EventID=4624",
    "*/System[EventID='4624']",
    "*[System[4624=EventID]]",
    "*[System[EventID=0x1210]]",
    "*[System[EventID='0x1210']]",
    "*[System[EventID=4624.0]]",
    "*[System[EventID=4.624e3]]",
    "*[System[EventID=+4624]]",
    "child::*[child::System[child::EventID=4624]]",
    "*[System[EventID!=4625]]",
    "*[System[EventID>4623 and EventID<4625]]",
    "*[System[EventID>=4624 and EventID<=4624]]",
    "*[System[4623<EventID]]",
    "*[System[EventID=1 or EventID=4624]]",
    // `and` binds more tightly than `or`.
    "*[System[EventID=4624 or EventID=1 and EventID=2]]",
    "*[System[EventID=1 and EventID=2 or EventID=4624]]",
    "*[System[(EventID=4624 or EventID=1) and (Level=0 or Level=4)]]",
    "*[System[((((EventID=4624))))]]",
    "*[System[EventID=4624]] and *[EventData[Data[@Name='LogonType']=2]]",
    "*/System/Provider[@Name='Microsoft-Windows-Security-Auditing'] and */System/EventID='4624'",
    "*[System/Provider/@Name='Microsoft-Windows-Security-Auditing']",
    "*[System[Provider[@Name=\"Microsoft-Windows-Security-Auditing\"]]]",
    "*[System[Provider[attribute::Name='Microsoft-Windows-Security-Auditing']]]",
    "*[System[Provider/@*='Microsoft-Windows-Security-Auditing']]",
    // GUIDs and security identifiers are compared as such, and so are moments.
    "*[System[Provider[@Guid='{54849625-5478-4994-a5ba-3e3b0328c30d}']]]",
    "*[System[Provider[@Guid='54849625-5478-4994-a5ba-3e3b0328c30d']]]",
    "*[System[Provider[@Guid!='{00000000-5478-4994-a5ba-3e3b0328c30d}']]]",
    "*[EventData[Data[@Name='LogonGuid']='{00000000-0000-0000-0000-00000000abcd}']]",
    "*[System[Security[@UserID='S-1-5-18']]]",
    "*[System[Security[@UserID='S-1-0x5-18']]]",
    "*[EventData[Data[@Name='SubjectUserSid']='S-1-5-18']]",
    "*[System[TimeCreated[@SystemTime='2024-05-01T22:00:00.000Z']]]",
    "*[System[TimeCreated[@SystemTime='2024-05-01T22:00:00Z']]]",
    "*[System[TimeCreated[@SystemTime>='2024-05-01T00:00:00.000Z' and @SystemTime<'2024-05-02T00:00:00Z']]]",
    "*[EventData[Data[@Name='Since']='2024-05-01T12:00:00.500Z']]",
    "*[EventData[Data[@Name='Since']>'2024-05-01T12:00:00.4999Z']]",
    // Numbers are exact where doubles are not.
    "*[System[EventRecordID=9007199254740993]]",
    "*[System[EventRecordID!=9007199254740992]]",
    "*[System[EventRecordID<18446744073709551616]]",
    "*[EventData[Data[@Name='Share']=-1.5]]",
    "*[EventData[Data[@Name='Share']<-1.49]]",
    "*[EventData[Data[@Name='Share']>-15e-1 or Data[@Name='Share']=-.15e+1]]",
    "*[EventData[Data[@Name='IpPort']=8080]]",
    "*[EventData[Data[@Name='IpPort']>'8079']]",
    "*[EventData[Data[@Name='LogonType']='2']]",
    "*[EventData[Data[@Name='LogonType']=2.0]]",
    // What is no number is unlike every number.
    "*[EventData[Data[@Name='TargetUserName']!=5]]",
    "*[System[EventID!='something']]",
    // Bits.
    "*[System[band(Keywords, 0x20000000000000)]]",
    "*[System[band(Keywords,9007199254740992)]]",
    "*[System[band(0x8000000000000000, Keywords)]]",
    "*[System[Keywords='0x8020000000000000']]",
    "*[System[Keywords=0x8020000000000000]]",
    "*[System[band(Keywords, 1)='false']]",
    "*[System[band(Keywords, 1)=0]]",
    "*[EventData[band(Data[@Name='IpPort'], 0x10)]]",
    "band(*/System/Keywords, 0x20000000000000)",
    // Differences in time.
    "*[System[TimeCreated[timediff(@SystemTime) <= 86400000]]]",
    "*[System[TimeCreated[timediff(@SystemTime)=7200000]]]",
    "*[System[TimeCreated[timediff(@SystemTime) > 7199999]]]",
    "*[System[TimeCreated[86400000 >= timediff(@SystemTime)]]]",
    "*[System[TimeCreated[timediff(@SystemTime, '2024-05-01T22:00:01.000Z')=1000]]]",
    "*[System[TimeCreated[timediff('2024-05-01T22:00:01.000Z', @SystemTime)=-1000]]]",
    // FILETIME of 2024-05-01T22:00:00Z.
    "*[System[TimeCreated[timediff(@SystemTime, 133590744000000000)=0]]]",
    "*[EventData[timediff(Data[@Name='Since'], '2024-05-01T12:00:01.000Z')=500]]",
    // Whatever is there.
    "*[System[Execution[@ProcessID=704 and @ThreadID='9032']]]",
    "*[System[Channel='Security' and Computer='host.example']]",
    "*[System[Version=2][Task=12544]]",
    "*[System/*=12544]",
    "*[*/EventID=4624]",
    "*[EventData]",
    "*[EventData/Data]",
    "*[EventData[Data='ada']]",
    "*[EventData[Data!='ada']]",
    "*[EventData/Data[@Name]]",
    "*[EventData[Data[text()='unnamed']]]",
    "*[EventData/Data/text()='unnamed']",
    "*[EventData[Data[@Name='TargetUserName' and text()='ada']]]",
    // The words for Booleans.
    "*[EventData[Data[@Name='Elevated']='true']]",
    "*[EventData[Data[@Name='LogonType']='true']]",
    "*[System[Level='false']]",
    // Places.
    "*[EventData/Data[1]='S-1-5-18']",
    "*[EventData/Data[@Name='Nothing']='']",
    "*[EventData/Data[position()=2]='ada']",
    "*[EventData/Data[position()<3]='ada']",
    "*[EventData/Data[2][@Name='TargetUserName']]",
    "*[EventData/Data[@Name='TargetUserName'][1]]",
    "*[EventData[1]]",
    "*[EventData/Data[@Name='TargetUserName' or @Name='LogonType'][2]=2]",
    // White space is where it may be.
    " Event [ System [ EventID = 4624 and\t( Level\n<= 3 ) ] ] / EventData / Data [ @ Name = 'TargetUserName' ] = 'ada' ",
    "*[System[EventID=4624and Level=0]]",
];

/// Expressions that are right and do not select it.
const PASSED_OVER: &[&str] = &[
    "*[System[EventID=4625]]",
    "*[System[EventID!=4624]]",
    "*[System[EventID<4624]]",
    "*[System[EventID>4624]]",
    "*[System[EventID=4624 and EventID=1]]",
    "*[System[(EventID=4624 or EventID=1) and Level=4]]",
    "*[System[EventID='4624 ']] and *[System[Level=1]]",
    // Names and text have a letter case.
    "*[system[EventID=4624]]",
    "*[System[eventid=4624]]",
    "*[System[Provider[@name]]]",
    "*[EventData[Data='Ada']]",
    "*[EventData[Data='ada ']]",
    // What is no such thing is neither equal nor unequal.
    "*[System[Provider[@Guid='nothing']]]",
    "*[System[Provider[@Guid!='nothing']]]",
    "*[System[Security[@UserID!='nobody']]]",
    "*[System[TimeCreated[@SystemTime!='never']]]",
    "*[System[TimeCreated[@SystemTime=5 or @SystemTime!=5]]]",
    "*[EventData[Data[@Name='TargetUserName']!='S-1-5-18']]",
    "*[EventData[Data[@Name='TargetUserName']!='2024-05-01T22:00:00.000Z']]",
    "*[System[Provider[@Guid<'{54849625-5478-4994-a5ba-3e3b0328c30d}']]]",
    "*[System[EventRecordID=9007199254740992]]",
    "*[EventData[Data[@Name='TargetUserName']<5 or Data[@Name='TargetUserName']>=5]]",
    "*[System[band(Keywords, 1)]]",
    "*[System[band(Provider/@Name, 0xFFFFFFFFFFFFFFFF)]]",
    "*[System[band(Correlation/@ActivityID, 1)]]",
    "*[System[TimeCreated[timediff(@SystemTime) < 7200000]]]",
    "*[System[TimeCreated[timediff(@Other) <= 86400000 or timediff(@Other) > 86400000]]]",
    // What is not there, or has no text of its own, is like nothing.
    "*[UserData]",
    "*[System[Correlation]]",
    "*[System[EventID[@Qualifiers]]]",
    "*[System[Correlation/@ActivityID!='x']]",
    "*[System!='x']",
    "*[System[Provider!='x']]",
    "*[EventData[@Name]]",
    "*[EventData/Data[9][@Name]]",
    "*[EventData/Data/@Name/text()]",
    "*[EventData/Data[@Name='Nothing']/text()]",
    "*[EventData/Data[11]]",
    "*[EventData/Data[0]]",
    "*[EventData/Data[2]='S-1-5-18']",
    "*[EventData[2]]",
    "*[EventData/Data[@Name='TargetUserName'][2]]",
    "*[EventData[Data[@Name='Elevated']='false']]",
    "*[EventData/Data[@Name='LogonType']='02']",
    "*/*/*/*/*",
    "Event/Event",
    "Event/@Name",
];

/// What is in lists that select the logon.
const LISTS_SELECTED: &[&str] = &[
    r#"<Query Id="0" Path="Security"><Select Path="Security">*[System[(EventID=4624)]]</Select></Query>"#,
    // The channel's letter case is not looked at, and the Query's is that of those that name none.
    r#"<Query Path="sECURITY"><Select>*</Select></Query>"#,
    r#"<Query Path="System"><Select Path="Security">*</Select></Query>"#,
    "<Query><Select>*</Select></Query>",
    // Of several Selects one is enough, and of several Queries.
    r#"<Query Path="Security"><Select>*[System[EventID=1]]</Select><Select>*[System[EventID=4624]]</Select></Query>"#,
    r#"<Query Path="System"><Select>*</Select></Query><Query Path="Security"><Select>*</Select></Query>"#,
    // A Suppress is of its channel, and of its own Query.
    r#"<Query Path="Security"><Select>*</Select><Suppress Path="System">*</Suppress></Query>"#,
    r#"<Query Path="Security"><Select>*</Select><Suppress>*[System[EventID=1]]</Suppress></Query>"#,
    r#"<Query Path="Security"><Suppress>*</Suppress></Query><Query Path="Security"><Select>*</Select></Query>"#,
    // Spellings.
    "<Query><Select>*[System[EventID&lt;4625 and EventID &gt; 4623]]</Select></Query>",
    "<Query><Select>*[EventData[Data=&quot;ada&quot; and Data=&apos;2&apos;]]</Select></Query>",
    "<Query><Select>*[EventData[Data='&#97;d&#x61;']]</Select></Query>",
    "<Query><Select><![CDATA[*[System[EventID<4625]]]]></Select></Query>",
    "<Query><Select>*[System[<!-- the one -->EventID<![CDATA[<]]>4625]]</Select></Query>",
    "<Query><Select>*[Sys<![CDATA[tem]]>/EventID=46<!-- 2 -->24]</Select></Query>",
    "<?list?><Query Target='Both'\n Path = 'S&#101;curity' ><!-- --><Select Path='Security' >*</Select ></Query >",
    "<Query Target=\"Host\" Id='12' other='x'><Select>\n *\n </Select></Query>",
];

/// What is in lists that do not.
const LISTS_PASSED_OVER: &[&str] = &[
    r#"<Query Path="System"><Select>*</Select></Query>"#,
    r#"<Query Path="Security"><Select Path="System">*</Select></Query>"#,
    r#"<Query Path="Security"><Select Path="">*</Select></Query>"#,
    r#"<Query><Select Path="file://c:/Security.evtx">*</Select></Query>"#,
    r#"<Query Path="Security"><Select>*[System[EventID=1]]</Select></Query>"#,
    r#"<Query Path="Security"><Select>*</Select><Suppress>*[System[EventID=4624]]</Suppress></Query>"#,
    // Also where the Suppress comes first.
    r#"<Query Path="Security"><Suppress>*</Suppress><Select>*</Select></Query>"#,
    r#"<Query Path="Security"><Select>*</Select><Suppress>*[System[EventID=1]]</Suppress><Suppress>*</Suppress></Query>"#,
    r#"<Query Path="Security"><Suppress>*[System[EventID=1]]</Suppress></Query>"#,
    r#"<Query Path="Security" Target="Container"><Select>*</Select></Query>"#,
];

/// Every query of these tables.
pub(super) fn all() -> impl Iterator<Item = String> {
    let alone = SELECTED.iter().chain(PASSED_OVER).map(|text| (*text).to_owned());
    let lists = LISTS_SELECTED.iter().chain(LISTS_PASSED_OVER).map(|inner| format!("<QueryList>{inner}</QueryList>"));
    alone.chain(lists)
}

#[test]
fn expressions_select_what_the_specification_says() {
    let event = logon();
    for text in SELECTED {
        assert!(matches(text, &event), "{text}");
        assert!(!matches(&format!("({text}) and *[System[EventID=0]]"), &event), "{text}");
    }
    for text in PASSED_OVER {
        assert!(!matches(text, &event), "{text}");
        assert!(matches(&format!("({text}) or *[System[EventID=4624]]"), &event), "{text}");
    }
}

#[test]
fn elements_of_user_data_are_seen() {
    let event = printer();
    for text in [
        "*[UserData/LowOnMemory]",
        "*[UserData/*/PrinterName=\"MyPrinter\" and System/Level=1]",
        "*[UserData/PrinterSet[@mode='fast']/PrinterName]",
        "*[UserData[PrinterSet[PrinterName='MyPrinter' and Port/Number=9100]]]",
        "*[UserData/PrinterSet/Port/Number[@base=10][@kind='tcp']]",
        "*[UserData/*[2]]",
        "*[System[EventID[@Qualifiers=16384]=307]]",
        "*[System/Provider[@EventSourceName='Spooler']]",
    ] {
        assert!(matches(text, &event), "{text}");
    }
    for text in [
        "*[UserData/PrinterName]",
        "*[UserData/LowOnMemory/PrinterName]",
        "*[UserData/*/Number]",
        "*[UserData/*[3]]",
        "*[UserData/PrinterSet/*[3]]",
        "*[EventData]",
        "*[UserData='x' or UserData!='x']",
    ] {
        assert!(!matches(text, &event), "{text}");
    }
}

#[test]
fn without_a_clock_no_difference_is_anything() {
    let query = Query::parse("*[System[TimeCreated[timediff(@SystemTime)<=1 or timediff(@SystemTime)>1]]]").unwrap();
    assert!(query.matches(&logon(), Some(NOW)));
    assert!(!query.matches(&logon(), None));
}

#[test]
fn lists_select_and_suppress_by_channel() {
    let logon = logon();
    let list = |inner: &str| format!("<QueryList>{inner}</QueryList>");
    for inner in LISTS_SELECTED {
        assert!(matches(&list(inner), &logon), "{inner}");
    }
    for inner in LISTS_PASSED_OVER {
        assert!(!matches(&list(inner), &logon), "{inner}");
    }
    let whole = "<?xml version=\"1.0\"?>\r\n<!-- one --><QueryList xmlns='http://example'><Query><Select>*</Select></Query></QueryList>\n<!-- -->";
    assert!(matches(whole, &logon));
}

#[test]
fn lines_end_as_in_xml() {
    let event = Event { data: &[("", "a\nb\nc d")], ..Event::new("System", 1) };
    assert!(matches("<QueryList><Query><Select>*[EventData[Data='a\r\nb\rc d']]</Select></Query></QueryList>", &event));
    assert!(matches("*[EventData[Data='a\nb\nc d']]", &event));
    assert!(!matches("*[EventData[Data='a\r\nb\nc d']]", &event));
    let event = Event::new("a b c", 1);
    assert!(matches("<QueryList><Query Path='a\r\nb\tc'><Select>*</Select></Query></QueryList>", &event));
}

#[test]
fn what_is_no_query_is_refused_where_it_is_wrong() {
    let list = |inner: &str| fault(&format!("<QueryList>{inner}</QueryList>"));
    let filter = |inner: &str| {
        let (at, what) = list(&format!("<Query><Select>{inner}</Select></Query>"));
        (at - 26, what)
    };
    for (found, at, what) in [
        (fault(""), 0, Fault::Operand),
        (fault("   "), 3, Fault::Operand),
        (fault("hello"), 0, Fault::NoEvent),
        (fault("*["), 2, Fault::Operand),
        (fault("*[]"), 2, Fault::Operand),
        (fault("*[System"), 8, Fault::Expected(']')),
        (fault("*[System[EventID=4624]"), 22, Fault::Expected(']')),
        (fault("*[System]]"), 9, Fault::Trailing),
        (fault("*]"), 1, Fault::Trailing),
        (fault("* *"), 2, Fault::Trailing),
        (fault("*[System AND Level]"), 9, Fault::Expected(']')),
        (fault("*[(System]"), 9, Fault::Expected(')')),
        (fault("*[System/]"), 9, Fault::Operand),
        (fault("*[System[EventID=]]"), 17, Fault::Operand),
        (fault("*[System[EventID==1]]"), 17, Fault::Operand),
        (fault("*[System[EventID!1]]"), 16, Fault::Expected(']')),
        (fault("*[System[EventID=1=2]]"), 18, Fault::Expected(']')),
        (fault("*[System[EventID=1 and]]"), 22, Fault::Operand),
        (fault("*[System[EventID=1+1]]"), 18, Fault::Expected(']')),
        (fault("*[System[Level|Task]]"), 14, Fault::Expected(']')),
        (fault("*[Data='x]"), 10, Fault::Literal),
        (fault("*[Data=\"x']"), 11, Fault::Literal),
        (fault("*[Data=1.2.3]"), 10, Fault::Expected(']')),
        (fault("*[Data=0x]"), 7, Fault::Number),
        (fault("*[Data=0x10000000000000000]"), 7, Fault::Number),
        (fault("*[Data=--1]"), 7, Fault::Number),
        (fault("*[Data=-x]"), 7, Fault::Number),
        (fault("/Event"), 0, Fault::Step),
        (fault("//Event"), 0, Fault::Step),
        (fault("*[//System]"), 2, Fault::Step),
        (fault("*[/System]"), 2, Fault::Step),
        (fault("*[.='x']"), 2, Fault::Step),
        (fault("*[../System]"), 2, Fault::Step),
        (fault("*[System/..]"), 9, Fault::Step),
        (fault("*[$x=1]"), 2, Fault::Step),
        (fault("*[evt:System]"), 2, Fault::Step),
        (fault("*[descendant::Data]"), 2, Fault::Step),
        (fault("*[System/node()]"), 9, Fault::Step),
        (fault("*[@text()]"), 3, Fault::Step),
        (fault("System/EventID=1"), 0, Fault::NoEvent),
        (fault("@Name"), 0, Fault::NoEvent),
        (fault("text()"), 0, Fault::NoEvent),
        (fault("* and System"), 6, Fault::NoEvent),
        (fault("'x'"), 3, Fault::NoEvent),
        (fault("12"), 2, Fault::NoEvent),
        (fault("*[contains(Data, 'x')]"), 2, Fault::Function),
        (fault("*[not(System)]"), 2, Fault::Function),
        (fault("*[last()]"), 2, Fault::Function),
        (fault("*[band(Keywords)]"), 15, Fault::Expected(',')),
        (fault("*[band(Keywords,1,2)]"), 17, Fault::Expected(')')),
        (fault("*[timediff()]"), 11, Fault::Operand),
        (fault("*[position(1)]"), 11, Fault::Expected(')')),
        (fault("*[System/Level=System/Task]"), 15, Fault::Paths),
        (fault("*[System/Level=@x]"), 15, Fault::Paths),
        (fault("*[(System/Level)=1]"), 17, Fault::Group),
        (fault("*[1=(System/Level)]"), 18, Fault::Group),
        (fault("*[Data[1][2][3][4][5]]"), 19, Fault::Predicates),
        (fault("<QueryList"), 0, Fault::Element),
        (fault("<QueryList "), 11, Fault::Markup),
        (fault("<Query/>"), 0, Fault::Element),
        (fault("<QueryList/>"), 12, Fault::Element),
        (fault("<queryList></queryList>"), 0, Fault::Element),
        (fault("<e:QueryList></e:QueryList>"), 0, Fault::Element),
        (fault("<!DOCTYPE x><QueryList/>"), 0, Fault::Element),
        (fault("<QueryList><Query><Select>*</Select></Query></QueryList>x"), 56, Fault::Trailing),
        (list(""), 11, Fault::Element),
        (list("<Query></Query>"), 18, Fault::Element),
        (list("<Query/>"), 19, Fault::Element),
        (list("text"), 11, Fault::Markup),
        (list("<Query><Other>*</Other></Query>"), 18, Fault::Element),
        (list("<Query>*</Query>"), 18, Fault::Markup),
        (list("<Query><Select>*</Suppress></Query>"), 27, Fault::Markup),
        (list("<Query><Select/></Query>"), 27, Fault::Operand),
        (list("<Query><Select></Select></Query>"), 26, Fault::Operand),
        (list("<Query Path=x><Select>*</Select></Query>"), 18, Fault::Markup),
        (list("<Query Path='x'Id='1'><Select>*</Select></Query>"), 26, Fault::Markup),
        (list("<Query Path='x' Path='y'><Select>*</Select></Query>"), 35, Fault::Markup),
        (list("<Query Path='&x;'><Select>*</Select></Query>"), 24, Fault::Reference),
        (list("<Query Path='<'><Select>*</Select></Query>"), 24, Fault::Markup),
        (filter("*[System[EventID<5]]"), 16, Fault::Markup),
        (filter("*[System[EventID&le;5]]"), 16, Fault::Reference),
        (filter("*[Data='&#0;']"), 8, Fault::Reference),
        (filter("*[Data='&#xD800;']"), 8, Fault::Reference),
        (filter("*[Data='&#;']"), 8, Fault::Reference),
        (filter("*[Data='a & b']"), 10, Fault::Reference),
        (filter("*<b>x</b>"), 1, Fault::Markup),
        (filter("*[Data='x]"), 10, Fault::Literal),
        (filter("*[System"), 8, Fault::Expected(']')),
        (filter("* *"), 2, Fault::Trailing),
    ] {
        assert_eq!(found, (at, what));
    }
    let error = Query::parse("*[System[EventID=1]").unwrap_err();
    assert_eq!(error.to_string(), "no ']' at byte 19");
}

#[test]
fn values_are_those_of_the_first_node() {
    let (logon, printer) = (logon(), printer());
    let value = |event: &Event<'_>, path: &str| {
        let selector = Selector::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        selector.value(event, Some(NOW)).map(|value| value.to_string())
    };
    for (path, expected) in [
        ("Event/System/EventRecordID", "9007199254740993"),
        ("Event/System/EventID", "4624"),
        ("*/System/Channel", "Security"),
        ("Event/System/Keywords", "0x8020000000000000"),
        ("Event/System/TimeCreated/@SystemTime", "2024-05-01T22:00:00.000Z"),
        ("Event/System/Provider/@Guid", "{54849625-5478-4994-a5ba-3e3b0328c30d}"),
        ("Event/System/Security/@UserID", "S-1-5-18"),
        ("Event/System/Execution/@ThreadID", "9032"),
        ("Event/EventData/Data[@Name='TargetUserName']", "ada"),
        (" Event / EventData / Data[@Name='TargetUserName'] ", "ada"),
        ("Event/EventData/Data", "S-1-5-18"),
        ("Event/EventData/Data[3]", "2"),
        ("Event/EventData/Data[3]/@Name", "LogonType"),
        ("Event/EventData/Data[@Name='LogonType' and text()='2']/text()", "2"),
        ("*[System[EventID=4624]]/EventData/Data[2]", "ada"),
    ] {
        assert_eq!(value(&logon, path).as_deref(), Some(expected), "{path}");
    }
    for path in [
        "Event",
        "Event/System",
        "Event/System/Provider",
        "Event/System/Correlation/@ActivityID",
        "Event/EventData/Data[@Name='Nobody']",
        "*[System[EventID=1]]/EventData/Data[2]",
        "Event/UserData/PrinterSet",
    ] {
        assert_eq!(value(&logon, path), None, "{path}");
    }
    assert_eq!(value(&printer, "Event/UserData/*/PrinterName").as_deref(), Some("MyPrinter"));
    assert_eq!(value(&printer, "Event/UserData/PrinterSet/Port/Number/@kind").as_deref(), Some("tcp"));
    assert_eq!(value(&printer, "Event/UserData/LowOnMemory").as_deref(), Some(""));
    for (path, at, what) in [
        ("System/EventID", 0, Fault::NoEvent),
        ("Event/System/EventID=1", 20, Fault::Trailing),
        ("Event/System/EventID and Event", 21, Fault::Trailing),
        ("Event/", 6, Fault::Operand),
        ("'x'", 0, Fault::Operand),
        ("", 0, Fault::Operand),
    ] {
        let error = Selector::parse(path).unwrap_err();
        assert_eq!((error.at, error.what), (at, what), "{path}");
    }
}

#[test]
fn a_matching_element_is_a_name_or_a_path() {
    let (logon, printer) = (logon(), printer());
    for name in
        ["EventID", "TargetUserName", "Data", "EventData", "Provider", " Keywords ", "Event/System/Computer", "*"]
    {
        assert!(contains(&logon, name), "{name}");
    }
    for name in [
        "PrinterName",
        "Correlation",
        "UserData",
        "ada",
        "",
        "Event/System/Correlation",
        "System/Computer",
        "Event[",
        "a b",
    ] {
        assert!(!contains(&logon, name), "{name}");
    }
    for name in ["PrinterName", "Number", "UserData", "Event/UserData/LowOnMemory"] {
        assert!(contains(&printer, name), "{name}");
    }
    assert!(!contains(&printer, "Data") && !contains(&printer, "EventData"));
}

#[test]
fn the_channels_of_a_query_are_known() {
    let channels = |text: &str| -> Vec<Option<String>> {
        Query::parse(text).unwrap().channels().map(|channel| channel.map(|channel| channel.to_string())).collect()
    };
    assert_eq!(channels("*"), [None]);
    let list = "<QueryList><Query Path='A &amp; B'><Select>*</Select><Select Path='C'>*</Select><Suppress Path='D'>*</Suppress>\
        </Query><Query><Select>*</Select></Query></QueryList>";
    assert_eq!(channels(list), [Some("A & B".into()), Some("C".into()), None]);
}
