//! What calls to models have used: figures and names of ours, no content.
//!
//! Knows nothing of the journal in which they wait, see [`crate::Ledger`].

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use domain::{DataClass, Day, Instant, Place, TenantId, UnitId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    AuditEvent, AuditOutcome, By, Error, LimitWarning, Store, TokenUsage, audit,
    database::{Tx, composed, count, fetch_one},
    engine::Lock,
    figures, sums,
    values::{Params, get, params},
};

/// Rows of one insert: far from the bound on parameters of either engine.
const ROWS_PER_STATEMENT: usize = 50;
/// Most that is written down as the cost of one call, in nano-euro: ten thousand euros. Hundreds of
/// thousands of such calls can be summed.
pub(crate) const COST_MAX: u64 = 10_000_000_000_000;

/// Most that is written down as the energy of one call, in milliwatt hours: a gigawatt hour.
const ENERGY_MAX: u64 = 1_000_000_000_000;

/// From then on an audit entry says when the (first) call really ended.
const LATE: Duration = Duration::from_secs(5);

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// With a whole answer.
    Done,
    /// By a failure.
    Failed,
    /// Because the caller went away or stopped it.
    Cancelled,
}

impl Ended {
    /// The code used in tables and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    const fn outcome(self) -> AuditOutcome {
        match self {
            Self::Done | Self::Cancelled => AuditOutcome::Done,
            Self::Failed => AuditOutcome::Failed,
        }
    }
}

/// A call to a model that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// Its own id, so that it is never counted twice.
    pub id: Uuid,
    /// When it ended.
    pub at: Instant,
    /// Its tenant.
    pub tenant: TenantId,
    /// Who asked, and how they came.
    pub by: By,
    /// The units they belonged to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitId>,
    /// The use case, named as everywhere, e.g. `create_chat_completion`.
    pub operation: String,
    /// The model's name.
    pub model: String,
    /// The route's name.
    pub route: String,
    /// Where the route runs.
    pub place: Place,
    /// Tokens.
    pub tokens: TokenUsage,
    /// What it cost, in nano-euro, if the route has a price.
    pub cost_nano_euro: Option<u64>,
    /// The unit it is counted for, as it was at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// Tokens of the prompt that came out of the server's cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// What it took in milliwatt hours, if the route has an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_mwh: Option<u64>,
    /// Whether the answer came out of our own cache and no model was asked.
    #[serde(default)]
    pub from_cache: bool,
    /// Class of the run.
    pub data_class: DataClass,
    /// How it ended.
    pub ended: Ended,
    /// Whether the caller was let in by what was known of them before the database went away.
    #[serde(default)]
    pub database_away: bool,
    /// What the guard found in it, as kinds, rules and numbers; for the audit log only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
}

/// Sums over calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageTotal {
    /// Calls.
    pub calls: u64,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// What the calls with a known price cost, in nano-euro.
    pub cost_nano_euro: u64,
}

impl Store {
    /// Writes calls down and adds them to the sums, with an audit entry for each group of calls that
    /// differ only in figures. All or nothing; a batch that was written before is not written again.
    /// Returns the warnings that were given with it and are not about one person.
    ///
    /// # Errors
    /// A database error.
    pub async fn record_usage(&self, batch: &[UsageRecord]) -> Result<Vec<LimitWarning>, Error> {
        let Some(first) = batch.first() else { return Ok(Vec::new()) };
        let mut tx = self.write().await?;
        let known = "SELECT COUNT(*) AS n FROM usage_record WHERE id = $1";
        if count(tx.db(), known, params![first.id.to_string()]).await? > 0 {
            return Ok(Vec::new());
        }
        // A day that is closed stays as it is: whoever comes later counts for the next.
        tx.lock(Lock::Figures).await?;
        let mut open_from = BTreeMap::new();
        for record in batch {
            if let Entry::Vacant(entry) = open_from.entry(record.tenant) {
                let closed = figures::last_closed(tx.db(), record.tenant).await?;
                entry.insert(closed.map_or(Day::from_number(i64::MIN), |day| day.plus(1)));
            }
        }
        for rows in batch.chunks(ROWS_PER_STATEMENT) {
            insert(&mut tx, rows, &open_from).await?;
        }
        let warnings = sums::add(&mut tx, batch).await?;
        for (tenant, events) in audit_events(batch) {
            audit::append_all(&mut tx, tenant, events).await?;
        }
        tx.commit().await?;
        Ok(warnings)
    }

