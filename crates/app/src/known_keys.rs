//! Keys that were looked up before, so that a program which asks many times a second, and a thousand
//! programs that ask once, do not make the database answer the same question each time.
//!
//! A change by this process counts at once: the store numbers them. For changes by others one question
//! a second about all keys together is enough: the database numbers them, too.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    // A clock that nobody can set back.
    time::{Duration, Instant as Moment},
};

use domain::{Instant, KeyId, Principal};
use store::{KeyHolder, TOUCH_INTERVAL};

/// How long the copies are taken without asking; so long may a key live after another process revoked it.
const FRESH: Duration = Duration::from_secs(1);
/// How long they are taken if the database does not answer.
const GRACE: Duration = Duration::from_secs(60);
/// How long one copy is taken: whoever changes the tables by hand counts nothing.
const COPY_MAX: Duration = Duration::from_secs(60);
/// Most copies, roughly 20 MB; beyond: old ones go, and if those are few, all of them.
const KEYS_MAX: usize = 50_000;

/// Copies of keys by the hash of their secret.
#[derive(Default)]
pub(crate) struct KnownKeys {
    copies: RwLock<Copies>,
    /// Keys whose use is not noted yet.
    used: Mutex<HashSet<KeyId>>,
    /// Whether the last question to the database went unanswered.
    database_away: AtomicBool,
}

#[derive(Default)]
struct Copies {
    by_hash: HashMap<String, Copy>,
    /// The number of changes in the database when it was last asked and answered.
    version: u64,
    asked_at: Option<Moment>,
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

    fn find(&self, asked: Lookup<'_>) -> Option<&Copy> {
        let copy = self.by_hash.get(asked.hash)?;
        let is_over = copy.expires_at.is_some_and(|end| asked.now >= end);
        let holds = copy.changes == asked.changes && !is_over;
        holds.then_some(copy)
    }
}

/// Who asks whose key it is: what is known must be so at this moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup<'h> {
    /// The hash of the secret.
    pub(crate) hash: &'h str,
    /// The number of changes by this process.
    pub(crate) changes: u64,
    pub(crate) now: Instant,
}

impl KnownKeys {
    /// Whose key it is, if that is known and nothing has changed since.
    pub(crate) fn fresh(&self, asked: Lookup<'_>) -> Option<Principal> {
        let copies = self.read();
        let copy = copies.find(asked).filter(|_| copies.are_fresh())?;
        let is_young = copy.asked_at.elapsed() < COPY_MAX || self.is_outage();
        is_young.then(|| copy.principal.clone())
    }

    /// Whether the database must be asked if anything has changed.
    pub(crate) fn must_ask(&self) -> bool {
        !self.read().are_fresh()
    }

    /// Takes in how many changes the database counted when it was asked; an answer that a newer one
    /// has overtaken says nothing.
    pub(crate) fn answered(&self, asked_at: Moment, version: u64) {
        self.database_away.store(false, Ordering::Relaxed);
        let mut copies = self.write();
        if copies.asked_at.is_some_and(|newest| asked_at < newest) {
            return;
        }
        if copies.version != version {
            copies.by_hash.clear();
        }
        copies.version = version;
        copies.asked_at = Some(asked_at);
        copies.fresh_until = Some(asked_at + FRESH);
    }

    /// The number of changes up to which the copies hold.
    pub(crate) fn version(&self) -> u64 {
        self.read().version
    }

    /// Whose key it is by a copy that should be renewed and cannot be. That nothing has changed since is
    /// known from elsewhere.
    pub(crate) fn old(&self, asked: Lookup<'_>) -> Option<Principal> {
        self.read().find(asked).map(|copy| copy.principal.clone())
    }

    /// Whose key it is, as far as anybody knows while the database does not say whether anything has
    /// changed. It is not asked again for a moment.
    pub(crate) fn during_outage(&self, asked: Lookup<'_>) -> Option<Principal> {
        if !self.database_away.swap(true, Ordering::Relaxed) {
            tracing::warn!("the database is away: keys are taken as they were a moment ago");
        }
        let mut copies = self.write();
        if copies.asked_at.is_none_or(|then| then.elapsed() > GRACE) {
            return None;
        }
        copies.fresh_until = Some(Moment::now() + FRESH);
        copies.find(asked).map(|copy| copy.principal.clone())
    }

    /// Whether callers are let in by what was known before the database went away.
    pub(crate) fn is_outage(&self) -> bool {
        self.database_away.load(Ordering::Relaxed)
    }

    /// Keeps what the database has answered; `version` is the number from before the question.
    pub(crate) fn keep(&self, asked: Lookup<'_>, holder: &KeyHolder, version: u64) {
        let (asked_at, key) = (Moment::now(), &holder.key);
        if key.last_used_at.is_none_or(|last| Instant::now().since(last) >= TOUCH_INTERVAL) {
            self.note_used([key.id]);
        }
        let copy = Copy {
            principal: holder.principal(),
            expires_at: key.expires_at,
            asked_at,
            changes: asked.changes,
        };
        let mut copies = self.write();
        if copies.version != version {
            return;
        }
        if copies.by_hash.len() >= KEYS_MAX {
            copies.by_hash.retain(|_, copy| asked_at.duration_since(copy.asked_at) < COPY_MAX);
            // Looking through all of them for a few would have to be done again at once.
            if copies.by_hash.len() > KEYS_MAX / 10 * 9 {
                copies.by_hash.clear();
            }
        }
        copies.by_hash.insert(asked.hash.to_owned(), copy);
    }

    /// Drops a key that the database does not know (any more).
    pub(crate) fn forget(&self, hash: &str) {
        self.write().by_hash.remove(hash);
    }

    /// Remembers whose use is to be noted; beyond as many as there are copies: not.
    pub(crate) fn note_used(&self, keys: impl IntoIterator<Item = KeyId>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEYS_MAX.saturating_sub(used.len());
        used.extend(keys.into_iter().take(room));
    }

    /// The keys whose use is to be noted, once.
    pub(crate) fn take_used(&self) -> Vec<KeyId> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.drain().collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Copies> {
        self.copies.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Copies> {
        self.copies.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was asked before a change must not bring back what it took away.
    #[test]
    fn an_overtaken_answer_says_nothing() {
        let keys = KnownKeys::default();
        assert!(keys.must_ask());
        let early = Moment::now();
        let late = early + Duration::from_millis(5);
        keys.answered(late, 8);
        keys.answered(early, 7);
        assert_eq!(keys.version(), 8);
        assert!(!keys.must_ask());
    }

    /// A second is counted from the question: the answer may have been long under way.
    #[test]
    fn an_answer_is_as_old_as_its_question() {
        let keys = KnownKeys::default();
        let Some(asked_at) = Moment::now().checked_sub(FRESH) else { return };
        keys.answered(asked_at, 1);
        assert!(keys.must_ask());
    }

    #[test]
    fn what_is_to_be_noted_is_bounded_and_noted_once() {
        let keys = KnownKeys::default();
        let one = KeyId::new();
        keys.note_used([one, one]);
        keys.note_used((0..KEYS_MAX).map(|_| KeyId::new()));
        assert_eq!(keys.take_used().len(), KEYS_MAX);
        assert!(keys.take_used().is_empty());
    }
}
