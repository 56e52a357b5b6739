//! As whom actions run.

use std::{ffi::CString, io, os::unix::process::CommandExt, path::PathBuf, process::Command, sync::Arc};

use mainspring::status::Status;
use rustix::{
    fs::Mode,
    process::{Gid, Resource, Rlimit, Uid},
};

/// Why actions cannot run as a user.
#[derive(Debug)]
pub enum UserError {
    /// There is no such user.
    Unknown {
        /// The name.
        name: String,
    },
    /// The server is not root, and so can run actions as its own user only.
    NotRoot {
        /// The user that was asked for.
        name: String,
    },
    /// The server is root, and no Unix user stands for whom something should run as.
    Nobody,
    /// The users could not be read.
    Io(io::Error),
}

impl std::fmt::Display for UserError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown { name } => write!(f, "there is no user {name}"),
            Self::NotRoot { name } => write!(f, "only root can run actions as another user ({name})"),
            Self::Nobody => f.write_str("no Unix user stands for it, and nothing runs as root that does not say so"),
            Self::Io(error) => write!(f, "users cannot be read: {error}"),
        }
    }
}

impl std::error::Error for UserError {}

/// A user, with all that a process of that user has.
#[derive(Debug, Clone)]
pub struct Credentials {
    name: String,
    home: PathBuf,
    shell: PathBuf,
    uid: Uid,
    gid: Gid,
    groups: Arc<[Gid]>,
    /// Whether they are those of the server itself, so that there is nothing to change.
    own: bool,
}

impl Credentials {
    /// Those of the server itself.
    ///
    /// # Errors
    /// [`UserError::Io`] if users cannot be read; a user who is not in the list at all is served.
    pub fn own() -> Result<Self, UserError> {
        let uid = rustix::process::geteuid();
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid.as_raw())).map_err(io_error)?;
        let (name, home, shell) = match user {
            Some(user) => (user.name, user.dir, user.shell),
            None => (uid.as_raw().to_string(), "/".into(), "/bin/sh".into()),
        };
        let gid = rustix::process::getegid();
        Ok(Self { name, home, shell, uid, gid, groups: Arc::new([]), own: true })
    }

    /// Those of the user called `name`.
    ///
    /// # Errors
    /// [`UserError`] if there is no such user, or if the server cannot become that user.
    pub fn of(name: &str) -> Result<Self, UserError> {
        let user = nix::unistd::User::from_name(name).map_err(io_error)?;
        let user = user.ok_or_else(|| UserError::Unknown { name: name.to_owned() })?;
        let own = rustix::process::geteuid();
        if user.uid.as_raw() == own.as_raw() {
            return Self::own();
        }
        if !own.is_root() {
            return Err(UserError::NotRoot { name: name.to_owned() });
        }
        let c_name = CString::new(name).map_err(|error| UserError::Io(error.into()))?;
        let groups = nix::unistd::getgrouplist(&c_name, user.gid).map_err(io_error)?;
        Ok(Self {
            name: user.name,
            home: user.dir,
            shell: user.shell,
            uid: Uid::from_raw(user.uid.as_raw()),
            gid: Gid::from_raw(user.gid.as_raw()),
            groups: groups.into_iter().map(|group| Gid::from_raw(group.as_raw())).collect(),
            own: false,
        })
    }

    /// The user's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether they are the server's own.
    pub(super) const fn are_own(&self) -> bool {
        self.own
    }

    /// The user's number.
    #[must_use]
    pub const fn uid(&self) -> u32 {
        self.uid.as_raw()
    }

    /// Makes a command run as this user, in `directory`, so limited.
    pub(super) fn put_on(&self, command: &mut Command, directory: &str, limits: Limits) -> Result<(), Status> {
        command.env("USER", &self.name).env("LOGNAME", &self.name).env("HOME", &self.home).env("SHELL", &self.shell);
        let Limits { files, no_new_privileges } = limits;
        let limit = move || -> io::Result<()> {
            if let Some(files) = files {
                rustix::process::setrlimit(Resource::Nofile, files)?;
            }
            if no_new_privileges {
                rustix::thread::set_no_new_privs(true)?;
            }
            Ok(())
        };
        if self.own {
            command.current_dir(directory).process_group(0);
            // SAFETY: as below.
            #[allow(unsafe_code)]
            unsafe {
                command.pre_exec(limit);
            }
            return Ok(());
        }
        let directory = CString::new(directory).map_err(|_| Status::E_INVALIDARG)?;
        let Self { uid, gid, groups, .. } = self.clone();
        // std can set the user and the group, but not the user's further groups, and after it has set the user nobody
        // may set them any more. So all of it is done here, the working directory last, with the user's own rights.
        let become_user = move || -> io::Result<()> {
            // Nobody has the server's terminal, and no leader of a session leaves its process group.
            rustix::process::setsid()?;
            limit()?;
            rustix::thread::set_thread_groups(&groups)?;
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
            rustix::process::umask(UMASK);
            rustix::process::chdir(directory.as_c_str())?;
            Ok(())
        };
        // SAFETY: between fork and exec only functions may be called that a signal handler may call. These are
        // bare system calls: rustix goes to the kernel directly, and nothing here allocates, locks or panics. In the
        // child there is one thread, so its credentials are those of the process.
        #[allow(unsafe_code)]
        unsafe {
            command.pre_exec(become_user);
        }
        Ok(())
    }
}

/// How an action is limited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Its limit of open files, if that is another than the server's.
    pub(super) files: Option<Rlimit>,
    /// Whether nothing that it starts gains rights by being started, such as `sudo`.
    pub(super) no_new_privileges: bool,
}

/// The mask for new files of who is another user than the server.
const UMASK: Mode = Mode::WGRP.union(Mode::WOTH);

fn io_error(error: nix::errno::Errno) -> UserError {
    UserError::Io(error.into())
}
