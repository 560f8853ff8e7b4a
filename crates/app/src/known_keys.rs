//! Keys that were looked up before, so that a program which asks many times a second, and a thousand
//! programs that ask once, do not make the database answer the same question each time.
//!
//! A change by this process counts at once: the store numbers them. For changes by others one question
//! a second about all keys together is enough: the database numbers them, too.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    // A clock that nobody can set back.
    time::{Duration, Instant as Moment},
};

use domain::{Instant, KeyId, Principal};
use store::KeyHolder;

/// How long the copies are taken without asking; so long may a key live after another process revoked it.
const FRESH: Duration = Duration::from_secs(1);
/// How long they are taken if the database does not answer.
const GRACE: Duration = Duration::from_secs(60);
/// How long one copy is taken: whoever changes the tables by hand counts nothing.
const COPY_MAX: Duration = Duration::from_secs(60);
/// Pause between two notes that a key is in use.
const USE_NOTED: Duration = Duration::from_secs(60);
/// Most copies, roughly 20 MB; beyond: old ones go, and if there are none, all of them.
const KEYS_MAX: usize = 50_000;

/// Copies of keys by the hash of their secret.
#[derive(Default)]
pub(crate) struct KnownKeys {
    copies: RwLock<Copies>,
    /// Keys whose use is not noted yet.
    used: Mutex<Vec<KeyId>>,
    /// Whether the last question to the database went unanswered.
    database_away: AtomicBool,
}

#[derive(Default)]
struct Copies {
    by_hash: HashMap<String, Copy>,
    /// The number of changes in the database when it last answered.
    version: u64,
    answered_at: Option<Moment>,
    /// Until then it is not asked again.
    fresh_until: Option<Moment>,
}

struct Copy {
    principal: Principal,
    expires_at: Option<Instant>,
    asked_at: Moment,
    /// The number of changes by this process when the database was asked.
    changes: u64,
}

impl Copies {
    fn are_fresh(&self) -> bool {
        self.fresh_until.is_some_and(|end| Moment::now() < end)
    }

    fn find(&self, hash: &str, changes: u64, now: Instant) -> Option<&Copy> {
        let copy = self.by_hash.get(hash)?;
        let holds = copy.changes == changes && copy.expires_at.is_none_or(|end| now < end);
        holds.then_some(copy)
    }
}

impl KnownKeys {
    /// Whose key it is, if that is known and nothing has changed since.
    pub(crate) fn fresh(&self, hash: &str, changes: u64, now: Instant) -> Option<Principal> {
        let copies = self.read();
        let copy = copies.find(hash, changes, now).filter(|_| copies.are_fresh())?;
        let is_young = copy.asked_at.elapsed() < COPY_MAX || self.is_outage();
        is_young.then(|| copy.principal.clone())
    }

    /// Whether the database must be asked if anything has changed.
    pub(crate) fn must_ask(&self) -> bool {
        !self.read().are_fresh()
    }

    /// Takes in how many changes the database counts.
    pub(crate) fn answered(&self, version: u64) {
        self.database_away.store(false, Ordering::Relaxed);
        let now = Moment::now();
        let mut copies = self.write();
        if copies.version != version {
            copies.by_hash.clear();
        }
        copies.version = version;
        copies.answered_at = Some(now);
        copies.fresh_until = Some(now + FRESH);
    }

    /// The number of changes up to which the copies hold.
    pub(crate) fn version(&self) -> u64 {
        self.read().version
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
        let mut copies = self.write();
        if copies.answered_at.is_none_or(|then| then.elapsed() > GRACE) {
            return None;
        }
        copies.fresh_until = Some(Moment::now() + FRESH);
        copies.find(hash, changes, now).map(|copy| copy.principal.clone())
    }

    /// Whether callers are let in by what was known before the database went away.
    pub(crate) fn is_outage(&self) -> bool {
        self.database_away.load(Ordering::Relaxed)
    }

    /// Keeps what the database has answered; the numbers are those from before the question.
    pub(crate) fn keep(&self, hash: &str, holder: &KeyHolder, (version, changes): (u64, u64)) {
        let (asked_at, key) = (Moment::now(), &holder.key);
        if key.last_used_at.is_none_or(|last| Instant::now().since(last) >= USE_NOTED) {
            self.used.lock().unwrap_or_else(PoisonError::into_inner).push(key.id);
        }
        let copy =
            Copy { principal: holder.principal(), expires_at: key.expires_at, asked_at, changes };
        let mut copies = self.write();
        if copies.version != version {
            return;
        }
        if copies.by_hash.len() >= KEYS_MAX {
            copies.by_hash.retain(|_, copy| asked_at - copy.asked_at < COPY_MAX);
        }
        if copies.by_hash.len() >= KEYS_MAX {
            copies.by_hash.clear();
        }
        copies.by_hash.insert(hash.to_owned(), copy);
    }

    /// Drops a key that the database does not know (any more).
    pub(crate) fn forget(&self, hash: &str) {
        self.write().by_hash.remove(hash);
    }

    /// The keys whose use is to be noted, once.
    pub(crate) fn take_used(&self) -> Vec<KeyId> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read(&self) -> RwLockReadGuard<'_, Copies> {
        self.copies.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Copies> {
        self.copies.write().unwrap_or_else(PoisonError::into_inner)
    }
}
