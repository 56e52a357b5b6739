//! Real task files, if `MAINSPRING_CORPUS` says where they are.

use std::{fs, path::PathBuf};

use super::{image_of, image_of_wire, utf16, written};
use mainspring::{
    sid::Sid,
    task::{Image, Path, RegistrationInfo},
};

/// The files that are no tasks or not well-formed, and the place that says so.
const REFUSED: &str = include_str!("../../../data/task/refused.tsv");

/// The rows of [`REFUSED`]: number, code, line, column, node.
fn refused_rows() -> Vec<[&'static str; 5]> {
    let rows = REFUSED.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| line.split('\t').collect::<Vec<_>>().try_into().unwrap()).collect()
}

struct File {
    name: String,
    text: String,
    features: String,
}

/// The files of the corpus, or nothing if there is none.
fn corpus() -> Option<Vec<File>> {
    let Some(folder) = std::env::var_os("MAINSPRING_CORPUS").map(PathBuf::from) else {
        println!("skipped: MAINSPRING_CORPUS does not say where real task files are");
        return None;
    };
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let files = index.lines().skip(1).map(|line| {
        let columns = line.split('\t').collect::<Vec<_>>();
        let name = columns[0].to_owned();
        let bytes = fs::read(folder.join(format!("{name}.xml"))).unwrap();
        File { name, text: decoded(&bytes), features: columns[16].to_owned() }
    });
    Some(files.collect())
}

/// The declared encoding is often wrong, so the bytes decide.
fn decoded(bytes: &[u8]) -> String {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => {
            let units = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).collect::<Result<_, _>>().unwrap()
        }
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).unwrap(),
        _ => String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

/// The tasks in a file: most have one, an export has many.
fn tasks(file: &File) -> Vec<String> {
    if !file.features.contains("KIND=Tasks") {
        return vec![file.text.clone()];
    }
    let mut tasks = Vec::new();
    let mut rest = file.text.as_str();
    while let Some(start) = rest.find("<Task ") {
        let end = start + rest[start..].find("</Task>").unwrap() + "</Task>".len();
        tasks.push(rest[start..end].to_owned());
        rest = &rest[end..];
    }
    tasks
}

/// The path that the task says it has.
pub(super) fn path_of(image: &[u8]) -> String {
    let image = Image::parse(image).unwrap();
    image.registration().uri.and_then(|uri| Path::parse(uri).ok()).map_or("\\Task".to_owned(), |path| path.to_string())
}

/// Account names of the machines that the files come from, and SIDs that were made unreadable, stand for the system.
fn with_known_accounts(text: &str) -> String {
    let mut parts = text.split_inclusive("Id>");
    let mut known = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_account = known.ends_with("<UserId>") || known.ends_with("<GroupId>");
        match part.split_once('<') {
            Some((account, rest)) if is_account && Sid::parse(account).is_none() => {
                known += "S-1-5-18<";
                known += rest;
            }
            _ => known += part,
        }
    }
    known
}

/// Both say the same; where the first has no place, or another, it is the place of the task.
fn assert_same(first: &[u8], second: &[u8], path: &str) {
    let (first, second) = (Image::parse(first).unwrap(), Image::parse(second).unwrap());
    assert_eq!(first.version(), second.version());
    assert_eq!(RegistrationInfo { uri: Some(path), ..first.registration() }, second.registration());
    assert_eq!((first.settings(), first.conditions()), (second.settings(), second.conditions()));
    assert_eq!((first.data(), first.context()), (second.data(), second.context()));
    assert_eq!(first.principals().collect::<Vec<_>>(), second.principals().collect::<Vec<_>>());
    assert_eq!(first.triggers().collect::<Vec<_>>(), second.triggers().collect::<Vec<_>>());
    assert_eq!(first.actions().collect::<Vec<_>>(), second.actions().collect::<Vec<_>>());
}

/// Every task that can be read, as an image, with the name of its file; nothing if there is no corpus.
pub(super) fn readable() -> Option<Vec<(String, Vec<u8>)>> {
    let mut readable = Vec::new();
    for file in corpus()? {
        for task in tasks(&file) {
            if let Ok(image) = image_of(&with_known_accounts(&task)) {
                readable.push((file.name.clone(), image));
            }
        }
    }
    Some(readable)
}

