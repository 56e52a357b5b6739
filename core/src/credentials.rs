//! The credential store, [MS-TSCH] 3.2.1: what is kept of an account's password, so that its tasks can run as it.
//!
//! One store serves all interfaces. It maps the SID of an account to a secret, which is not the password but its NT hash
//! ([MS-NLMP] 3.3.1): that is all a login is checked with, and so all that is needed to find out, when a task starts, whether who
//! registered it knew the password that the account has now. The hash is sealed by the port [`Secrets`] and lies in a record
//! of the [store](crate::store). A host without secrets ([`NoSecrets`](crate::ports::NoSecrets)) keeps none, and registrations that
//! need one kept are refused.
//!
//! # Its life
//!
//! - It is put when a task is registered with the logon type Password, or InteractiveTokenOrPassword and a password, which was
//!   found to be right; and it is durable before the task is. A cut in between leaves a credential without a task, which the
//!   next start sweeps, and never a task without its credential.
//! - It goes with the last task that would run with it: one that is deleted, expires, or is registered anew for another
//!   account or with another logon type.
//! - That one is kept opens nothing to anybody: who registers or changes a task with the logon type Password shows the password each
//!   time. An administrator may register one with InteractiveTokenOrPassword for another account without it, and such a task
//!   starts with what is kept for that account's own, as it would as a token.
//!
//! # At the start of a task
//!
//! [`admit`] decides, [MS-TSCH] 3.2.5.1.2. The specification leaves open what becomes of tasks whose account is disabled or gone:
//! they do not start, as on Windows.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    engine::{Context, Engine, Refused, Registration, RunAs, TaskIndex, Whom},
    ports::{Account, Accounts, SEALED_MAX, Secrets, Unsealed},
    status::Status,
    store::CREDENTIAL_MAX,
    task::{LogonType, Path},
};

/// Registers a task, and keeps the credential of `shown` before, if the task is to run with it. `shown` is the account whose
/// password the caller has shown to know; that it is the one that the task names is for the caller to see to.
///
/// # Errors
/// As for [`keep`] and [`Engine::register`]. A credential that was put for a task that then was not registered is gone again.
pub fn register(
    engine: &mut Engine<'_>,
    cx: &mut Context<'_>,
    secrets: &mut dyn Secrets,
    path: &Path,
    registration: &Registration<'_>,
    shown: Option<&Account>,
) -> Result<TaskIndex, Status> {
    let account = shown.filter(|account| {
        registration.image.runs_as().and_then(|principal| principal.credential()) == Some(account.sid)
    });
    if let Some(account) = account {
        keep(engine, cx, secrets, account)?;
    }
    let registered = engine.register(cx, path, registration);
    if let (Err(_), Some(account)) = (&registered, account) {
        engine.forget_credential(cx, &account.sid);
    }
    registered.map_err(Refused::status)
}

/// Keeps the credential of an account, durable when it returns. One that is kept already and is the account's is left as it is.
///
/// # Errors
/// `SCHED_E_UNSUPPORTED_ACCOUNT_OPTION` if the host keeps no secrets, `SCHED_E_NO_SECURITY_SERVICES` if it has no key for them
/// now, `SCHED_E_SERVICE_TOO_BUSY` if there are as many as it has room for, or what befell the store.
#[inline(never)] // What it needs of the stack is not for those who register without a password.
pub fn keep(
    engine: &mut Engine<'_>,
    cx: &mut Context<'_>,
    secrets: &mut dyn Secrets,
    account: &Account,
) -> Result<(), Status> {
    if let Ok(true) = opens(engine, cx, secrets, account) {
        return Ok(());
    }
    let mut sealed = [0; SEALED_MAX];
    let length = secrets.seal(&account.sid, &account.nt_hash, &mut sealed).map_err(|why| match why {
        Unsealed::Unsupported => Status::SCHED_E_UNSUPPORTED_ACCOUNT_OPTION,
        Unsealed::Unavailable | Unsealed::Forged => Status::SCHED_E_NO_SECURITY_SERVICES,
    })?;
    let sealed = sealed.get(..length).ok_or(Status::SCHED_E_NO_SECURITY_SERVICES)?;
    engine.keep_credential(cx, &account.sid, sealed).map_err(Refused::status)
}

/// Whether an instance may start as whom it [runs](Engine::run_as), [MS-TSCH] 3.2.5.1.2. What an account is now counts, and not
/// what it was at registration.
///
/// - Services and members of groups may: those have no password, these are logged on. So may another user than the task names,
///   of whom the engine knows but a part of the SID: whoever asked for that run was asked for the rights to, and the host, which
///   knows the account, looks whether it is there.
/// - An account must be there, and not disabled.
/// - With the logon type Password its credential must be kept, open, and be of the password that the account has now.
/// - With InteractiveTokenOrPassword that holds if one is kept; if none is, it is as with InteractiveToken.
///
/// # Errors
/// [`Refused::LogonFailure`] if it may not, or what befell the store.
#[inline(never)]
pub fn admit(
    engine: &mut Engine<'_>,
    cx: &mut Context<'_>,
    accounts: &mut dyn Accounts,
    secrets: &mut dyn Secrets,
    run_as: &RunAs,
) -> Result<(), Refused> {
    let user = match &run_as.whom {
        Whom::User(user) if !user.is_service() => user,
        Whom::User(_) | Whom::Member(_) | Whom::Other(_) => return Ok(()),
    };
    let account = accounts.by_sid(user).filter(|account| !account.disabled).ok_or(Refused::LogonFailure)?;
    let needed = match run_as.logon_type {
        Some(LogonType::Password) => true,
        Some(LogonType::InteractiveTokenOrPassword) => false,
        _ => return Ok(()),
    };
    match opens(engine, cx, secrets, &account) {
        Ok(true) => Ok(()),
        Err(Refused::NotFound) if !needed => Ok(()),
        Err(error @ Refused::Store(_)) => Err(error),
        _ => Err(Refused::LogonFailure),
    }
}

/// Whether the credential that is kept for an account opens, and is of the password that the account has now.
///
/// # Errors
/// [`Refused::NotFound`] if none is kept, [`Refused::Damaged`], or what befell the store.
fn opens(
    engine: &mut Engine<'_>,
    cx: &mut Context<'_>,
    secrets: &mut dyn Secrets,
    account: &Account,
) -> Result<bool, Refused> {
    let mut record = [0; CREDENTIAL_MAX];
    let sealed = engine.credential(cx, &account.sid, &mut record)?.ok_or(Refused::NotFound)?;
    let mut secret = Zeroizing::new([0; 16]);
    if secrets.open(&account.sid, sealed, &mut secret).is_err() {
        return Ok(false);
    }
    Ok(bool::from(secret.as_slice().ct_eq(&account.nt_hash)))
}
