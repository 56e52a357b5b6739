//! What is kept without being understood: what it means does not change, and which of it is refused, and where.

use std::fmt::Write;

use mainspring::{
    engine::CatchUp,
    limits,
    status::Status,
    task::{
        Action, Image, Path,
        xml::{NAMESPACE, VersionError, lowest_version, write_version},
    },
};
use roxmltree::{Document, Node};

use super::{image_of, normalised, task, task_with, written};

const ACTIONS: &str = "<Actions><Exec><Command>a</Command></Exec></Actions>";

/// What XML says of an element and what is in it, however it is written.
fn meaning(node: Node<'_, '_>) -> String {
    let mut said = String::new();
    if node.is_text() {
        return format!("{:?}", node.text().unwrap());
    }
    if !node.is_element() {
        return said;
    }
    let name = node.tag_name();
    write!(said, "{{{}}}{}", name.namespace().unwrap_or_default(), name.name()).unwrap();
    let mut attributes: Vec<_> = node
        .attributes()
        .map(|one| format!(" {{{}}}{}={:?}", one.namespace().unwrap_or_default(), one.name(), one.value()))
        .collect();
    attributes.sort();
    said += &attributes.concat();
    let is_text = node.children().any(|child| child.is_text() && !child.text().unwrap().trim().is_empty());
    let children =
        node.children().filter(|child| is_text || child.is_element() || node.first_element_child().is_none());
    said + "[" + &children.map(meaning).collect::<String>() + "]"
}

/// The meaning of the first element of that name.
fn meaning_of(xml: &str, name: &str) -> String {
    let document = Document::parse(xml).unwrap_or_else(|error| panic!("{error}\n{xml}"));
    let node = document.descendants().find(|node| node.tag_name().name() == name);
    meaning(node.unwrap_or_else(|| panic!("no {name} in {xml}")))
}

#[test]
fn other_namespaces_survive() {
    for inner in [
        "<x:a xmlns:x='urn:x'/>",
        "<a xmlns='urn:x'><b/><c xmlns=''><d/></c></a>",
        "<a xmlns='urn:x'><b xmlns='http://schemas.microsoft.com/windows/2004/02/mit/task'>t</b></a>",
        "<a xmlns:x='urn:x' x:b='1' b='2'/>",
        "<a xmlns:x='urn:x' xmlns:y='urn:y' c='0' y:b='1' x:b='2' y:c='3'><x:d y:e='4'/></a>",
        "<x:a xmlns:x='urn:x' xmlns:y='urn:x' x:b='1' y:c='2'/>",
        "<a xml:space='preserve' xml:lang='de'> <b/> t </a>",
        "<a xmlns:x='urn:a&amp;&quot;&#10;&lt;b' x:b='&gt;'/>",
        "<größe ä='ü'/><日本 語='𠀀'/><𠀀/><a·b/><_/>",
        "<n0:a xmlns:n0='urn:1' xmlns:n1='urn:2' n1:a='' n0:b=''/>",
        "<a x:b='declared on Task'/>",
    ] {
        let around = "<Triggers><WnfStateChangeTrigger><StateName>1</StateName>*</WnfStateChangeTrigger></Triggers>";
        let xml = task_with(&around.replace('*', inner)).replace("<Task ", "<Task xmlns:x=\"urn:task\" ");
        let normal = normalised(&xml);
        assert_eq!(meaning_of(&xml, "WnfStateChangeTrigger"), meaning_of(&normal, "WnfStateChangeTrigger"), "{normal}");
    }
}

/// What is written must be within the bounds of what is read.
#[test]
fn declarations_that_are_written_are_bounded() {
    let xml = |inner: &str| {
        let trigger = format!("<Triggers>\n<WnfStateChangeTrigger>{inner}</WnfStateChangeTrigger></Triggers>");
        task_with(&trigger).replace("<Task ", "<Task xmlns:x=\"urn:x\" ")
    };
    // The task declares its own.
    let item = "<a x:b=''/>";
    normalised(&xml(&item.repeat(63)));
    let error = image_of(&xml(&item.repeat(64))).unwrap_err();
    assert_eq!((error.status, error.line, error.node.as_str()), (Status::SCHED_E_TOO_MANY_NODES, 2, "a"));
    assert_eq!(error.column as usize, 1 + "<WnfStateChangeTrigger>".len() + 63 * item.len());
    // Each attribute of an element counts, and so does each declaration.
    let element = |attributes: usize| {
        let attributes = (1..attributes).map(|number| format!(" a{number}=''")).collect::<String>();
        xml(&format!("<a x:b=''{attributes}/>"))
    };
    normalised(&element(limits::XML_ATTRIBUTES - 1));
    assert_eq!(image_of(&element(limits::XML_ATTRIBUTES)).unwrap_err().status, Status::SCHED_E_TOO_MANY_NODES);
}

