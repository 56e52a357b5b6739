//! Which accounts have a credential kept, and how many tasks run with it: it lives as long as the last of them.
//!
//! What it is, and who may have it, is no matter of the engine: to it a credential is a record that has to be there before a task that
//! needs it, and to go with the last one. To know that, it counts for each account the tasks that would run with the
//! credential of it, whether one is kept or not. Registering, changing or deleting a task looks at one definition for this, as
//! long as there is any such account, and never at those of others.

use super::{Context, Engine, Refused, plan};
use crate::{
    event::Event,
    ports::{Change, Key, StoreError},
    sid::Sid,
    store::{CREDENTIAL_MAX, Credential, credential_key},
    task::Image,
};
use bytemuck::Zeroable;

/// An account that has a credential kept, or tasks that would run with one. Zero is an unused slot.
#[derive(Debug, Clone, Copy, Zeroable)]
pub struct CredentialSlot {
    account: Sid,
    /// Whether there is a record, under the number behind that of the slot.
    kept: bool,
    /// Number of tasks that would run with it.
    tasks: u32,
}

impl CredentialSlot {
    const fn is_used(&self) -> bool {
        self.kept || self.tasks > 0
    }
}

/// The account whose credential a definition runs with, if one is kept.
fn needs(image: &Image<'_>) -> Option<Sid> {
    image.runs_as().and_then(|principal| principal.credential())
}

