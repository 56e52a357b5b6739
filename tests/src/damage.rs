//! What becomes of bytes on their way, or at rest: nothing that reads them may panic.

/// Shows every truncation.
pub fn cut(bytes: &[u8], mut look: impl FnMut(&[u8])) {
    (0..bytes.len()).filter_map(|end| bytes.get(..end)).for_each(&mut look);
}

/// Shows the bytes with each of their bits flipped, one at a time.
pub fn flipped(bytes: &[u8], mut look: impl FnMut(&[u8])) {
    let mut damaged = bytes.to_vec();
    for at in 0..damaged.len() {
        for bit in 0..8 {
            damaged[at] ^= 1 << bit;
            look(&damaged);
            damaged[at] ^= 1 << bit;
        }
    }
}