#[test]
fn what_newer_versions_have_is_kept() {
    let parts = |trigger: &str, setting: &str, field: &str, action: &str| {
        task(&format!(
            "<Triggers><IdleTrigger/>{trigger}</Triggers><Settings><Hidden>true</Hidden>{setting}<WakeToRun>true</WakeToRun></Settings>\
             <Principals><Principal id='A'>{field}<UserId>user</UserId></Principal></Principals>\
             <Actions Context='A'>{action}<Exec><Command>c</Command></Exec></Actions>"
        ))
    };
    let all = parts(
        "<CloudTrigger id='c'><When>now</When></CloudTrigger><Other/>",
        "<Power level='2'/><Other>a<!-- -->b</Other>",
        "<Badge>1</Badge>",
        "<Script x='1'><Body>if (a &lt; b)</Body></Script>",
    );
    for version in ["1.5", "1.6"] {
        let xml = all.replace("1.4", version);
        let image = image_of(&xml).unwrap_or_else(|error| panic!("{error}"));
        let image = Image::parse(&image).unwrap();
        let names = image.kept().collect::<Vec<_>>();
        assert_eq!(names, ["CloudTrigger", "Other", "Script", "Badge", "Power", "Other"]);
        assert_eq!(lowest_version(&image), version);
        let normal = normalised(&xml);
        for part in [
            "    <CloudTrigger id=\"c\">\n      <When>now</When>\n    </CloudTrigger>\n    <Other />\n",
            "    <Power level=\"2\" />\n    <Other>ab</Other>\n  </Settings>",
            "      <Badge>1</Badge>\n    </Principal>",
            "    <Script x=\"1\">\n      <Body>if (a &lt; b)</Body>\n    </Script>\n    <Exec>",
        ] {
            assert!(normal.contains(part), "{part}\n{normal}");
        }
        let mut text = String::new();
        let refused = write_version(&image, &Path::parse("a").unwrap(), true, None, "1.4", &mut text);
        assert_eq!((refused, text.as_str()), (Err(VersionError::Node("CloudTrigger")), ""));
    }
    // Versions that are specified have what is specified, and so has a text that names none.
    for (name, xml) in [
        ("CloudTrigger", parts("<CloudTrigger/>", "", "", "")),
        ("Power", parts("", "<Power/>", "", "")),
        ("Badge", parts("", "", "<Badge/>", "")),
        ("Script", parts("", "", "", "<Script/>")),
    ] {
        assert!(image_of(&xml.replace("1.4", "1.5")).is_ok(), "{name}");
        for version in ["1.2", "1.3", "1.4", ""] {
            let attribute = if version.is_empty() { String::new() } else { format!("version=\"{version}\"") };
            let error = image_of(&xml.replace("version=\"1.4\"", &attribute)).unwrap_err();
            assert_eq!((error.status, error.node.as_str()), (Status::SCHED_E_UNEXPECTEDNODE, name), "{version}");
        }
    }
    // What has a place of its own in the schema is still what the schema says, and other parts have no place for more.
    for (xml, node) in [
        (parts("", "<Priority>11</Priority>", "", ""), "Priority"),
        (parts("<IdleTrigger><Foo/></IdleTrigger>", "", "", ""), "Foo"),
        (parts("", "<IdleSettings><Foo/></IdleSettings>", "", ""), "Foo"),
        (parts("", "", "", "<ComHandler><Foo/></ComHandler>"), "Foo"),
        (parts("", "", "", "<Exec><Command>c</Command><x:Foo xmlns:x='urn:x'/></Exec>"), "Foo"),
        (task(&format!("<Foo/>{ACTIONS}")), "Foo"),
        (task(&format!("<RegistrationInfo><Foo/></RegistrationInfo>{ACTIONS}")), "Foo"),
        (parts("", "<x:Foo xmlns:x='urn:x'/>", "", ""), "Foo"),
    ] {
        assert_eq!(image_of(&xml.replace("1.4", "1.6")).unwrap_err().node.as_str(), node, "{xml}");
    }
}

