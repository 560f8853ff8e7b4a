//! What a call to a model took, written down however the call ends: at its end, when it fails, or
//! when the caller goes away in the middle.

use std::{sync::Arc, time::Duration};

use domain::{DataClass, ErrorKind, Instant};
use gateway::{Spent, Taken, Terms, UsageMeter};
use guard::AnswerHit;
use store::{By, Ended, SETTLE_INTERVAL, TokenUsage, UsageRecord};

use crate::{
    App, Error, Principal, Result,
    guardrail::{GuardNote, Protected},
    limiter::{Account, Amounts, Reservation},
    limits::{Asking, Measured, amounts},
    measure,
};

/// Pause after the database did not take what calls have used.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Longest time without a look at what processes that are gone left in the journal.
const TAKE_OVER_INTERVAL: Duration = Duration::from_mins(1);

/// Writes usage down when it is dropped; the audit log follows from it.
pub(crate) struct Settlement {
    app: Arc<App>,
    by: By,
    pub(crate) principal: Principal,
    class: DataClass,
    pub(crate) meter: UsageMeter,
    failed: bool,
    from_cache: bool,
    guard: GuardNote,
    operation: &'static str,
    reservation: Option<Reservation>,
}

impl Settlement {
    /// Opens the account of a call that is about to begin.
    ///
    /// # Errors
    /// If no more can be written down: then nothing may be called.
    pub(crate) fn new(app: &Arc<App>, principal: &Principal, class: DataClass) -> Result<Self> {
        if !app.ledger.has_room() {
            return Err(Error::new(ErrorKind::Overloaded, "overloaded"));
        }
        Ok(Self {
            app: app.clone(),
            by: By::from(principal),
            principal: principal.clone(),
            class,
            meter: UsageMeter::default(),
            failed: false,
            from_cache: false,
            guard: GuardNote::default(),
            operation: "create_chat_completion",
            reservation: None,
        })
    }

    /// Says which operation it is, if not a chat.
    pub(crate) fn of(mut self, operation: &'static str) -> Self {
        self.operation = operation;
        self
    }

    /// Reserves what the call will need of all limits that bind it, and sets its terms.
    ///
    /// # Errors
    /// If one of the limits leaves no room.
    pub(crate) async fn reserve(
        &mut self,
        model: &str,
        protected: Option<&Protected>,
        request: &dyn Measured,
    ) -> Result<Terms> {
        let open = || self.app.places(&self.principal);
        let places = protected.map_or_else(open, Protected::places);
        let asked = Asking { model, class: self.class, places, protected, request };
        self.reservation = self.app.reserve(&self.principal, &asked).await?;
        let cost_max = self.reservation.as_ref().and_then(Reservation::cost_max);
        let answer_max = self.reservation.as_ref().and_then(Reservation::answer_max);
        Ok(Terms { places, cost_max, answer_max, ..self.app.terms(&self.principal, self.class) })
    }

    /// Says what the guard found in the request.
    pub(crate) fn guarded(&mut self, note: &GuardNote) {
        self.guard = note.clone();
    }

    /// Says what the guard found in the answer.
    pub(crate) fn answer_guarded(&mut self, hits: &[AnswerHit]) {
        self.guard.add_answer(hits);
    }

    /// Says that the answer did not fit its schema, and what was done.
    pub(crate) fn structure_guarded(&mut self, rule: &'static str, action: &'static str) {
        self.guard.add_structure(rule, action);
    }

    /// Whether the guard found anything so far.
    pub(crate) fn is_guarded(&self) -> bool {
        !self.guard.is_empty()
    }

    /// What the guard found so far.
    pub(crate) fn guard_header(&self) -> Option<String> {
        self.guard.header()
    }

    /// Says that the answer comes out of the cache, and what it took at first.
    pub(crate) fn answered_again(&mut self, taken: Taken, usage: llm::Usage) {
        self.from_cache = true;
        self.meter.give_again(taken, usage);
    }

    /// Says that the call failed.
    pub(crate) fn failed(&mut self) {
        self.failed = true;
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        let metered = self.meter.read();
        // Nothing has left the house: nothing to settle.
        let Some(taken) = metered.taken else { return };
        let ended = match (self.failed, metered.is_finished) {
            (true, _) => Ended::Failed,
            (false, true) => Ended::Done,
            (false, false) => Ended::Cancelled,
        };
        let guard = self.guard.record();
        // An attempt beside the first was ended for the other's answer, whatever became of that.
        let beside =
            metered.beside.map(|spent| self.record(spent, Ended::Cancelled, guard.clone()));
        let (usage, parts, is_estimated) = (metered.usage, metered.parts, metered.is_estimated);
        let own = self.record(Spent { usage, parts, is_estimated, taken }, ended, guard);
        let records: Vec<UsageRecord> = beside.into_iter().chain([own]).collect();
        let Some(first) = records.first() else { return };
        // All attempts were of one model.
        let binding = self.app.limiter.binding(&self.principal, &first.model);
        let used = used(&records);
        for record in records {
            self.show(&record);
            self.write_down(record);
        }
        self.settle(&binding, used);
    }
}

