//! Keys that were looked up a moment ago, so that a program which asks many times a second does not
//! make the database answer the same question each time.
//!
//! A change by this process counts at once: the store numbers them. A change by another one counts
//! when the copy here is no longer fresh.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    // A clock that nobody can set back.
    time::{Duration, Instant as Moment},
};

use domain::{Instant, Principal};
use store::KeyHolder;

/// How long a copy is taken without asking; so long may a key live after another process revoked it.
const FRESH: Duration = Duration::from_secs(1);
/// How long a copy is taken if the database does not answer.
const GRACE: Duration = Duration::from_secs(60);
/// Most copies; beyond: those that are no longer fresh go, and if all are, all of them.
const KEYS_MAX: usize = 10_000;

/// Copies of keys by the hash of their secret.
#[derive(Default)]
pub(crate) struct KnownKeys {
    copies: RwLock<HashMap<String, Copy>>,
    /// Whether the last question to the database went unanswered.
    database_away: AtomicBool,
}

struct Copy {
    principal: Principal,
    expires_at: Option<Instant>,
    /// When the database last said so.
    asked_at: Moment,
    /// Until then it is not asked again.
    fresh_until: Moment,
    /// The number of changes to people and keys when the database was asked.
    changes: u64,
}

impl Copy {
    fn holds(&self, changes: u64, now: Instant) -> bool {
        self.changes == changes && self.expires_at.is_none_or(|end| now < end)
    }
}

impl KnownKeys {
    /// Whose key it is, if that was asked just now and nothing has changed since.
    pub(crate) fn fresh(&self, hash: &str, changes: u64, now: Instant) -> Option<Principal> {
        let copies = self.copies.read().unwrap_or_else(PoisonError::into_inner);
        let copy = copies.get(hash)?;
        (copy.holds(changes, now) && Moment::now() < copy.fresh_until)
            .then(|| copy.principal.clone())
    }

    /// Whose key it is, as far as anybody knows while the database does not answer. It is not asked
    /// again for a moment.
    pub(crate) fn during_outage(
        &self,
        hash: &str,
        changes: u64,
        now: Instant,
    ) -> Option<Principal> {
        if !self.database_away.swap(true, Ordering::Relaxed) {
            tracing::warn!("the database is away: keys are taken as they were a moment ago");
        }
        let mut copies = self.copies.write().unwrap_or_else(PoisonError::into_inner);
        let copy = copies.get_mut(hash)?;
        if !copy.holds(changes, now) || copy.asked_at.elapsed() > GRACE {
            return None;
        }
        copy.fresh_until = Moment::now() + FRESH;
        Some(copy.principal.clone())
    }

    /// Whether callers are let in by what was known before the database went away.
    pub(crate) fn is_outage(&self) -> bool {
        self.database_away.load(Ordering::Relaxed)
    }

    /// Keeps what the database has answered; `changes` is the number from before the question.
    pub(crate) fn keep(&self, hash: &str, holder: &KeyHolder, changes: u64) {
        self.database_away.store(false, Ordering::Relaxed);
        let asked_at = Moment::now();
        let copy = Copy {
            principal: holder.principal(),
            expires_at: holder.key.expires_at,
            asked_at,
            fresh_until: asked_at + FRESH,
            changes,
        };
        let mut copies = self.copies.write().unwrap_or_else(PoisonError::into_inner);
        if copies.len() >= KEYS_MAX {
            copies.retain(|_, copy| asked_at < copy.fresh_until);
        }
        if copies.len() >= KEYS_MAX {
            copies.clear();
        }
        copies.insert(hash.to_owned(), copy);
    }

    /// Drops a key that the database does not know (any more).
    pub(crate) fn forget(&self, hash: &str) {
        self.database_away.store(false, Ordering::Relaxed);
        self.copies.write().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }
}
