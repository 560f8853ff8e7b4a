//! Runs in the making: their text so far, and who watches it grow.
//!
//! A run belongs to the process, not to the browser that started it. Watchers keep their own place
//! in the text and are told only that something changed, so a slow one misses no letter, holds no
//! queue and slows nobody.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{RunId, TenantId, UserId};
use futures_util::{Stream, stream};
use store::{Citation, RunState, TokenUsage};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking for passages.
    Searching,
    /// Reading the documents.
    Reading,
    /// Writing the answer.
    Writing,
}

impl Stage {
    /// The code used in interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Searching => "searching",
            Self::Reading => "reading",
            Self::Writing => "writing",
        }
    }
}

/// Everything a watcher may see of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSnapshot {
    /// Grows with every change.
    pub seq: u64,
    /// The text so far, or the final text.
    pub text: String,
    /// Set with the final text.
    pub citations: Vec<Citation>,
    /// Citation marks without a source that were taken out.
    pub removed_citations: u32,
    /// What it is doing.
    pub stage: Stage,
    /// How it stands.
    pub state: RunState,
    /// Why it failed, as a code of the texts.
    pub reason: Option<String>,
    /// What it took, once it ended.
    pub usage: Option<TokenUsage>,
}

/// One thing that happened to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// The first event of every watcher: all there is.
    Snapshot(RunSnapshot),
    /// More text.
    Delta {
        /// See [`RunSnapshot::seq`].
        seq: u64,
        /// What to append.
        text: String,
    },
    /// It does something else now.
    Stage(Stage),
    /// The final text with its citations; replaces what was streamed.
    Citations {
        /// The final text.
        text: String,
        /// Its citations.
        citations: Vec<Citation>,
        /// Citation marks without a source that were taken out.
        removed_citations: u32,
    },
    /// It ended; nothing follows.
    Done {
        /// How.
        state: RunState,
        /// Why it failed, as a code of the texts.
        reason: Option<String>,
        /// What it took.
        usage: Option<TokenUsage>,
    },
}

/// A run that this process is writing.
pub(crate) struct LiveRun {
    pub(crate) id: RunId,
    pub(crate) tenant: TenantId,
    pub(crate) owner: UserId,
    pub(crate) stop: CancellationToken,
    snapshot: Mutex<RunSnapshot>,
    changed: watch::Sender<u64>,
}

impl LiveRun {
    pub(crate) fn new(id: RunId, tenant: TenantId, owner: UserId) -> Arc<Self> {
        let snapshot = RunSnapshot {
            seq: 0,
            text: String::new(),
            citations: vec![],
            removed_citations: 0,
            stage: Stage::Searching,
            state: RunState::Running,
            reason: None,
            usage: None,
        };
        Arc::new(Self {
            id,
            tenant,
            owner,
            stop: CancellationToken::new(),
            snapshot: Mutex::new(snapshot),
            changed: watch::Sender::new(0),
        })
    }

    pub(crate) fn snapshot(&self) -> RunSnapshot {
        self.lock().clone()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut RunSnapshot)) {
        let seq = {
            let mut snapshot = self.lock();
            change(&mut snapshot);
            snapshot.seq += 1;
            snapshot.seq
        };
        self.changed.send_replace(seq);
    }

    pub(crate) fn watch(self: &Arc<Self>) -> impl Stream<Item = RunEvent> + Send + use<> {
        let watcher = Watcher::new(self.clone(), self.changed.subscribe());
        stream::unfold(watcher, |mut watcher| async move {
            let event = watcher.next().await?;
            Some((event, watcher))
        })
    }

    /// Bytes of the text so far.
    pub(crate) fn text_len(&self) -> usize {
        self.lock().text.len()
    }

    pub(crate) fn is_unwatched(&self) -> bool {
        self.changed.receiver_count() == 0
    }

    fn lock(&self) -> MutexGuard<'_, RunSnapshot> {
        // Changes are plain assignments: a panic between them leaves nothing half-done.
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far one watcher has seen.
struct Watcher {
    run: Arc<LiveRun>,
    changed: watch::Receiver<u64>,
    started: bool,
    ended: bool,
    final_seen: bool,
    stage: Stage,
    bytes_seen: usize,
}

impl Watcher {
    fn new(run: Arc<LiveRun>, changed: watch::Receiver<u64>) -> Self {
        let (stage, bytes_seen) = (Stage::Searching, 0);
        Self { run, changed, started: false, ended: false, final_seen: false, stage, bytes_seen }
    }