/// Windows 11 has a field of an Exec that is in no specification, and exports it.
#[test]
fn a_program_has_newer_fields() {
    let exec = "<Exec><HideAppWindow>true</HideAppWindow><Command>c</Command><Foo a='1'/></Exec>";
    let xml = task(&format!("<Actions>{exec}</Actions>"));
    let error = image_of(&xml).unwrap_err();
    assert_eq!((error.status, error.node.as_str()), (Status::SCHED_E_UNEXPECTEDNODE, "HideAppWindow"));
    let xml = xml.replace("1.4", "1.5");
    let image = image_of(&xml).unwrap();
    let image = Image::parse(&image).unwrap();
    assert_eq!(image.kept().collect::<Vec<_>>(), ["HideAppWindow", "Foo"]);
    assert_eq!(lowest_version(&image), "1.5");
    let Some(Action::Exec { exec, .. }) = image.actions().next() else { panic!("no Exec") };
    assert_eq!((exec.command, exec.opaque), ("c", Some("<HideAppWindow>true</HideAppWindow><Foo a=\"1\"/>")));
    let written = "<Command>c</Command>\n      <HideAppWindow>true</HideAppWindow>\n      <Foo a=\"1\" />\n    </Exec>";
    let normal = normalised(&xml);
    assert!(normal.contains(written), "{normal}");
}

/// A value may have a prefix in it that only its reader understands.
#[test]
fn prefixes_in_values_are_declared() {
    for (inner, declared) in [
        ("<a b='q:name'/>", "<Foo xmlns:q=\"urn:q\"><a b=\"q:name\"/></Foo>"),
        ("<a>q:name</a>", "<Foo xmlns:q=\"urn:q\"><a>q:name</a></Foo>"),
        ("<a xmlns:q='urn:r'>q:name</a>", "<Foo xmlns:q=\"urn:q\"><a xmlns:q=\"urn:r\">q:name</a></Foo>"),
        (
            "<a xmlns:r='urn:r'><b c='q:name' d='r:name'/></a>",
            "<Foo xmlns:q=\"urn:q\"><a xmlns:r=\"urn:r\"><b c=\"q:name\" d=\"r:name\"/></a></Foo>",
        ),
        (
            "<a xmlns:x='urn:x' x:type='q:name'/>",
            "<Foo xmlns:q=\"urn:q\"><a xmlns:n0=\"urn:x\" n0:type=\"q:name\"/></Foo>",
        ),
        ("<q:a q:b='c'/>", "<Foo><a xmlns=\"urn:q\" xmlns:n0=\"urn:q\" n0:b=\"c\"/></Foo>"),
        ("<a>http://q/</a>", "<Foo><a>http://q/</a></Foo>"),
        // Comments are gone before anybody reads it.
        ("<a>x<!-- -->q:y</a>", "<Foo><a>xq:y</a></Foo>"),
        ("<a>q<!-- -->:y</a>", "<Foo xmlns:q=\"urn:q\"><a>q:y</a></Foo>"),
        ("<a>x<b/>q<?p?>:y</a>", "<Foo xmlns:q=\"urn:q\"><a>x<b/>q:y</a></Foo>"),
        // A prefix that is made is none that a value speaks of.
        (
            "<a xmlns:n0='urn:a' xmlns:b='urn:b' b:c='1'>n0:d</a>",
            "<Foo><a xmlns:n0=\"urn:a\" xmlns:n32=\"urn:b\" n32:c=\"1\">n0:d</a></Foo>",
        ),
        ("<a xmlns:n7='urn:a'>n7:d n07:e</a>", "<Foo><a xmlns:n7=\"urn:a\">n7:d n07:e</a></Foo>"),
    ] {
        for outside in [false, true] {
            let (task_has, foo_has) = if outside { (" xmlns:q='urn:q'", "") } else { ("", " xmlns:q='urn:q'") };
            let xml = task_with(&format!("<Settings><Foo{foo_has}>{inner}</Foo></Settings>")).replace("1.4", "1.6");
            let image = image_of(&xml.replace("<Task", &format!("<Task{task_has}"))).unwrap();
            let image = Image::parse(&image).unwrap();
            assert_eq!(image.conditions().opaque, Some(declared), "{xml}");
            let again = image_of(&written(image.bytes(), "\\Task")).unwrap();
            assert_eq!(Image::parse(&again).unwrap().conditions().opaque, Some(declared));
        }
    }
}

