//! What the host of the emulator lends: files, arguments, the time of day. A real board has none of this; each use says what
//! stands in its place there.

use cortex_m_semihosting::{nr, syscall1};

/// Ends the emulator with a status; the crate has no name for it.
const EXIT_EXTENDED: usize = 0x20;
/// The application ends by itself, which is the one reason that has an exit status.
const APPLICATION_EXIT: usize = 0x2_0026;

/// One of the system calls, with its block of arguments.
fn call(number: usize, block: &[usize]) -> usize {
    // SAFETY: the host reads what the block says, and writes where it says; callers lend both for this long.
    unsafe { syscall1(number, block.as_ptr() as usize) }
}

/// Seconds since 1970.
pub(crate) fn time() -> u32 {
    call(nr::TIME, &[]) as u32
}

/// Ends the emulator.
pub(crate) fn exit(status: u8) -> ! {
    loop {
        call(EXIT_EXTENDED, &[APPLICATION_EXIT, status.into()]);
    }
}

/// The words that the emulator was given for the firmware.
pub(crate) struct Arguments {
    bytes: [u8; 256],
    length: usize,
}

impl Arguments {
    /// Asks for them; none if they are longer than is taken.
    pub(crate) fn read() -> Self {
        let mut bytes = [0; 256];
        let mut block = [bytes.as_mut_ptr() as usize, bytes.len()];
        // SAFETY: the host writes into the bytes, no more than there are, and their length into the block.
        let failed = unsafe { syscall1(nr::GET_CMDLINE, block.as_mut_ptr() as usize) } != 0;
        let length = if failed { 0 } else { block[1].min(bytes.len()) };
        Self { bytes, length }
    }

    /// What follows `name=` in one of the words.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let line = core::str::from_utf8(self.bytes.get(..self.length)?).ok()?;
        let mut words = line.split([' ', '\0']);
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// The number that follows `name=`.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.value(name)?.parse().ok()
    }
}

/// A file of the host.
pub(crate) struct File(usize);

/// The host could not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, defmt::Format)]
pub(crate) struct HostError;

impl File {
    fn open_as(name: &str, mode: usize) -> Result<Self, HostError> {
        let mut path = [0_u8; 128];
        // The name must end with a zero, which its length does not count.
        path.get_mut(..name.len()).filter(|_| name.len() < 128).ok_or(HostError)?.copy_from_slice(name.as_bytes());
        match call(nr::OPEN, &[path.as_ptr() as usize, mode, name.len()]) {
            usize::MAX => Err(HostError),
            handle => Ok(Self(handle)),
        }
    }

    /// Opens a file to be read.
    pub(crate) fn open(name: &str) -> Result<Self, HostError> {
        Self::open_as(name, nr::open::R_BINARY)
    }

    /// Opens a file to be read and written.
    pub(crate) fn open_to_write(name: &str) -> Result<Self, HostError> {
        Self::open_as(name, nr::open::RW_BINARY)
    }

    /// Makes a file, or makes it empty.
    pub(crate) fn create(name: &str) -> Result<Self, HostError> {
        Self::open_as(name, nr::open::RW_TRUNC_BINARY)
    }

    pub(crate) fn length(&self) -> usize {
        call(nr::FLEN, &[self.0])
    }

    /// Fills `into` from the place in the file.
    pub(crate) fn read_at(&self, place: usize, into: &mut [u8]) -> Result<(), HostError> {
        self.seek(place)?;
        self.read(into)
    }

    /// Fills `into` from where the file is.
    pub(crate) fn read(&self, into: &mut [u8]) -> Result<(), HostError> {
        let left = call(nr::READ, &[self.0, into.as_mut_ptr() as usize, into.len()]);
        if left == 0 { Ok(()) } else { Err(HostError) }
    }

    /// Writes `bytes` to the place in the file.
    pub(crate) fn write_at(&self, place: usize, bytes: &[u8]) -> Result<(), HostError> {
        self.seek(place)?;
        let left = call(nr::WRITE, &[self.0, bytes.as_ptr() as usize, bytes.len()]);
        if left == 0 { Ok(()) } else { Err(HostError) }
    }

    fn seek(&self, place: usize) -> Result<(), HostError> {
        if call(nr::SEEK, &[self.0, place]) == 0 { Ok(()) } else { Err(HostError) }
    }
}
