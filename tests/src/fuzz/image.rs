//! Images at rest.

use mainspring::task::{Image, job::Job};

/// An image that is taken must lend its views, and be written as XML and, where that can be said, as a .JOB file.
pub fn image(bytes: &[u8]) {
    let Ok(image) = Image::parse(bytes) else { return };
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
