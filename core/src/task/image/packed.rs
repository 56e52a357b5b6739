//! An image as it is kept: packed, because what is usual in tasks need not stand in every record.
//!
//! # Packing 1
//!
//! ```text
//! packed = 1, * (flags, 8 item)    ; where the packed bytes end, the last flags have fewer items, and zeros for the others
//! flags  = a byte, the lowest bit for the first item: 1 for a copy, 0 for a byte
//! item   = a byte that stands for itself / copy
//! copy   = two bytes, the lower first: place + 2048 * (length - 3). A length of 34 and more has 31 there, and what it has
//!          beyond 34 in further bytes, of which all but the last are 255
//! place  = a place in the dictionary / the length of the dictionary, and how far back the copy begins, less one
//! ```
//!
//! An image begins with a map, which no packing does. Bytes that begin with one are an image as it is: packing would not
//! have made it shorter.
//!
//! It is unpacked where it is. Its bytes move to the end of the memory, and what they say is written from the front; in
//! memory of [`Packed::room`] bytes the writing never comes to what is still to be read.

use super::{Image, ImageError};

/// The packing that is written, and the only one that is read.
const PACKING: u8 = 1;

/// What copies may begin with before there is anything else: shapes of images, and phrases of tasks that people, installers
/// and Windows make.
///
/// It is part of the packing: nothing in it may ever change. Another dictionary is another packing.
const DICTIONARY: &[u8] = b"\
    \x03\x81\xa2\x00\n\x02\x83\x05\x18 \x19\x02!\x04\
    \x03\x81\xa3\x00\x07\x01\x86\x05\x15\x01\x04\x02\x05\x01\x04\xa3\x00\x18\
    \x08\x82\x00\x01\x06\x06\x81\xa2\x00\x05\x09x\
    \xa8\x00\x01\x01\x03\x02\xa3\x01x\x03\x81\xa3\x00\x08\x01\x82\x05\x12\x05\x01\x04\xa2\x00\x18\
    \x07\x07\x08\x81\xa3\x00\x01\x03\rP\
    \x07\x08\x08\x81\xa1\x02x\
    GoogleUpdaterTaskMachineMaintenance Device Synchronization Policy Management Client Network\
    /usr/local/bin/\
    \\AppData\\Local\\Temp\\C:\\Users\\C:\\ProgramData\\C:\\Program Files (x86)\\\
    cmd.exe /c start C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe \
    -NoProfile -ExecutionPolicy Bypass -WindowStyle Hidden -Command \"& '-File \".ps1\
    -2022-10-16T2019-08-2020-09-05T2010-08:00.0000000Z\
    <WnfStateChangeTrigger><Enabled>false</Enabled><StateName>7508BCA3</StateName><Data>01</Data></WnfStateChangeTrigger>\
    <QueryList><Query Id=\"0\" Path=\"Security\"><Select Path=\"System\">*[System[Provider[@Name='Microsoft-Windows-\
    /Operational'] and EventID=10]]</Select></Query></QueryList>\
    D:P(D:AI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;GR;;;AU)(A;;FRFX;;;LS)(A;;GA;;;BA)(A;;GA;;;SY)(A;ID;0x1f019f;;;\
    D:(A;;FA;;;BA)(A;;FA;;;SY)(A;;FR;;;S-1-5-80-S-1-5-21-\
    $(@%ProgramFiles%\\$(@%SystemRoot%\\System32\\%systemroot%\\system32\\svchost.exe,-1\
    .dll,-100)$(@%windir%\\system32\\.exe\
    \\Microsoft\\Windows\\";

// A change by accident does not compile.
const _: () = {
    let (mut sum, mut rest) = (0_u32, DICTIONARY);
    while let Some((&byte, others)) = rest.split_first() {
        sum = sum.wrapping_mul(31).wrapping_add(byte as u32);
        rest = others;
    }
    assert!(sum == 0x865B_ACD1 && DICTIONARY.len() == 1042);
};

