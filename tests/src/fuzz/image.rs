//! Images at rest.

use mainspring::task::{Image, job::Job};

/// An image that is taken must lend its views, and be written as XML and, where that can be said, as a .JOB file.
///
/// Bytes that are a packed image are unpacked first; whatever is an image is the same when it is packed and unpacked.
pub fn image(bytes: &[u8]) {
    let mut memory = bytes.to_vec();
    memory.resize(2 * bytes.len() + 2048, 0);
    if let Ok(unpacked) = Image::unpack(&mut memory, bytes.len())
        && unpacked.bytes() != bytes
    {
        look_at(unpacked.bytes());
    }
    look_at(bytes);
}

fn look_at(bytes: &[u8]) {
    let Ok(image) = Image::parse(bytes) else { return };
    let mut packed = vec![0; bytes.len()];
    let packed = image.pack(&mut packed);
    let mut memory = packed.bytes.to_vec();
    memory.resize(packed.room, 0);
    assert_eq!(Image::unpack(&mut memory, packed.bytes.len()), Ok(image));
    assert_eq!(image.bytes(), bytes);
    let mut seen = format!("{:?}{:?}{:?}", image.version(), image.context(), image.registration()).len();
    seen += image.principals().map(|principal| format!("{principal:?}").len()).sum::<usize>();
    seen += image.triggers().map(|trigger| format!("{trigger:?}").len()).sum::<usize>();
    seen += image.actions().map(|action| format!("{action:?}").len()).sum::<usize>();
    let text = super::xml::written(&image);
    assert!(seen > 0 && text.len() > 100);
    let mut into = vec![0; 4 * bytes.len() + 8192];
    if let Ok(file) = Job::default().write_image(&image, &mut into) {
        assert!(Job::parse(file).is_ok());
    }
}
