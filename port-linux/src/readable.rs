//! Waiting for a descriptor of the kernel's that is no socket.

use std::os::fd::OwnedFd;

use tokio::io::{
    Interest,
    unix::{AsyncFd, AsyncFdRegisterError},
};

/// Registers a timerfd, pidfd or inotify descriptor with the runtime, so that its becoming readable can be awaited. Must
/// be called within a tokio runtime.
pub(crate) fn readable(descriptor: OwnedFd) -> Result<AsyncFd<OwnedFd>, AsyncFdRegisterError<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open for as long as it lives and always gives the same descriptor; nothing here takes it
    // out of the `AsyncFd` or replaces it.
    #[allow(unsafe_code)]
    unsafe {
        AsyncFd::register_with_interest(descriptor, Interest::READABLE)
    }
}