#[test]
fn made_prefixes_end_somewhere() {
    let all = (0..8).map(|round| format!("n{}:a ", 32 * round)).collect::<String>();
    let xml = |text: &str| {
        task_with(&format!("<Settings>\n<Foo xmlns:b='urn:b' b:c='1'>{text}</Foo></Settings>")).replace("1.4", "1.6")
    };
    assert!(image_of(&xml(&all.replace("n32:", "n320:"))).is_ok());
    let error = image_of(&xml(&all)).unwrap_err();
    assert_eq!((error.status, error.line, error.node.as_str()), (Status::SCHED_E_TOO_MANY_NODES, 2, "Foo"));
}

/// The name of a newer element of the schema means nothing where that has no such element.
#[test]
fn what_has_another_place_needs_an_open_version() {
    for parts in [
        "<Actions><Exec><Command>c</Command><Volatile>true</Volatile></Exec></Actions>".to_owned(),
        "<Actions><Volatile/></Actions>".to_owned(),
        format!("<Principals><Principal><MaintenanceSettings/></Principal></Principals>{ACTIONS}"),
        format!("<Settings><RequiredPrivileges/></Settings>{ACTIONS}"),
    ] {
        let image = image_of(&task(&parts).replace("1.4", "1.5")).unwrap();
        assert_eq!(lowest_version(&Image::parse(&image).unwrap()), "1.5", "{parts}");
    }
}

/// White space between tags goes, wherever comments were, and what is given back is given back again.
#[test]
fn white_space_goes_once() {
    for (written, kept) in [
        ("<Foo>a <b/> <c/></Foo>", "<Foo>a <b/><c/></Foo>"),
        ("<Foo><b/> <!-- x --><c/>t</Foo>", "<Foo><b/><c/>t</Foo>"),
        ("<Foo><b/> <!-- x -->t <c/> </Foo>", "<Foo><b/> t <c/></Foo>"),
        ("<Foo>t<b/><![CDATA[ ]]><c/></Foo>", "<Foo>t<b/><c/></Foo>"),
        ("<Foo> <!-- x --> </Foo>", "<Foo>  </Foo>"),
        ("<Foo>t<Data>u <b/> <c/></Data></Foo>", "<Foo>t<Data>u <b/><c/></Data></Foo>"),
    ] {
        let xml = task_with(&format!("<Settings>{written}</Settings>")).replace("1.4", "1.6");
        let normal = normalised(&xml);
        assert!(normal.contains(&format!("    {kept}\n")), "{kept}\n{normal}");
    }
}

/// The task with its Data, and what is in the Data of the definition that it is.
fn data_of(task: &str, data: &str) -> (String, String) {
    let xml = task.replace('*', data);
    let image = image_of(&xml).unwrap_or_else(|error| panic!("{error}\n{xml}"));
    let data = Image::parse(&image).unwrap().data().unwrap().to_owned();
    normalised(&xml);
    let again = Image::parse(&image_of(&written(&image, "\\Task")).unwrap()).unwrap().data().map(str::to_owned);
    assert_eq!(again.as_deref(), Some(data.as_str()));
    (xml, data)
}

