//! What a task wishes to have made up for: found in its Data as XML has it, whatever else stands there.

use mainspring::engine::CatchUp;
use mainspring_tests::{chance::Chance, damage, world::Task};

const OURS: &str = "urn:mainspring:task";

/// What a task with that Data is owed.
fn of(data: &str) -> CatchUp {
    let mut room = vec![0; data.len() + 1024];
    CatchUp::of(&Task { data: Some(data), ..Task::new("a") }.image(&mut room))
}

#[test]
fn a_wish_is_seen_however_it_is_written() {
    for text in [
        "<CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp>",
        "<CatchUp xmlns = \"urn:mainspring:task\" >\n all  3\t</CatchUp >",
        "<m:CatchUp xmlns:m='urn:mainspring:task'>all 3</m:CatchUp>",
        "<m:CatchUp a='>' xmlns:n='x' xmlns:m='urn:mainspring:task' xmlns='y'>all 3</m:CatchUp>",
        "<CatchUp id=\"a='1'\" xmlns='urn:mainspring:task'>all<!-- of them --> 3</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'><![CDATA[all 3]]></CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'><?pi <CatchUp> ?>all 3</CatchUp>",
        "text<Mine a='<b>'><Too/></Mine><!-- <Mine> --><CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp><Mine>",
        "<CatchUp>skip</CatchUp><CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'>\r\n                    all\t\t                   3\r\n                  </CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'>\n        <!-- all -->\n        all\n        <!-- of -->\n        3\n</CatchUp>",
        // One that cannot be read stands in nobody's way.
        "<CatchUp xmlns='urn:mainspring:task'>never</CatchUp><CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'><b/>skip</CatchUp><CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'/><CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp>",
    ] {
        assert_eq!(of(text), CatchUp::All(3), "{text}");
    }
}

#[test]
fn what_only_looks_like_a_wish_is_none() {
    for text in [
        "<Mine><CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp></Mine>",
        "<Mine xmlns='urn:mainspring:task'><CatchUp>all 3</CatchUp></Mine>",
        "<!-- <CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp> -->",
        "<![CDATA[<CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp>]]>",
        "<?pi <CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp> ?>",
        "<CatchUp a='xmlns' b='urn:mainspring:task'>all 3</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:tasks'>all 3</CatchUp>",
        "<CatchUp xmlns:m='urn:mainspring:task'>all 3</CatchUp>",
        "<m:CatchUp xmlns='urn:mainspring:task'>all 3</m:CatchUp>",
        "<m:CatchUp xmlns:n='urn:mainspring:task' xmlns:m='x'>all 3</m:CatchUp>",
        "<CatchUps xmlns='urn:mainspring:task'>all 3</CatchUps>",
        "<CatchUp xmlns='urn:mainspring:task'>all 3",
        "<CatchUp xmlns='urn:mainspring:task'>all 0</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'>all 101</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'>all3</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'>all +3</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'>all 03</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'>all\u{a0}3</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'>all 3\u{a0}</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'>al&#108; 3</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task'>all 3 of them, and some more</CatchUp>",
        "<CatchUp xmlns='urn:mainspring:task",
        "<CatchUp xmlns='urn:mainspring:task'",
        "</Data><CatchUp xmlns='urn:mainspring:task'>all 3</CatchUp>",
        "urn:mainspring:task",
    ] {
        assert_eq!(of(text), CatchUp::Skip, "{text}");
    }
}

/// Markup of a few elements, of which some are wishes.
fn markup(chance: &mut Chance, depth: u32, into: &mut String) {
    let mut below = |bound: u64| (chance.draw() >> 20) % bound;
    let count = below(4);
    for _ in 0..count {
        let wish = ["skip", "latest", "all 3", " all  7 ", "all", "never"][below(6) as usize];
        match below(8) {
            0 => into.push_str("<!-- <CatchUp> -->"),
            1 => into.push_str("<?pi </CatchUp>?>"),
            2 => into.push_str("<![CDATA[<CatchUp>]]>"),
            3 => into.push_str("some text "),
            4 | 5 => {
                let (name, declares) = [
                    ("CatchUp", "xmlns='urn:mainspring:task'"),
                    ("m:CatchUp", "a='/>' xmlns:m=\"urn:mainspring:task\""),
                    ("CatchUp", "xmlns='urn:other'"),
                    ("m:CatchUp", "xmlns='urn:mainspring:task' xmlns:m='urn:other'"),
                ][below(4) as usize];
                let [before, behind] =
                    [(); 2].map(|()| [" ", "\n", "\t"][below(3) as usize].repeat(below(40) as usize));
                *into += &format!("<{name} {declares}>{before}{wish}{behind}</{name}>");
            }
            6 => into.push_str("<Empty a='1'/>"),
            _ => {
                let name = ["Mine", "CatchUp"][below(2) as usize];
                *into += &format!("<{name}>");
                if depth < 3 {
                    markup(&mut Chance::new(below(1 << 40)), depth + 1, into);
                }
                *into += &format!("</{name}>");
            }
        }
    }
}

/// The same by a tree.
fn by_tree(data: &str) -> CatchUp {
    let text = format!("<Data>{data}</Data>");
    let tree = roxmltree::Document::parse(&text).unwrap();
    let read = |node: roxmltree::Node<'_, '_>| {
        let inside: String =
            node.children().filter_map(|child| child.is_text().then(|| child.text()).flatten()).collect();
        let mut words = inside.split_whitespace();
        match (words.next(), words.next().map(str::parse), words.next()) {
            (Some("skip"), None, None) => Some(CatchUp::Skip),
            (Some("latest"), None, None) => Some(CatchUp::Latest),
            (Some("all"), Some(Ok(count)), None) => Some(CatchUp::All(count)),
            _ => None,
        }
    };
    let is_wish = |node: &roxmltree::Node<'_, '_>| node.has_tag_name((OURS, "CatchUp"));
    tree.root_element().children().filter(is_wish).find_map(read).unwrap_or(CatchUp::Skip)
}

#[test]
fn a_tree_finds_the_same_wishes() {
    let mut found = 0;
    for seed in 0..5_000 {
        let mut text = String::new();
        let mut chance = Chance::new(seed);
        for _ in 0..8 {
            chance.draw();
        }
        markup(&mut chance, 0, &mut text);
        let expected = by_tree(&text);
        assert_eq!(of(&text), expected, "{text}");
        found += u32::from(expected != CatchUp::Skip);
        // Whatever is made of it, nothing breaks.
        if seed % 50 == 0 {
            // No definition holds characters that XML has not.
            let look = |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes).replace(|of: char| of.is_control() || of > '\u{FFFD}', "?");
                let _ = of(&text);
            };
            damage::cut(text.as_bytes(), look);
            damage::flipped(text.as_bytes(), look);
        }
    }
    assert!(found > 300, "{found}");
}
