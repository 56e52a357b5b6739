//! Task XML.

// An error carries its texts by value.
#![allow(clippy::result_large_err)]

use mainspring::{
    sid::Sid,
    task::{
        Image, Path,
        xml::{Registrant, XmlError, read, read_str, write},
    },
    text::Utf16,
};

/// The first byte says in which encoding the rest is. What is read must be given back the same each time.
pub fn xml(bytes: &[u8]) {
    let Some((encoding, bytes)) = bytes.split_first() else { return };
    let mut buffer = vec![0; 4 * bytes.len() + 1024];
    let image = match (encoding % 2, std::str::from_utf8(bytes)) {
        (0, Ok(text)) => with_registrant(|registrant| read_str(text, registrant, &mut buffer)),
        _ => with_registrant(|registrant| read(Utf16::little(bytes), registrant, &mut buffer)),
    };
    let Ok(image) = image else { return };
    let first = written(&image);
    let mut buffer = vec![0; 4 * first.len() + 1024];
    match with_registrant(|registrant| read_str(&first, registrant, &mut buffer)) {
        Ok(again) => assert_eq!(written(&again), first),
        Err(error) => panic!("what was written is refused: {error}\n{first}"),
    }
}

fn with_registrant<T>(read: impl FnOnce(&mut Registrant<'_>) -> Result<T, XmlError>) -> Result<T, XmlError> {
    let read = read(&mut Registrant {
        resolve: &mut |name| Sid::parse(name).or((name.len() < 20).then_some(Sid::ADMINISTRATORS)),
        default_user: Sid::LOCAL_SYSTEM,
        override_user: None,
        override_group: None,
        override_logon: None,
    });
    if let Err(error) = &read {
        assert!((error.line == 0) == (error.column == 0), "{error}");
    }
    read
}

/// The normalised form.
pub(super) fn written(image: &Image<'_>) -> String {
    let path = Path::parse("\\Task").expect("a path");
    let mut text = String::new();
    write(image, &path, image.settings().enabled, None, &mut text).expect("a string takes it");
    text
}