/// Places of copies, those in the dictionary and those back.
const PLACES: usize = 1 << 11;
/// How far back a copy may begin.
const BACK: usize = PLACES - DICTIONARY.len();
/// The shortest copy.
const SHORTEST: usize = 3;
/// The length that further bytes add to.
const LONG: usize = SHORTEST + (1 << 5) - 1;

/// Where the dictionary is worth looking at: for each hash of three bytes the last place that has it, and for each place the
/// one before it with the same hash. A place that is no place ends the chain.
struct Index {
    last: [u16; 256],
    before: [u16; DICTIONARY.len()],
}

static INDEX: Index = {
    let mut index = Index { last: [u16::MAX; 256], before: [u16::MAX; DICTIONARY.len()] };
    let mut place = 0;
    while let Some(rest) = DICTIONARY.split_at_checked(place)
        && let Some(three) = rest.1.first_chunk()
    {
        let hash = hash(three) as usize;
        index.before[place] = index.last[hash];
        index.last[hash] = place as u16;
        place += 1;
    }
    index
};

const fn hash(three: &[u8; SHORTEST]) -> u8 {
    let [first, second, third] = *three;
    first.wrapping_mul(29) ^ second.wrapping_mul(101) ^ third.rotate_left(3)
}

/// What is kept of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed<'p> {
    /// The bytes of the record.
    pub bytes: &'p [u8],
    /// Bytes of memory in which it can be unpacked.
    pub room: usize,
}

impl<'b> Image<'b> {
    /// What is to be kept of the image: packed to the front of `into`, or as it is if that is not longer or `into` has no room.
    pub fn pack<'p>(&self, into: &'p mut [u8]) -> Packed<'p>
    where
        'b: 'p,
    {
        let as_it_is = Packed { bytes: self.bytes, room: self.bytes.len() };
        let Some((length, room)) = pack(self.bytes, into) else { return as_it_is };
        into.get(..length).map_or(as_it_is, |bytes| Packed { bytes, room })
    }

    /// The image that is kept in the first `length` bytes of `memory`, all of which it takes.
    ///
    /// # Errors
    /// [`ImageError`] if it is none, or has no room there.
    pub fn unpack(memory: &'b mut [u8], length: usize) -> Result<Self, ImageError> {
        let unpacked = if memory.first() == Some(&PACKING) { unpack(memory, length)? } else { length };
        Self::parse(memory.get(..unpacked).ok_or(ImageError::Unreadable { at: length })?)
    }
}

/// Steps back that are looked at for one image, so that a long one without repetition holds nobody up.
const STEPS: usize = 1 << 22;

/// Packs to the front of `into`; returns how many bytes that takes, and in how many it can be unpacked. Nothing if it is no
/// shorter, or has no room.
fn pack(image: &[u8], into: &mut [u8]) -> Option<(usize, usize)> {
    let into = into.get_mut(..image.len().min(into.len()))?;
    *into.first_mut()? = PACKING;
    let (mut at, mut length, mut ahead) = (0, 1, 0);
    let (mut flags, mut bit) = (0, 8);
    let mut steps = STEPS;
    while at < image.len() {
        if bit == 8 {
            (flags, bit) = (length, 0);
            put(into, &mut length, 0)?;
        }
        if let Some((place, copied)) = longest(image, at, &mut steps) {
            *into.get_mut(flags)? |= 1 << bit;
            let word = place + (copied.min(LONG) - SHORTEST) * PLACES;
            put(into, &mut length, (word & 0xFF) as u8)?;
            put(into, &mut length, (word >> 8) as u8)?;
            let mut beyond = copied.checked_sub(LONG);
            while let Some(left) = beyond {
                put(into, &mut length, left.min(255) as u8)?;
                beyond = left.checked_sub(255);
            }
            at += copied;
        } else {
            put(into, &mut length, *image.get(at)?)?;
            at += 1;
        }
        bit += 1;
        ahead = ahead.max(at.saturating_sub(length));
    }
    Some((length, length + ahead))
}

