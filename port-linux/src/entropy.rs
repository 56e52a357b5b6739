//! Random bytes from the kernel.

use mainspring::ports::{Entropy, NoEntropy};
use rustix::rand::{GetRandomFlags, getrandom};

/// The kernel's generator, as `getrandom` gives it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kernel;

impl Entropy for Kernel {
    /// Never blocks: a kernel whose generator is not seeded yet, seconds after power-up, makes it fail.
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match getrandom(rest, GetRandomFlags::NONBLOCK) {
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Err(NoEntropy),
            }
        }
        Ok(())
    }
}
