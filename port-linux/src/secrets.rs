//! What is kept of passwords, sealed: the [credential store](mainspring::credentials) on Linux.
//!
//! The records hold, for each account that tasks run as with a password, its NT hash sealed with XChaCha20-Poly1305: with the SID of
//! the account as associated data, and a nonce of 24 bytes that is drawn from the kernel for each. Whoever has the records alone
//! learns nothing from them; whoever has the key too has the hashes, as has who reads the file `accounts`.
//!
//! # The key
//!
//! 32 bytes, from the first of these that there is:
//! - the systemd credential `mainspring-key`: the file of that name in the folder that `$CREDENTIALS_DIRECTORY` names. It may be
//!   encrypted for this machine, by its TPM among others:
//!   `head -c 32 /dev/urandom | systemd-creds encrypt --name=mainspring-key - /etc/credstore.encrypted/mainspring-key`,
//!   and `ImportCredential=mainspring-key` in the unit;
//! - the file `key` in the data folder, made when the first secret is to be sealed. It belongs to the user of the server, has mode
//!   0600, and is refused if anybody else may read or write it.
//!
//! # Backup, and loss
//!
//! A backup of the data folder that has `key` in it has all that is needed to open what `records` holds, and is as secret as the
//! passwords. One without it is not: restored, or if the key is lost or another, what was sealed does not open. Tasks with
//! the logon type Password then do not start, and their result is ERROR_LOGON_FAILURE (0x8007052E); everything else goes on. To mend
//! that, register them again with the password: one of each account is enough. A key that is lost is made anew then; one that
//! is refused is not, and the log says what to do about it.

use std::{
    env,
    fmt::{self, Display, Formatter},
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use chacha20poly1305::{AeadInOut, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use mainspring::{
    bytes::Writer,
    ports::{Entropy, SEALED_MAX, Secrets, Unsealed},
    sid::{SUB_AUTHORITIES_MAX, Sid},
};
use zeroize::Zeroizing;

use crate::{entropy::Kernel, folder::Folder};

/// Bytes of the key.
const KEY: usize = 32;

/// Name of the key in the data folder.
const FILE: &str = "key";

/// Name of the key among the credentials that systemd passes.
const CREDENTIAL: &str = "mainspring-key";

/// Bits of the mode that let somebody other than the owner read or write.
const OPEN_TO_OTHERS: u32 = 0o077;

/// The first byte of what is sealed: how.
const FORM: u8 = 1;

const NONCE: usize = 24;
const SECRET: usize = 16;
const TAG: usize = 16;
const SEALED: usize = 1 + NONCE + SECRET + TAG;
const _: () = assert!(SEALED <= SEALED_MAX);

/// What is sealed is sealed for, before the SID: nothing else that this key may come to seal opens as a credential.
const PURPOSE: &[u8] = b"mainspring credential";

/// Why there is no key.
#[derive(Debug)]
pub enum KeyError {
    /// There is none.
    Missing {
        /// The file that it would be in.
        file: PathBuf,
    },
    /// Somebody other than its owner may read or write it.
    Open {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    Foreign {
        /// The file.
        file: PathBuf,
        /// User id of its owner.
        owner: u32,
    },
    /// It is not of 32 bytes.
    Length {
        /// The file.
        file: PathBuf,
    },
    /// The kernel has no random bytes to make one of.
    NoEntropy,
    /// It could not be read or made.
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Display for KeyError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { file } => write!(f, "key of the secrets is missing: {}", file.display()),
            Self::Open { file, mode } => {
                write!(f, "key of the secrets is open to others (mode {mode:04o}, expected 0600): {}", file.display())
            }
            Self::Foreign { file, owner } => {
                write!(f, "key of the secrets belongs to another user (id {owner}): {}", file.display())
            }
            Self::Length { file } => write!(f, "key of the secrets is not of {KEY} bytes: {}", file.display()),
            Self::NoEntropy => f.write_str("kernel has no random bytes for a key"),
            Self::Io { file, error } => {
                write!(f, "key of the secrets cannot be read or made: {}: {error}", file.display())
            }
        }
    }
}

impl std::error::Error for KeyError {}

/// Seals secrets with the key of the data folder or of systemd. What it says of itself has nothing of the key.
pub struct SealedSecrets {
    /// The key that systemd passes, if it does.
    passed: Option<PathBuf>,
    /// The one in the data folder.
    file: PathBuf,
    cipher: Option<XChaCha20Poly1305>,
    /// What was told last of a key that is not to be had.
    told: String,
}

impl fmt::Debug for SealedSecrets {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecrets").field("passed", &self.passed).field("file", &self.file).finish_non_exhaustive()
    }
}