fn put(into: &mut [u8], length: &mut usize, byte: u8) -> Option<()> {
    *into.get_mut(*length)? = byte;
    *length += 1;
    Some(())
}

/// The longest copy of what is at `at`: its place and its length. `steps` are those that may be looked back still.
fn longest(image: &[u8], at: usize, steps: &mut usize) -> Option<(usize, usize)> {
    let text = image.get(at..)?;
    let three = text.first_chunk()?;
    let mut longest = None;
    let mut consider = |place: usize, from: &[u8]| {
        let length = from.iter().zip(text).take_while(|(from, text)| from == text).count();
        if length >= SHORTEST && longest.is_none_or(|(_, longest)| length > longest) {
            longest = Some((place, length));
        }
    };
    let mut place = INDEX.last.get(usize::from(hash(three)));
    while let Some(from) = place.and_then(|&place| DICTIONARY.get(usize::from(place)..)) {
        consider(DICTIONARY.len() - from.len(), from);
        place = INDEX.before.get(DICTIONARY.len() - from.len());
    }
    let farthest = at.min(BACK).min(*steps);
    *steps -= farthest;
    for back in 1..=farthest {
        if let Some(from) = image.get(at - back..)
            && from.starts_with(three)
        {
            consider(DICTIONARY.len() + back - 1, from);
        }
    }
    longest
}

/// Unpacks the first `length` bytes of `memory`; returns how many there are then.
fn unpack(memory: &mut [u8], length: usize) -> Result<usize, ImageError> {
    let start = memory.len().checked_sub(length).ok_or(ImageError::Unreadable { at: length })?;
    memory.copy_within(..length, start);
    let mut unpacking = Unpacking { memory, start, from: start + 1, at: 0 };
    while !unpacking.is_read() {
        let flags = unpacking.take()?;
        for bit in 0..8 {
            if flags & 1 << bit != 0 {
                unpacking.copy()?;
            } else if !unpacking.is_read() {
                let byte = unpacking.take()?;
                unpacking.give(byte)?;
            }
        }
    }
    Ok(unpacking.at)
}

struct Unpacking<'m> {
    /// What is unpacked, and from `from` on what is still packed.
    memory: &'m mut [u8],
    /// Where the packed bytes began.
    start: usize,
    from: usize,
    /// How many bytes are unpacked.
    at: usize,
}

impl Unpacking<'_> {
    fn is_read(&self) -> bool {
        self.from == self.memory.len()
    }

    const fn unreadable(&self) -> ImageError {
        ImageError::Unreadable { at: self.from.saturating_sub(self.start) }
    }

    fn take(&mut self) -> Result<u8, ImageError> {
        let byte = *self.memory.get(self.from).ok_or(self.unreadable())?;
        self.from += 1;
        Ok(byte)
    }

    /// Writes a byte, if that spares what is still packed.
    fn give(&mut self, byte: u8) -> Result<(), ImageError> {
        let unreadable = self.unreadable();
        *self.memory.get_mut(..self.from).and_then(|free| free.get_mut(self.at)).ok_or(unreadable)? = byte;
        self.at += 1;
        Ok(())
    }

    fn copy(&mut self) -> Result<(), ImageError> {
        let word = usize::from(self.take()?) | usize::from(self.take()?) << 8;
        let (place, mut length) = (word % PLACES, word / PLACES + SHORTEST);
        let mut is_longer = length == LONG;
        while is_longer {
            let beyond = self.take()?;
            length = length.saturating_add(usize::from(beyond));
            is_longer = beyond == u8::MAX;
        }
        if let Some(phrase) = DICTIONARY.get(place..).filter(|_| place < DICTIONARY.len()) {
            let phrase = phrase.get(..length).ok_or(self.unreadable())?;
            return phrase.iter().try_for_each(|&byte| self.give(byte));
        }
        let back = place - DICTIONARY.len() + 1;
        for _ in 0..length {
            let from = self.at.checked_sub(back).ok_or(self.unreadable())?;
            self.give(*self.memory.get(from).ok_or(self.unreadable())?)?;
        }
        Ok(())
    }
}
