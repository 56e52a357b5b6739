//! The version that says what a task is, and tasks as older versions have them.

use mainspring::sid::Sid;
use mainspring::task::{
    Action, Definition, Exec, Image, Path, Trigger, TriggerKind,
    xml::{Called, Names, VersionError, lowest_version, write_named, write_version},
};

use super::{image_of, task, task_with};

/// The task as a client of that version gets it.
fn as_version(image: &[u8], version: &str) -> Result<String, String> {
    let image = Image::parse(image).unwrap();
    let mut text = String::new();
    match write_version(&image, &Path::parse("a").unwrap(), true, None, version, &mut text) {
        Ok(()) => Ok(text),
        Err(error) => {
            assert_eq!(text, "", "nothing was written");
            Err(match error {
                VersionError::Node(name) => name.to_owned(),
                other => other.to_string(),
            })
        }
    }
}

#[test]
fn a_task_needs_the_version_that_has_all_of_it() {
    let unified = "<UseUnifiedSchedulingEngine>true</UseUnifiedSchedulingEngine>";
    let settings = |xml: &str| format!("<Settings>{xml}</Settings>");
    let principal =
        |xml: &str| format!("<Principals><Principal><UserId>S-1-5-19</UserId>{xml}</Principal></Principals>");
    for (parts, lowest, lacking) in [
        (String::new(), "1.2", ""),
        (settings("<Volatile>false</Volatile>"), "1.2", ""),
        (settings(unified), "1.3", ""),
        (
            settings("<DisallowStartOnRemoteAppSession>true</DisallowStartOnRemoteAppSession>"),
            "1.3",
            "DisallowStartOnRemoteAppSession",
        ),
        (principal("<ProcessTokenSidType>None</ProcessTokenSidType>"), "1.3", "ProcessTokenSidType"),
        (
            principal("<RequiredPrivileges><Privilege>SeTcbPrivilege</Privilege></RequiredPrivileges>"),
            "1.3",
            "RequiredPrivileges",
        ),
        (settings("<Volatile>true</Volatile>"), "1.4", "Volatile"),
        (
            settings(&format!("{unified}<MaintenanceSettings><Period>P1D</Period></MaintenanceSettings>")),
            "1.4",
            "MaintenanceSettings",
        ),
        ("<Triggers><LogonTrigger/><IdleTrigger/></Triggers>".into(), "1.2", ""),
        ("<Triggers><WnfStateChangeTrigger/></Triggers>".into(), "1.4", "WnfStateChangeTrigger"),
    ] {
        for version in ["1.4", "1.6", ""] {
            let attribute = if version.is_empty() { String::new() } else { format!(" version=\"{version}\"") };
            let xml = task_with(&parts).replace(" version=\"1.4\"", &attribute);
            let image = image_of(&xml).unwrap();
            let is_foreign = lacking.starts_with("Wnf") && version == "1.6";
            let lowest = if is_foreign { "1.6" } else { lowest };
            assert_eq!(lowest_version(&Image::parse(&image).unwrap()), lowest, "{parts}");
            for wanted in ["1.2", "1.3", "1.4", "1.5", "1.6"] {
                match as_version(&image, wanted) {
                    Err(name) => assert!(wanted < lowest && name == lacking, "{parts} as {wanted}: {name}"),
                    Ok(text) => {
                        assert!(wanted >= lowest || lacking.is_empty(), "{parts} as {wanted}");
                        assert!(text.contains(&format!("<Task version=\"{wanted}\" xmlns")));
                        assert_eq!(text.contains("UseUnified"), parts.contains("UseUnified") && wanted != "1.2");
                        // A reader of that version takes it.
                        image_of(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
                    }
                }
            }
        }
    }
}

#[test]
fn versions_that_are_none() {
    let image = image_of(&task_with("")).unwrap();
    for version in ["", "1.0", "1.1", "1.7", "2.0", "1.2.0"] {
        assert_eq!(as_version(&image, version), Err(VersionError::Unknown.to_string()));
    }
}

/// Everybody is called as the reader knows them, and nothing else is touched.
#[test]
fn accounts_are_called_as_the_reader_calls_them() {
    struct Known;
    impl Names for Known {
        fn called(&self, sid: &Sid) -> Called<'_> {
            match sid.to_string().as_str() {
                "S-1-5-21-1" => Called::Name("R&D\\me"),
                "S-1-5-21-2" => Called::Nobody,
                _ => Called::Sid,
            }
        }
    }
    let user = |sid: &str| format!("<UserId>{sid}</UserId>");
    let image = image_of(&task_with(&format!(
        "<Principals><Principal>{}</Principal><Principal id=\"B\"><GroupId>S-1-5-21-1</GroupId></Principal></Principals>\
         <Triggers><LogonTrigger>{}</LogonTrigger><LogonTrigger>{}</LogonTrigger></Triggers><Data>{}</Data>",
        user("S-1-5-21-2"),
        user("S-1-5-21-1"),
        user("S-1-0-0"),
        user("S-1-5-21-1"),
    )))
    .unwrap();
    let image = Image::parse(&image).unwrap();
    let mut text = String::new();
    write_named(&image, &Path::parse("a").unwrap(), true, Some("1.3"), &Known, &mut text).unwrap();
    for part in [
        "    <Principal />\r\n",
        "<GroupId>R&amp;D\\me</GroupId>",
        "<UserId>R&amp;D\\me</UserId>",
        "<UserId>S-1-0-0</UserId>",
        "<![CDATA[<UserId>S-1-5-21-1</UserId>]]>",
        "<Task version=\"1.3\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

/// One privilege came after the schema was printed.
#[test]
fn a_newer_privilege_needs_a_newer_version() {
    let xml = |privilege: &str| {
        let xml = task(&format!(
            "<Principals><Principal><UserId>user</UserId><RequiredPrivileges><Privilege>{privilege}</Privilege></RequiredPrivileges>\
             </Principal></Principals><Actions><Exec><Command>a</Command></Exec></Actions>"
        ));
        image_of(&xml.replace("1.4", "1.3")).unwrap()
    };
    let lowest = |image: &[u8]| lowest_version(&Image::parse(image).unwrap());
    assert_eq!(lowest(&xml("SeBackupPrivilege")), "1.3");
    let newer = xml("SeDelegateSessionUserImpersonatePrivilege");
    assert_eq!(lowest(&newer), "1.4");
    assert_eq!(as_version(&newer, "1.3"), Err("SeDelegateSessionUserImpersonatePrivilege".to_owned()));
    assert!(as_version(&newer, "1.4").is_ok());
}

/// An earlier form of the image has some of it as XML.
#[test]
fn what_is_held_as_xml_counts() {
    let exec = Exec { command: "a", arguments: None, working_directory: None, opaque: None };
    let mut buffer = [0; 256];
    let trigger = Trigger {
        id: None,
        enabled: true,
        start: None,
        end: None,
        execution_time_limit: None,
        repetition: None,
        kind: TriggerKind::Opaque { xml: "<LogonTrigger/>" },
    };
    let definition =
        Definition { triggers: &[trigger], actions: &[Action::Exec { id: None, exec }], ..Definition::default() };
    let image = Image::encode(&definition, &mut buffer).unwrap();
    assert_eq!(lowest_version(&image), "1.4");
    assert_eq!(as_version(image.bytes(), "1.3"), Err("LogonTrigger".to_owned()));
}
