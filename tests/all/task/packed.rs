//! The image as it is kept: the packing is pinned, gives back every image in the memory that it names, and no bytes make it
//! panic.

use mainspring::task::{Action, Definition, Exec, Image, ImageError, RegistrationInfo};
use mainspring_tests::{chance::Chance, damage};

use super::image::{everything, hex};

/// An image with that description.
fn described(description: &str) -> Vec<u8> {
    let exec = Exec { command: "c", arguments: None, working_directory: None, opaque: None };
    let definition = Definition {
        registration: RegistrationInfo { description: Some(description), ..RegistrationInfo::default() },
        actions: &[Action::Exec { id: None, exec }],
        ..Definition::default()
    };
    let mut buffer = vec![0; description.len() + 64];
    Image::encode(&definition, &mut buffer).unwrap().bytes().to_vec()
}

/// What is kept of an image, and in how many bytes it must be unpacked.
fn packed(image: &[u8]) -> (Vec<u8>, usize) {
    let mut into = vec![0; image.len()];
    let packed = Image::parse(image).unwrap().pack(&mut into);
    (packed.bytes.to_vec(), packed.room)
}

/// What a record says, in so many bytes of memory that was used before.
fn unpacked(record: &[u8], room: usize) -> Result<Vec<u8>, ImageError> {
    let mut memory = vec![1; room];
    memory[..record.len()].copy_from_slice(record);
    Image::unpack(&mut memory, record.len()).map(|image| image.bytes().to_vec())
}

fn assert_survives(image: &[u8]) -> usize {
    let (record, room) = packed(image);
    assert!(record.len() <= image.len() && room >= image.len());
    assert_eq!(unpacked(&record, room).as_deref(), Ok(image), "{}", hex(&record));
    assert_eq!(unpacked(&record, room + 100).as_deref(), Ok(image));
    record.len()
}

/// Text of that kind: phrases of the dictionary, repetitions near and far, and noise.
fn text(chance: &mut Chance, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        match chance.below(5) {
            0 => text += [r"C:\Windows\System32\", "(A;;FA;;;SY)", "<Select Path=", "exe"][chance.below(4) as usize],
            1 => (0..chance.below(40)).for_each(|_| text.push((b'0' + chance.below(70) as u8).into())),
            2 if !text.is_empty() => {
                let from = chance.below(text.len() as u64) as usize;
                let until = text.len().min(from + chance.below(700) as usize);
                let again = text[from..until].to_owned();
                text += &again;
            }
            3 => text += &["a", "ab", "abc"][chance.below(3) as usize].repeat(chance.below(400) as usize),
            _ => text.push('\t'),
        }
    }
    text
}

#[test]
fn the_packing_is_pinned() {
    // A copy from the dictionary, one from before that overlaps itself, a long one of 34 + 255 + 42, and bytes as they are.
    let image = described(&format!("{}qz{}!", r"C:\Windows\System32\", "#".repeat(332)));
    let (record, room) = packed(&image);
    assert_eq!(hex(&record), "0181480002a105790163138928717a2312fcff2a2150086163");
    assert_eq!(room, image.len());
    assert_eq!(unpacked(&record, room).as_deref(), Ok(&image[..]));
}

/// A packing that says something else, if only by a bit, is not taken for the one that is pinned.
#[test]
fn canary_another_packing_is_noticed() {
    let image = described(&format!("{}qz{}!", r"C:\Windows\System32\", "#".repeat(332)));
    let (record, room) = packed(&image);
    let (mut same, mut other) = (0, 0);
    damage::flipped(&record, |record| match unpacked(record, room) {
        Ok(read) if read == image => same += 1,
        _ => other += 1,
    });
    assert_eq!((same, other), (0, 8 * record.len()));
}

#[test]
fn every_image_survives() {
    everything(|definition| {
        let mut buffer = [0; 2048];
        let image = Image::encode(definition, &mut buffer).unwrap().bytes().to_vec();
        assert_survives(&image);
    });
    let mut chance = Chance::new(4);
    let (mut all, mut kept) = (0, 0);
    for round in 0..3000 {
        let length = chance.below(if round % 100 == 0 { 70_000 } else { 1_500 }) as usize;
        let image = described(&text(&mut chance, length));
        all += image.len();
        kept += assert_survives(&image);
    }
    println!("{all} bytes of images, {kept} kept");
    assert!(2 * kept < all);
}

#[test]
fn what_is_not_shorter_stays_as_it_is() {
    let image = described("qjxzkvwyqh");
    let (record, room) = packed(&image);
    assert_eq!((record.as_slice(), room), (image.as_slice(), image.len()));
    assert_eq!(unpacked(&record, room).as_deref(), Ok(&image[..]));
    // And so does what there is no room for.
    let image = described(&"long and longer ".repeat(20));
    let needed = packed(&image).0.len();
    for size in 0..=needed {
        let mut into = vec![0; size];
        let packed = Image::parse(&image).unwrap().pack(&mut into);
        assert_eq!(packed.bytes.len(), if size < needed { image.len() } else { needed });
    }
}

#[test]
fn hostile_records_never_panic() {
    let image = described(&text(&mut Chance::new(9), 400));
    let (record, room) = packed(&image);
    damage::cut(&record, |record| assert!(unpacked(record, room).is_err(), "cut at {}", record.len()));
    for less in 1..=room {
        // In less memory than there must be, it says so; nothing that is still to be read is overwritten.
        let mut memory = vec![0; room - less];
        let length = record.len().min(memory.len());
        memory[..length].copy_from_slice(&record[..length]);
        assert!(Image::unpack(&mut memory, record.len()).is_err());
    }
    let (mut accepted, mut refused) = (0, 0);
    damage::flipped(&record, |record| match unpacked(record, 4096) {
        Ok(_) => accepted += 1,
        Err(_) => refused += 1,
    });
    println!("one bit flipped: {accepted} still images, {refused} refused");
    assert!(accepted > 0 && refused > accepted / 4);
    let mut chance = Chance::new(10);
    for _ in 0..20_000 {
        let noise: Vec<u8> = std::iter::once(1).chain((0..chance.below(60)).map(|_| chance.below(256) as u8)).collect();
        let _ = unpacked(&noise, 4096);
    }
    // Copies from before the beginning, from beyond the dictionary's end, and one that says it is endless.
    for copy in [[0xFF, 0x07].as_slice(), &[0x11, 0xFC, 200], &[&[0, 0xF8][..], &[0xFF; 90]].concat(), &[0]] {
        let record = [&[1, 1][..], copy].concat();
        assert!(matches!(unpacked(&record, 4096), Err(ImageError::Unreadable { .. })), "{copy:?}");
    }
    for packing in [0, 2, 3, 0x7F] {
        let mut other = record.clone();
        other[0] = packing;
        assert!(unpacked(&other, room).is_err(), "packing {packing}");
    }
}

/// Where the steps back are used up, there is still the dictionary.
#[test]
fn a_long_image_without_repetition_survives() {
    let mut chance = Chance::new(11);
    let noise: String = (0..1_000_000).map(|_| char::from(b'!' + chance.below(90) as u8)).collect();
    assert_survives(&described(&noise));
    let phrases = r"C:\Windows\System32\ ".repeat(50_000);
    let image = described(&(noise + &phrases));
    assert!(assert_survives(&image) < image.len() * 2 / 3);
}
