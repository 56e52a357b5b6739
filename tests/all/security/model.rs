//! Descriptors as a test draws them, and their bytes, with no code of the core.

use mainspring_tests::chance::Chance;

/// Somebody: the authority, and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Who(pub u8, pub Vec<u32>);

impl Who {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![1, u8::try_from(self.1.len()).unwrap(), 0, 0, 0, 0, 0, self.0];
        bytes.extend(self.1.iter().flat_map(|part| part.to_le_bytes()));
        bytes
    }

    pub(super) fn sid(&self) -> mainspring::sid::Sid {
        mainspring::sid::Sid::new([0, 0, 0, 0, 0, self.0], &self.1).unwrap()
    }
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub kind: u8,
    pub flags: u8,
    pub mask: u32,
    /// What an object kind is about, and what inherits it.
    pub guids: [Option<[u8; 16]>; 2],
    pub who: Who,
    /// What follows, of a multiple of four bytes.
    pub data: Vec<u8>,
}

impl Entry {
    pub(super) fn new(kind: u8, flags: u8, mask: u32, who: Who) -> Self {
        Self { kind, flags, mask, guids: [None; 2], who, data: Vec::new() }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self.kind, 5..=8 | 0x0B | 0x0C | 0x0F | 0x10)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut body = self.mask.to_le_bytes().to_vec();
        if self.is_object() {
            let present = u32::from(self.guids[0].is_some()) + 2 * u32::from(self.guids[1].is_some());
            body.extend(present.to_le_bytes());
            self.guids.iter().flatten().for_each(|guid| body.extend(guid));
        }
        body.extend(self.who.bytes());
        body.extend(&self.data);
        let [low, high] = u16::try_from(4 + body.len()).unwrap().to_le_bytes();
        [vec![self.kind, self.flags, low, high], body].concat()
    }
}

/// A descriptor.
#[derive(Debug, Clone, Default)]
pub(super) struct Whole {
    pub control: u16,
    pub owner: Option<Who>,
    pub group: Option<Who>,
    pub sacl: Option<Vec<Entry>>,
    pub dacl: Option<Vec<Entry>>,
}

/// The bytes of a list.
pub(super) fn list(entries: &[Entry]) -> Vec<u8> {
    let body: Vec<u8> = entries.iter().flat_map(Entry::bytes).collect();
    let [size_low, size_high] = u16::try_from(8 + body.len()).unwrap_or(u16::MAX).to_le_bytes();
    let [count_low, count_high] = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let revision = if entries.iter().any(Entry::is_object) { 4 } else { 2 };
    [vec![revision, 0, size_low, size_high, count_low, count_high, 0, 0], body].concat()
}

impl Whole {
    /// Self-relative, laid out as the core lays it out.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let parts = [
            self.owner.as_ref().map(Who::bytes),
            self.group.as_ref().map(Who::bytes),
            self.sacl.as_deref().map(list),
            self.dacl.as_deref().map(list),
        ];
        let mut header = vec![1, 0];
        header.extend((self.control | 0x8000).to_le_bytes());
        let mut body = Vec::new();
        for part in parts {
            let at = if part.is_some() { 20 + body.len() } else { 0 };
            header.extend(u32::try_from(at).unwrap().to_le_bytes());
            body.extend(part.unwrap_or_default());
        }
        [header, body].concat()
    }
}

/// People and groups that tests are about.
pub(super) fn somebody(chance: &mut Chance) -> Who {
    match chance.below(8) {
        0 => Who(1, vec![0]),
        1 => Who(5, vec![11]),
        2 => Who(5, vec![32, 544]),
        3 => Who(5, vec![18]),
        4 => Who(3, vec![4]),
        _ => Who(5, vec![21, 1, 2, 3, 1000 + u32::try_from(chance.below(3)).unwrap()]),
    }
}

/// Some rights: often few, sometimes generic ones.
pub(super) fn rights(chance: &mut Chance) -> u32 {
    let drawn = u32::try_from(chance.draw() >> 32).unwrap();
    let more = u32::try_from(chance.draw() >> 32).unwrap();
    match chance.below(6) {
        0 => 0x001F_01FF,
        1 => 0x0012_0089,
        2 => drawn & 0xF000_0000,
        3 => drawn & more & 0x001F_01FF,
        4 => drawn & more & 0xF01F_01FF,
        _ => 1 << (drawn % 21),
    }
}