#[test]
fn data_means_what_it_meant() {
    let plain = format!("<Task xmlns=\"{NAMESPACE}\" xmlns:t=\"urn:t\">*{ACTIONS}</Task>");
    let prefixed = format!(
        "<p:Task xmlns:p=\"{NAMESPACE}\">*<p:Actions><p:Exec><p:Command>a</p:Command></p:Exec></p:Actions></p:Task>"
    );
    for (task, data) in [
        (&plain, "<Data><a/></Data>"),
        (&plain, "<Data xmlns:x='urn:x'><x:a/></Data>"),
        (&plain, "<Data xmlns:x='urn:x'>\r\n <x:a/> <!-- x:c --> <b x:c='1'/>\n<c/></Data>"),
        (&plain, "<Data xmlns:x='urn:x' xmlns:y='urn:y'><a><y:b/><c d='x:e'/></a></Data>"),
        (&plain, "<Data xmlns:x='urn:x'><x:a xmlns:x='urn:other'/></Data>"),
        (&plain, "<Data xmlns:x='urn:x'><a b='>' xmlns:x = \"urn:other\"><x:c/></a></Data>"),
        (&plain, "<Data xmlns:x='urn:x'><a><x:b xmlns:x='urn:other'/></a><x:c/></Data>"),
        (&plain, "<Data xmlns:t='urn:x'><t:a/></Data>"),
        (&plain, "<Data><t:a/><t:b t:c='d'/></Data>"),
        (&plain, "<Data xmlns:x='urn:&lt;&quot;&amp;'><x:a/></Data>"),
        (&plain, "<Data xmlns:x='urn:x'><x:a><![CDATA[<x:b>]]]]><![CDATA[>]]></x:a></Data>"),
        (&plain, "<Data xmlns:x='urn:x'>text <x:a/> text</Data>"),
        (&plain, "<Data xmlns:ä='urn:ä'><ä:ö/></Data>"),
        (&prefixed, "<p:Data xmlns='urn:d'><a><b xmlns=''/></a><p:c/></p:Data>"),
        (&prefixed, "<p:Data><a/><b xmlns='urn:b'/></p:Data>"),
        (&prefixed, "<p:Data><p:a/></p:Data>"),
    ] {
        let (xml, kept) = data_of(task, data);
        let kept = format!("<Data xmlns=\"{NAMESPACE}\">{kept}</Data>");
        assert_eq!(meaning_of(&xml, "Data"), meaning_of(&kept, "Data"), "{data}\n{kept}");
    }
    // Nothing is declared that nobody speaks of, and text stays what it was.
    let same = ["<a/>", "<CatchUp xmlns=\"urn:mainspring:task\">all 3</CatchUp>", "<a xmlns:t=\"urn:mine\"><t:b/></a>"];
    for data in same {
        assert_eq!(data_of(&plain, &format!("<Data>{data}</Data>")).1, data);
    }
    for data in ["t:a", "&lt;t:a/&gt;", "<![CDATA[<t:a/>]]>"] {
        let text = data.replace("&lt;", "<").replace("&gt;", ">").replace("<![CDATA[", "").replace("]]>", "");
        assert_eq!(data_of(&plain, &format!("<Data>{data}</Data>")).1, text);
    }
    // A handler's is no other.
    let handler =
        "<ComHandler><ClassId>{49B247CD-24D4-4ADA-AD69-2D975A02B748}</ClassId><Data><t:a/></Data></ComHandler>";
    let xml = normalised(&plain.replace('*', "").replace("<Exec>", &format!("{handler}<Exec>")));
    assert!(xml.contains("<Data><![CDATA[<t:a xmlns:t=\"urn:t\"/>]]></Data>"), "{xml}");
}

/// What a task asks for in its Data is asked for however the namespace is declared there.
#[test]
fn a_wish_survives() {
    let prefixed = format!(
        "<p:Task xmlns:p=\"{NAMESPACE}\">*<p:Actions><p:Exec><p:Command>a</p:Command></p:Exec></p:Actions></p:Task>"
    );
    let plain = format!("<Task xmlns=\"{NAMESPACE}\" xmlns:u=\"urn:u\">*{ACTIONS}</Task>");
    for (task, data) in [
        (&plain, "<Data><CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp></Data>"),
        (&plain, "<Data><![CDATA[<CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp>]]></Data>"),
        (&prefixed, "<p:Data xmlns='urn:mainspring:task'><CatchUp>all 3</CatchUp></p:Data>"),
        (&prefixed, "<p:Data><CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp></p:Data>"),
    ] {
        let first = image_of(&task.replace('*', data)).unwrap();
        let again = image_of(&written(&first, "\\Task")).unwrap();
        for image in [first, again] {
            assert_eq!(CatchUp::of(&Image::parse(&image).unwrap()), CatchUp::All(3), "{data}");
        }
    }
}