    async fn next(&mut self) -> Option<RunEvent> {
        loop {
            if self.ended {
                return None;
            }
            if let Some(event) = self.unseen() {
                return Some(event);
            }
            // The sender lives in `run`, which this watcher holds, so this waits for a change.
            self.changed.changed().await.ok()?;
        }
    }

    /// Returns the next thing that this watcher has not seen, in a fixed order: stage, text, final
    /// text, end.
    fn unseen(&mut self) -> Option<RunEvent> {
        let run = self.run.clone();
        let snapshot = run.lock();
        self.changed.mark_unchanged();
        if !self.started {
            self.started = true;
            self.stage = snapshot.stage;
            self.bytes_seen = snapshot.text.len();
            self.final_seen = snapshot.state != RunState::Running;
            return Some(RunEvent::Snapshot(snapshot.clone()));
        }
        if snapshot.stage != self.stage {
            self.stage = snapshot.stage;
            return Some(RunEvent::Stage(self.stage));
        }
        if snapshot.state == RunState::Running {
            let text = snapshot.text.get(self.bytes_seen..).filter(|text| !text.is_empty())?;
            self.bytes_seen = snapshot.text.len();
            return Some(RunEvent::Delta { seq: snapshot.seq, text: text.to_owned() });
        }
        if !self.final_seen {
            self.final_seen = true;
            return Some(RunEvent::Citations {
                text: snapshot.text.clone(),
                citations: snapshot.citations.clone(),
                removed_citations: snapshot.removed_citations,
            });
        }
        self.ended = true;
        let reason = snapshot.reason.clone();
        Some(RunEvent::Done { state: snapshot.state, reason, usage: snapshot.usage })
    }
}

/// All runs that this process is writing.
#[derive(Default)]
pub(crate) struct LiveRuns {
    runs: Mutex<HashMap<RunId, Arc<LiveRun>>>,
    places: Mutex<HashMap<UserId, usize>>,
}

/// One of the places that a person has for answers in the making.
pub(crate) struct Place {
    runs: Arc<LiveRuns>,
    owner: UserId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.runs.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = places.get_mut(&self.owner) {
            *taken -= 1;
            if *taken == 0 {
                places.remove(&self.owner);
            }
        }
    }
}

impl LiveRuns {
    pub(crate) fn insert(&self, run: Arc<LiveRun>) {
        self.lock().insert(run.id, run);
    }

    pub(crate) fn remove(&self, id: RunId) {
        self.lock().remove(&id);
    }

    pub(crate) fn get(&self, id: RunId) -> Option<Arc<LiveRun>> {
        self.lock().get(&id).cloned()
    }

    /// Takes a place for `owner`, unless `places_max` are taken.
    pub(crate) fn reserve(runs: &Arc<Self>, owner: UserId, places_max: usize) -> Option<Place> {
        let mut places = runs.places.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = places.entry(owner).or_default();
        if *taken >= places_max {
            return None;
        }
        *taken += 1;
        drop(places);
        Some(Place { runs: runs.clone(), owner })
    }

    /// All ids, for the sign of life in the store.
    pub(crate) fn ids(&self) -> Vec<RunId> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Arc<LiveRun>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_comes_late_sees_the_same_text() {
        let run = LiveRun::new(RunId::new(), TenantId::new(), UserId::new());
        let early = run.watch();
        run.update(|now| now.text.push_str("Die Frist "));
        let late = run.watch();
        let writer = async {
            for word in ["beträgt ", "drei ", "Jahre."] {
                run.update(|now| now.text.push_str(word));
                tokio::task::yield_now().await;
            }
            run.update(|now| now.state = RunState::Done);
        };
        let (early, late, ()) = tokio::join!(assemble(early), assemble(late), writer);
        let after = assemble(run.watch()).await;
        for text in [early, late, after] {
            assert_eq!(text, "Die Frist beträgt drei Jahre.");
        }
    }

    async fn assemble(events: impl Stream<Item = RunEvent>) -> String {
        let mut events = std::pin::pin!(events);
        let mut whole = String::new();
        let mut ends = 0;
        while let Some(event) = events.next().await {
            match event {
                RunEvent::Snapshot(snapshot) => whole = snapshot.text,
                RunEvent::Delta { text, .. } => whole.push_str(&text),
                RunEvent::Citations { text, .. } => whole = text,
                RunEvent::Stage(_) => {}
                RunEvent::Done { .. } => ends += 1,
            }
        }
        assert_eq!(ends, 1);
        whole
    }
}