#[test]
fn real_files_are_read_and_given_back() {
    let Some(files) = corpus() else { return };
    let (mut read, mut refused, mut round) = (0, 0, 0);
    let mut shares = Vec::new();
    let (mut sizes, mut typical) = (Vec::new(), Vec::new());
    for file in &files {
        for task in tasks(file) {
            let text = with_known_accounts(&task);
            let image = match image_of_wire(&utf16(&text)) {
                Ok(image) => image,
                Err(error) => {
                    refused += 1;
                    println!("{}: {error}", file.name);
                    let status = error.status.name().unwrap_or_default();
                    let place = [error.line.to_string(), error.column.to_string()];
                    let row = [file.name.as_str(), status, &place[0], &place[1], error.node.as_str()];
                    assert!(refused_rows().contains(&row), "{row:?}");
                    continue;
                }
            };
            read += 1;
            let path = path_of(&image);
            let first = written(&image, &path);
            let image_again = image_of(&first).unwrap_or_else(|error| panic!("{}: {error}\n{first}", file.name));
            assert_same(&image, &image_again, &path);
            let second = written(&image_again, &path);
            assert_eq!(first, second, "{}", file.name);
            assert!(image_of(&second).unwrap() == image_again, "{}", file.name);
            round += 1;
            let kept = kept(&image);
            sizes.push(kept);
            shares.push(1000 * kept / text.len());
            // What takes 3 KB where it comes from, in UTF-16.
            if (2_500..3_500).contains(&(2 * text.len())) {
                typical.push(kept);
            }
        }
    }
    assert_eq!(refused, refused_rows().len());
    sizes.sort_unstable();
    shares.sort_unstable();
    typical.sort_unstable();
    let (longest, share) = (typical[typical.len() - 1], shares[shares.len() / 2]);
    println!(
        "{} files, {read} tasks read, {refused} refused, {round} round-tripped; median record {} bytes, {}.{} % of its \
         UTF-8; of {} tasks of about 3 KB the median has {} bytes, the longest {longest}",
        files.len(),
        sizes[sizes.len() / 2],
        share / 10,
        share % 10,
        typical.len(),
        typical[typical.len() / 2],
    );
    assert_eq!(too_much(longest, share), None);
}

/// What of the bounds of a definition at rest is not kept: of a task of 3 KB in bytes, of all in thousandths of their XML.
fn too_much(longest: usize, share: usize) -> Option<String> {
    match (longest, share) {
        (401.., _) => Some(format!("{longest} bytes for a task of 3 KB")),
        (_, 121..) => Some(format!("{share} of 1,000 bytes of XML are kept")),
        _ => None,
    }
}

/// Images as they are in memory take more than they may at rest.
#[test]
fn canary_what_is_not_packed_takes_too_much() {
    assert!(too_much(401, 0).is_some() && too_much(0, 121).is_some());
    let console = include_str!("../../../data/task/console.xml");
    let image = image_of(console).unwrap();
    let share = |bytes: usize| 1000 * bytes / console.len();
    assert_eq!(too_much(kept(&image), share(kept(&image))), None);
    assert!(too_much(image.len(), share(image.len())).is_some(), "{} bytes", image.len());
}

/// How many bytes of a task's definition are kept.
fn kept(image: &[u8]) -> usize {
    let mut room = vec![0; image.len()];
    Image::parse(image).unwrap().pack(&mut room).bytes.len()
}

#[test]
fn what_windows_wrote_is_written_to_the_byte() {
    let Some(files) = corpus() else { return };
    let file = files.iter().find(|file| file.features.contains("KIND=Tasks")).unwrap();
    let mut same = 0;
    let tasks = tasks(file);
    for task in &tasks {
        let task = with_known_accounts(task);
        let image = image_of(&task).unwrap();
        let expected = format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n{}", task.replace("\r\n", "\n"));
        let found = written(&image, &path_of(&image)).replace("\r\n", "\n");
        if expected == found {
            same += 1;
        } else {
            let at = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found).unwrap();
            println!("{at:?}");
            // The one trigger of all that is both disabled and bounded has Enabled after StartBoundary, against the order
            // that is otherwise known.
            assert!(at.0.contains("StartBoundary") && at.1.contains("Enabled"));
        }
    }
    assert_eq!((same, tasks.len()), (157, 158));
    println!("{same} of {} tasks of an export are written as Windows wrote them", tasks.len());
}