impl Engine<'_> {
    /// The sealed credential of an account, if one is kept; `into` holds its record.
    ///
    /// # Errors
    /// [`Refused::Damaged`] if there is one that cannot be read, or what befell the store.
    pub fn credential<'i>(
        &mut self,
        cx: &mut Context<'_>,
        account: &Sid,
        into: &'i mut [u8; CREDENTIAL_MAX],
    ) -> Result<Option<&'i [u8]>, Refused> {
        let Some(index) = self.credential_slot(account).filter(|&index| self.is_kept(index)) else { return Ok(None) };
        let length = match cx.store.get(number(index), into) {
            Ok(length) => length.ok_or(Refused::Damaged)?,
            Err(StoreError::TooSmall { .. }) => return Err(Refused::Damaged),
            Err(error) => return Err(error.into()),
        };
        let record = Credential::decode(into.get(..length).ok_or(Refused::Damaged)?)?;
        if record.account == *account { Ok(Some(record.sealed)) } else { Err(Refused::Damaged) }
    }

    /// Keeps a sealed credential for an account, in the place of the one that there may be. It is durable when this returns. If no
    /// task comes to need it, say [`forget_credential`](Self::forget_credential).
    ///
    /// # Errors
    /// [`Refused::TooBusy`] if as many accounts as there may be have one, [`Refused::TooLarge`] if it is longer than
    /// [`SEALED_MAX`](crate::ports::SEALED_MAX), or what befell the store.
    #[inline(never)]
    pub fn keep_credential(&mut self, cx: &mut Context<'_>, account: &Sid, sealed: &[u8]) -> Result<(), Refused> {
        let index = self.credential_slot(account).or_else(|| self.unused_credential()).ok_or(Refused::TooBusy)?;
        let mut buffer = [0; CREDENTIAL_MAX];
        let record = Credential { account: *account, sealed }.encode(&mut buffer)?;
        let put = [Change::Put(number(index), record)];
        let done = match self.written.apply(cx.store, &put) {
            Err(error) if self.ledger.give_way(cx, &mut self.written, error) => self.written.apply(cx.store, &put),
            done => done,
        };
        if let Err(error) = done {
            self.tell(Event::StoreFailed { error });
            return Err(error.into());
        }
        self.use_credential(index, account, |slot| slot.kept = true);
        Ok(())
    }

    /// Deletes the credential of an account, unless a task needs it. If the store fails, it is left to the next start.
    pub fn forget_credential(&mut self, cx: &mut Context<'_>, account: &Sid) {
        if let Some(index) = self.credential_slot(account) {
            self.delete_unneeded(cx, index);
        }
    }

    /// Deletes a credential that no task needs; whether there was one, and it is gone.
    fn delete_unneeded(&mut self, cx: &mut Context<'_>, index: usize) -> bool {
        let Some(slot) = self.memory.credentials.get_mut(index) else { return false };
        if !slot.kept || slot.tasks > 0 || self.uncounted {
            return false;
        }
        match self.written.apply(cx.store, &[Change::Delete(number(index))]) {
            Ok(()) => slot.kept = false,
            Err(error) => self.tell(Event::StoreFailed { error }),
        }
        !self.is_kept(index)
    }

    fn is_kept(&self, index: usize) -> bool {
        self.memory.credentials.get(index).is_some_and(|slot| slot.kept)
    }

    fn credential_slot(&self, account: &Sid) -> Option<usize> {
        let used = self.memory.credentials.get(..self.counted)?;
        used.iter().position(|slot| slot.is_used() && slot.account == *account)
    }

    fn unused_credential(&self) -> Option<usize> {
        self.memory.credentials.iter().position(|slot| !slot.is_used())
    }

    fn use_credential(&mut self, index: usize, account: &Sid, note: impl FnOnce(&mut CredentialSlot)) {
        if let Some(slot) = self.memory.credentials.get_mut(index) {
            slot.account = *account;
            note(slot);
            self.counted = self.counted.max(index + 1);
        }
    }

    /// Counts the task of a definition.
    #[inline(never)] // As above.
    pub(super) fn count_credential(&mut self, image: &Image<'_>) {
        // Where none is kept, nothing is to be known about it.
        if self.memory.credentials.is_empty() {
            return;
        }
        let Some(account) = needs(image) else { return };
        match self.credential_slot(&account).or_else(|| self.unused_credential()) {
            Some(index) => self.use_credential(index, &account, |slot| slot.tasks = slot.tasks.saturating_add(1)),
            None => self.uncounted = true,
        }
    }

    /// Where the account stands for which a definition was counted that is about to go.
    #[inline(never)] // What it needs of the stack is not for whoever writes the store.
    pub(super) fn counted_credential(&mut self, cx: &mut Context<'_>, definition: u32) -> Option<usize> {
        if self.counted == 0 {
            return None;
        }
        match plan::image(self.memory.record, cx.store, definition) {
            Ok(image) => needs(&image).and_then(|account| self.credential_slot(&account)),
            Err(_) => {
                self.uncounted = true;
                None
            }
        }
    }

    /// A task that was counted there is gone, or needs it no more; with the last one goes the credential.
    pub(super) fn discount_credential(&mut self, cx: &mut Context<'_>, counted: Option<usize>) {
        let Some(index) = counted else { return };
        if let Some(slot) = self.memory.credentials.get_mut(index) {
            slot.tasks = slot.tasks.saturating_sub(1);
            self.delete_unneeded(cx, index);
        }
    }

    /// Forgets what was counted.
    pub(super) fn forget_counted(&mut self) {
        self.memory.credentials.iter_mut().take(self.counted).for_each(|slot| *slot = CredentialSlot::zeroed());
        (self.counted, self.uncounted) = (0, false);
    }

    /// Takes in a record; whether there was a place for it, and it can be read.
    pub(super) fn load_credential(&mut self, key: Key, bytes: &[u8]) -> bool {
        let index = key.number.wrapping_sub(1) as usize;
        let Ok(record) = Credential::decode(bytes) else { return false };
        if index >= self.memory.credentials.len() {
            return false;
        }
        self.use_credential(index, &record.account, |slot| slot.kept = true);
        true
    }

    /// Nobody knows what all tasks need, because there are some that cannot be read.
    pub(super) fn credentials_uncounted(&mut self) {
        self.uncounted = true;
    }

    /// Deletes the credentials that no task needs, of which a power cut may leave some; returns how many there were.
    pub(super) fn sweep_credentials(&mut self, cx: &mut Context<'_>) -> u32 {
        (0..self.counted).map(|index| u32::from(self.delete_unneeded(cx, index))).sum()
    }
}

fn number(index: usize) -> Key {
    credential_key(u32::try_from(index + 1).unwrap_or(0))
}