    /// Sums what a tenant's calls have used since a point in time.
    ///
    /// # Errors
    /// A database error.
    pub async fn usage_since(&self, tenant: TenantId, since: Instant) -> Result<UsageTotal, Error> {
        let mut db = self.read().await?;
        let row = fetch_one(
            &mut db,
            "SELECT COUNT(*) AS calls, \
                    CAST(COALESCE(SUM(prompt_tokens), 0) AS BIGINT) AS prompt_tokens, \
                    CAST(COALESCE(SUM(completion_tokens), 0) AS BIGINT) AS completion_tokens, \
                    CAST(COALESCE(SUM(cost_nano_euro), 0) AS BIGINT) AS cost_nano_euro \
             FROM usage_record WHERE tenant_id = $1 AND at >= $2",
            params![tenant, since],
        )
        .await?
        .ok_or(Error::NotFound)?;
        Ok(UsageTotal {
            calls: get(&row, "calls")?,
            prompt_tokens: get(&row, "prompt_tokens")?,
            completion_tokens: get(&row, "completion_tokens")?,
            cost_nano_euro: get(&row, "cost_nano_euro")?,
        })
    }
}

async fn insert(
    tx: &mut Tx,
    rows: &[UsageRecord],
    open_from: &BTreeMap<TenantId, Day>,
) -> Result<(), Error> {
    const COLUMNS: &str = "id, tenant_id, user_id, key_id, model, route, place, prompt_tokens, \
                           completion_tokens, estimated, cost_nano_euro, data_class, outcome, at, \
                           unit_id, cached_tokens, energy_mwh, from_cache, counted_on";
    const WIDTH: usize = 19;
    let mut values = Vec::with_capacity(rows.len());
    let mut list = Params::default();
    for (index, row) in rows.iter().enumerate() {
        let marks = tx.engine().placeholders_in_order(index * WIDTH + 1, WIDTH);
        values.push(format!("({marks})"));
        list.add(row.id.to_string());
        list.add(row.tenant);
        list.add(row.by.user.map(|user| user.to_string()).unwrap_or_default());
        list.add(row.by.key);
        list.add(row.model.as_str());
        list.add(row.route.as_str());
        list.add(row.place.code());
        let tokens = row.tokens.bounded();
        list.add(tokens.prompt_tokens);
        list.add(tokens.completion_tokens);
        list.add(tokens.estimated);
        list.add(row.cost_nano_euro.map(|cost| cost.min(COST_MAX)));
        list.add(row.data_class.code());
        list.add(row.ended.code());
        list.add(row.at);
        list.add(row.unit);
        list.add(row.cached_tokens.min(tokens.prompt_tokens));
        list.add(row.energy_mwh.map(|energy| energy.min(ENERGY_MAX)));
        list.add(row.from_cache);
        list.add(Day::of(row.at).max(open_from[&row.tenant]));
    }
    let values = values.join(", ");
    tx.execute(composed(format!("INSERT INTO usage_record ({COLUMNS}) VALUES {values}")), list)
        .await?;
    Ok(())
}

/// One entry for calls by the same caller of the same operation on the same route with the same
/// class and end; it says how many they were. A lone call is an entry of its own.
fn audit_events(batch: &[UsageRecord]) -> BTreeMap<TenantId, Vec<AuditEvent>> {
    let mut groups: BTreeMap<_, (&UsageRecord, u64)> = BTreeMap::new();
    for record in batch {
        let key = (
            record.tenant,
            (record.by.user, record.by.key, record.by.via),
            record.operation.as_str(),
            (record.model.as_str(), record.route.as_str(), record.place.code()),
            (record.data_class, record.ended, record.database_away, record.guard.as_deref()),
            record.from_cache,
        );
        groups.entry(key).or_insert((record, 0)).1 += 1;
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(first, _)| first.at);
    let mut events: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (first, calls) in groups {
        events.entry(first.tenant).or_default().push(audit_event(first, calls));
    }
    events
}

fn audit_event(record: &UsageRecord, calls: u64) -> AuditEvent {
    let mut event = AuditEvent::done(&record.by, record.operation.clone())
        .outcome(record.ended.outcome())
        .with("ended", record.ended.code())
        .with("model", &record.model)
        .with("route", &record.route)
        .with("place", record.place.code())
        .with("data_class", record.data_class.code());
    if calls > 1 {
        event = event.with("calls", calls);
    }
    if Instant::now().since(record.at) > LATE {
        event = event.with("ended_at", record.at.to_rfc3339());
    }
    if record.from_cache {
        event = event.with("from_cache", true);
    }
    if record.database_away {
        event = event.with("database_away", true);
    }
    if let Some(guard) = &record.guard {
        event = event.with("guard", guard);
    }
    event
}