impl SealedSecrets {
    /// With the key of systemd, or of a data folder; neither need be there yet. One that is there and cannot be used is told in
    /// the log, and so is each new reason later.
    #[must_use]
    pub fn open(folder: &Folder) -> Self {
        Self::with(folder, env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).as_deref())
    }

    /// The same with the folder in which systemd passes credentials.
    #[must_use]
    pub fn with(folder: &Folder, credentials: Option<&Path>) -> Self {
        let passed = credentials.map(|folder| folder.join(CREDENTIAL)).filter(|file| file.exists());
        let mut secrets = Self { passed, file: folder.file(FILE), cipher: None, told: String::new() };
        if secrets.passed.is_some() || secrets.file.exists() {
            let _ = secrets.cipher(false);
        }
        secrets
    }

    /// Reads the key, or makes one if there is none and it is to be.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn key(&self, make: bool) -> Result<Zeroizing<[u8; KEY]>, KeyError> {
        if let Some(file) = &self.passed {
            // Who may read what systemd passes is for systemd to see to, which does it with an access control list.
            return read(file, false);
        }
        match read(&self.file, true) {
            Err(KeyError::Missing { .. }) if make => self.make(),
            key => key,
        }
    }

    /// Makes a key. It is durable when this returns, and a cut leaves a whole one or none.
    fn make(&self) -> Result<Zeroizing<[u8; KEY]>, KeyError> {
        let mut key = Zeroizing::new([0; KEY]);
        Kernel.fill(&mut *key).map_err(|_| KeyError::NoEntropy)?;
        let failed = |error| KeyError::Io { file: self.file.clone(), error };
        let unfinished = self.file.with_extension("new");
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished).map_err(failed)?;
        new.write_all(&*key).and_then(|()| new.sync_all()).map_err(failed)?;
        fs::rename(&unfinished, &self.file).map_err(failed)?;
        let folder = self.file.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        tracing::info!(key = %self.file.display(), "made the key of the secrets");
        Ok(key)
    }

    fn cipher(&mut self, make: bool) -> Result<&XChaCha20Poly1305, Unsealed> {
        if self.cipher.is_none() {
            match self.key(make) {
                Ok(key) => self.cipher = Some(XChaCha20Poly1305::new((&*key).into())),
                Err(error) => {
                    let told = error.to_string();
                    if told != self.told {
                        tracing::error!(%error, "tasks with a kept password will not start, and none is kept");
                        self.told = told;
                    }
                }
            }
        }
        self.cipher.as_ref().ok_or(Unsealed::Unavailable)
    }
}

/// Reads a key; a `private` one must be its owner's alone.
fn read(file: &Path, private: bool) -> Result<Zeroizing<[u8; KEY]>, KeyError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => KeyError::Missing { file: file.to_owned() },
        _ => KeyError::Io { file: file.to_owned(), error },
    };
    let mut opened = File::open(file).map_err(failed)?;
    // What was opened is judged, not what the path names by now.
    let metadata = opened.metadata().map_err(failed)?;
    if private && metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(KeyError::Foreign { file: file.to_owned(), owner: metadata.uid() });
    }
    if private && metadata.mode() & OPEN_TO_OTHERS != 0 {
        return Err(KeyError::Open { file: file.to_owned(), mode: metadata.mode() & 0o7777 });
    }
    let mut key = Zeroizing::new([0; KEY]);
    if metadata.len() != KEY as u64 {
        return Err(KeyError::Length { file: file.to_owned() });
    }
    opened.read_exact(&mut *key).map_err(failed)?;
    Ok(key)
}

/// What a secret is sealed for.
fn purpose(account: &Sid, into: &mut [u8; PURPOSE.len() + 8 + 4 * SUB_AUTHORITIES_MAX]) -> usize {
    let mut writer = Writer::new(into);
    // There is room for the longest.
    let _ = writer.put(PURPOSE).and_then(|()| account.write(&mut writer));
    writer.position()
}

impl Secrets for SealedSecrets {
    fn seal(&mut self, account: &Sid, secret: &[u8; 16], into: &mut [u8; SEALED_MAX]) -> Result<usize, Unsealed> {
        let cipher = self.cipher(true)?;
        let mut nonce = [0; NONCE];
        Kernel.fill(&mut nonce).map_err(|_| Unsealed::Unavailable)?;
        let mut room = [0; PURPOSE.len() + 8 + 4 * SUB_AUTHORITIES_MAX];
        let length = purpose(account, &mut room);
        let aad = room.get(..length).unwrap_or_default();
        let mut sealed = Zeroizing::new(*secret);
        let tag = cipher
            .encrypt_inout_detached(&XNonce::from(nonce), aad, sealed.as_mut_slice().into())
            .map_err(|_| Unsealed::Unavailable)?;
        let mut writer = Writer::new(into);
        writer
            .u8(FORM)
            .and_then(|()| writer.put(&nonce))
            .and_then(|()| writer.put(&*sealed))
            .and_then(|()| writer.put(&tag))
            .map_err(|_| Unsealed::Unavailable)?;
        Ok(writer.position())
    }

    fn open(&mut self, account: &Sid, sealed: &[u8], secret: &mut [u8; 16]) -> Result<(), Unsealed> {
        let cipher = self.cipher(false)?;
        let sealed: &[u8; SEALED] = sealed.try_into().map_err(|_| Unsealed::Forged)?;
        let (form, rest) = sealed.split_first().ok_or(Unsealed::Forged)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(Unsealed::Forged)?;
        let (hidden, tag) = rest.split_first_chunk::<SECRET>().ok_or(Unsealed::Forged)?;
        let tag = Tag::try_from(tag).map_err(|_| Unsealed::Forged)?;
        if *form != FORM {
            return Err(Unsealed::Forged);
        }
        let mut room = [0; PURPOSE.len() + 8 + 4 * SUB_AUTHORITIES_MAX];
        let length = purpose(account, &mut room);
        let aad = room.get(..length).unwrap_or_default();
        *secret = *hidden;
        cipher
            .decrypt_inout_detached(&XNonce::from(*nonce), aad, secret.as_mut_slice().into(), &tag)
            .map_err(|_| Unsealed::Forged)
    }
}