impl Settlement {
    fn record(&self, spent: Spent, ended: Ended, guard: Option<String>) -> UsageRecord {
        let Spent { usage, parts, is_estimated, taken } = spent;
        UsageRecord {
            id: uuid::Uuid::now_v7(),
            at: Instant::now(),
            tenant: self.principal.tenant,
            by: self.by,
            units: self.principal.units.clone(),
            operation: self.operation.to_owned(),
            cost_nano_euro: taken.price.map(|price| price.of_all(usage, parts)),
            energy_mwh: taken.energy_of(usage),
            model: taken.model,
            route: taken.route,
            place: taken.place,
            tokens: TokenUsage {
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                estimated: is_estimated,
            },
            unit: self.principal.home_unit(),
            cached_tokens: parts.cached_tokens,
            from_cache: self.from_cache,
            data_class: self.class,
            ended,
            database_away: self.app.known_keys.is_outage(),
            guard,
        }
    }

    /// Shows operators at once what accounting will say later.
    fn show(&self, record: &UsageRecord) {
        if record.from_cache {
            return;
        }
        let TokenUsage { prompt_tokens, completion_tokens, .. } = record.tokens;
        let usage = llm::Usage { prompt_tokens, completion_tokens };
        let cost = record.cost_nano_euro.unwrap_or(0);
        self.app.gateway.charge((&record.model, &record.route), usage, cost);
    }

    fn write_down(&self, record: UsageRecord) {
        if let Err(error) = self.app.ledger.record(record) {
            tracing::error!(error = &error as &dyn std::error::Error, "usage was not recorded");
        }
    }

    /// Puts what was written down in place of what was reserved.
    fn settle(&mut self, binding: &[Arc<Account>], used: Amounts) {
        let reservation = self.reservation.take().or_else(|| {
            // Limits were set while the call was under way.
            (!binding.is_empty()).then(|| Reservation::new(&self.app.limiter))
        });
        if let Some(reservation) = reservation {
            reservation.settle(binding, used);
        }
    }
}

/// What a call used with all its attempts.
fn used(records: &[UsageRecord]) -> Amounts {
    let (mut tokens, mut cost) = (0_u64, 0_u64);
    for record in records {
        let TokenUsage { prompt_tokens, completion_tokens, .. } = record.tokens;
        tokens = tokens.saturating_add(prompt_tokens).saturating_add(completion_tokens);
        cost = cost.saturating_add(record.cost_nano_euro.unwrap_or(0));
    }
    amounts(tokens, cost)
}

impl App {
    /// Moves what calls have used to the database, batch after batch, until the process stops.
    pub async fn keep_ledger(&self) {
        loop {
            let gathered = async {
                // Now and then, what another process left behind when it died.
                if tokio::time::timeout(TAKE_OVER_INTERVAL, self.ledger.wait()).await.is_err() {
                    return self.ledger.take_over();
                }
                tokio::time::sleep(SETTLE_INTERVAL).await;
                Ok(())
            };
            match self.stopping.run_until_cancelled(gathered).await {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the journal of calls could not be looked through"
                ),
            }
            while let Err(error) = self.settle_ledger().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the database did not take what calls have used"
                );
                let pause = tokio::time::sleep(RETRY_PAUSE);
                if self.stopping.run_until_cancelled(pause).await.is_none() {
                    return;
                }
            }
        }
    }

    /// Moves what calls have used so far to the database now.
    ///
    /// # Errors
    /// If the database does not take it; it stays written down.
    pub async fn settle_ledger(&self) -> Result<()> {
        let _settling = self.settling.lock().await;
        self.settle_now().await
    }

    /// The same for whoever holds the lock.
    pub(crate) async fn settle_now(&self) -> Result<()> {
        self.limiter.begin_settling();
        let warnings = self.ledger.settle(&self.store).await?;
        self.limiter.settled();
        measure::limits_warned(&warnings);
        self.note_used_keys().await;
        Ok(())
    }
}
