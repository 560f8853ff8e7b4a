//! Figures of what was used, over enough people: blocks of calls that are made once a day and never
//! change, and what one person has used, for themselves.
//!
//! A figure of which nobody can find out a person's part must not be the sum of too few, nor be the
//! difference of two others. So nothing is summed when somebody asks. Each call goes into exactly one
//! block of each view, each block holds calls of at least so many people, and whatever is shown is a
//! sum of whole blocks. All views close the same days at the same time. See decision 0015.

mod partition;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{Day, Instant, TenantId, UserId};
use partition::Part;
use sqlx::any::AnyRow;

use crate::{
    Error, Store,
    database::{composed, count, fetch, fetch_one},
    engine::Lock,
    values::{Params, get, params},
};

/// Days closed in one call of [`Store::close_usage`]; the rest waits for the next. More than a year.
const DAYS_MAX: usize = 400;

/// What figures are told apart by. All days are one block after the other, of the whole tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageView {
    /// Days.
    Day,
    /// The unit of the caller. Where too few people of a unit made calls, they are counted for the
    /// unit above.
    Unit,
    /// The model.
    Model,
    /// The place of the route.
    Place,
    /// The class of the data.
    DataClass,
}

impl UsageView {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Day, Self::Unit, Self::Model, Self::Place, Self::DataClass];

    /// The code used in tables and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Unit => "unit",
            Self::Model => "model",
            Self::Place => "place",
            Self::DataClass => "data_class",
        }
    }
}

/// Sums over calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Calls.
    pub calls: u64,
    /// Those of them that were answered out of our own cache.
    pub from_cache: u64,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Those of them that came out of the server's cache.
    pub cached_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// What the calls with a known price cost, in nano-euro.
    pub cost_nano_euro: u64,
    /// Calls without a known price.
    pub unpriced: u64,
    /// What the calls with an estimate took, in milliwatt hours.
    pub energy_mwh: u64,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.from_cache += other.from_cache;
        self.prompt_tokens += other.prompt_tokens;
        self.cached_tokens += other.cached_tokens;
        self.completion_tokens += other.completion_tokens;
        self.cost_nano_euro += other.cost_nano_euro;
        self.unpriced += other.unpriced;
        self.energy_mwh += other.energy_mwh;
    }
}

/// What at least so many people together have used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What it is about: the id of a unit, the name of a model, the code of a place or class; empty
    /// for all the rest, and in the view of days.
    pub subject: String,
    /// The first day that is counted.
    pub first_day: Day,
    /// The last.
    pub last_day: Day,
    /// The sums.
    pub sums: Figures,
}

/// What one person has used of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnUsage {
    /// The model.
    pub model: String,
    /// The sums.
    pub sums: Figures,
}

/// The sums of a row of calls, by the columns of `Figures`.
const SUMS: &str = "COUNT(*) AS calls, \
     CAST(COALESCE(SUM(from_cache), 0) AS BIGINT) AS from_cache, \
     CAST(COALESCE(SUM(prompt_tokens), 0) AS BIGINT) AS prompt_tokens, \
     CAST(COALESCE(SUM(cached_tokens), 0) AS BIGINT) AS cached_tokens, \
     CAST(COALESCE(SUM(completion_tokens), 0) AS BIGINT) AS completion_tokens, \
     CAST(COALESCE(SUM(cost_nano_euro), 0) AS BIGINT) AS cost_nano_euro, \
     CAST(COALESCE(SUM(CASE WHEN cost_nano_euro IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) \
         AS unpriced, \
     CAST(COALESCE(SUM(energy_mwh), 0) AS BIGINT) AS energy_mwh";

/// Calls of people, and of those who are no longer known: what programs used is no person's, and does
/// not stand in blocks.
const OF_PEOPLE: &str = "(user_id IS NULL OR user_id NOT IN \
     (SELECT id FROM user_account WHERE is_service = 1))";

/// What one person used on one day, alike in all that views tell apart.
struct Row {
    user: String,
    subjects: BTreeMap<UsageView, String>,
    sums: Figures,
}

impl Store {
    /// Makes figures of the calls of a tenant on days before `end`, wherever at least `people_min`
    /// people made calls on the days since the last figures. Days with fewer wait for later ones.
    /// Does nothing where nothing is left to do; several processes may call it at once.
    ///
    /// # Errors
    /// A database error.
    pub async fn close_usage(
        &self,
        tenant: TenantId,
        end: Day,
        people_min: usize,
    ) -> Result<(), Error> {
        let closed = self.closed_until(tenant).await?;
        let (mut first, mut seen, mut rows) = (None, closed, Vec::new());
        for _ in 0..DAYS_MAX {
            let Some(day) = self.next_day(tenant, seen, end).await? else { return Ok(()) };
            rows.extend(self.used_on(tenant, day).await?);
            let days = (*first.get_or_insert(day), day);
            let people: BTreeSet<&str> = rows.iter().map(|row| row.user.as_str()).collect();
            if people.iter().filter(|user| !user.is_empty()).count() >= people_min {
                if !self.write_blocks(tenant, days, &rows, people_min).await? {
                    return Ok(()); // The next time it will be looked at anew.
                }
                (first, rows) = (None, Vec::new());
            }
            seen = Some(day);
        }
        Ok(())
    }

    /// The last day of which there are figures.
    ///
    /// # Errors
    /// A database error.
    pub async fn closed_until(&self, tenant: TenantId) -> Result<Option<Day>, Error> {
        let mut db = self.read().await?;
        last_closed(&mut db, tenant).await
    }

    /// The figures of a view for the days of a month, or of several: summed by subject, or each block
    /// for itself in the view of days. A block counts for the month of its last day.
    ///
    /// # Errors
    /// A database error.
    pub async fn usage_figures(
        &self,
        tenant: TenantId,
        view: UsageView,
        days: std::ops::RangeInclusive<Day>,
    ) -> Result<Vec<Figure>, Error> {
        self.blocks(tenant, view, days, "last_day").await
    }

    /// The same without blocks that begin before these days: never more than was used on them.
    ///
    /// # Errors
    /// A database error.
    pub async fn usage_figures_within(
        &self,
        tenant: TenantId,
        view: UsageView,
        days: std::ops::RangeInclusive<Day>,
    ) -> Result<Vec<Figure>, Error> {
        self.blocks(tenant, view, days, "first_day").await
    }

    /// Blocks that end on these days, and of which this column is on them too.
    async fn blocks(
        &self,
        tenant: TenantId,
        view: UsageView,
        days: std::ops::RangeInclusive<Day>,
        column: &'static str,
    ) -> Result<Vec<Figure>, Error> {
        const TABLE_SUMS: &str = "CAST(SUM(calls) AS BIGINT) AS calls, \
             CAST(SUM(from_cache) AS BIGINT) AS from_cache, \
             CAST(SUM(prompt_tokens) AS BIGINT) AS prompt_tokens, \
             CAST(SUM(cached_tokens) AS BIGINT) AS cached_tokens, \
             CAST(SUM(completion_tokens) AS BIGINT) AS completion_tokens, \
             CAST(SUM(cost_nano_euro) AS BIGINT) AS cost_nano_euro, \
             CAST(SUM(unpriced) AS BIGINT) AS unpriced, \
             CAST(SUM(energy_mwh) AS BIGINT) AS energy_mwh";
        let by = if view == UsageView::Day { "last_day, subject" } else { "subject" };
        let sql = format!(
            "SELECT subject, MIN(first_day) AS first_day, MAX(last_day) AS last_day, {TABLE_SUMS} \
             FROM usage_figure \
             WHERE tenant_id = $1 AND view = $2 AND {column} >= $3 AND last_day <= $4 \
             GROUP BY {by} ORDER BY {by}"
        );
        let list = params![tenant, view.code(), *days.start(), *days.end()];
        let mut db = self.read().await?;
        let rows = fetch(&mut db, composed(sql), list).await?;
        rows.iter().map(figure).collect()
    }

    /// What programs have used on the days of a month, or of several: as it is, because it is about
    /// no person. In the view of days each day stands for itself.
    ///
    /// # Errors
    /// A database error.
    pub async fn service_figures(
        &self,
        tenant: TenantId,
        view: UsageView,
        days: std::ops::RangeInclusive<Day>,
    ) -> Result<Vec<Figure>, Error> {
        let (subject, by) = match view {
            UsageView::Day => ("''", "counted_on"),
            UsageView::Unit => ("COALESCE(unit_id, '')", "unit_id"),
            UsageView::Model => ("model", "model"),
            UsageView::Place => ("COALESCE(place, '')", "place"),
            UsageView::DataClass => ("COALESCE(data_class, '')", "data_class"),
        };
        let sql = format!(
            "SELECT {subject} AS subject, MIN(counted_on) AS first_day, \
                    MAX(counted_on) AS last_day, {SUMS} \
             FROM usage_record WHERE tenant_id = $1 AND counted_on >= $2 AND counted_on <= $3 \
               AND user_id IN (SELECT id FROM user_account WHERE is_service = 1) \
             GROUP BY {by} ORDER BY {by}"
        );
        let mut db = self.read().await?;
        let rows =
            fetch(&mut db, composed(sql), params![tenant, *days.start(), *days.end()]).await?;
        rows.iter().map(figure).collect()
    }

    /// What one person has used since a point in time, by model. Only ever for themselves.
    ///
    /// # Errors
    /// A database error.
    pub async fn own_usage(
        &self,
        tenant: TenantId,
        user: UserId,
        since: Instant,
    ) -> Result<Vec<OwnUsage>, Error> {
        let sql = format!(
            "SELECT model, {SUMS} FROM usage_record \
             WHERE user_id = $1 AND at >= $2 AND tenant_id = $3 GROUP BY model ORDER BY model"
        );
        let mut db = self.read().await?;
        let rows = fetch(&mut db, composed(sql), params![user, since, tenant]).await?;
        rows.iter()
            .map(|row| Ok(OwnUsage { model: get(row, "model")?, sums: sums(row)? }))
            .collect()
    }

    /// The first day after `seen` and before `end` that has calls.
    async fn next_day(
        &self,
        tenant: TenantId,
        seen: Option<Day>,
        end: Day,
    ) -> Result<Option<Day>, Error> {
        let sql = format!(
            "SELECT MIN(counted_on) AS day FROM usage_record \
             WHERE tenant_id = $1 AND counted_on > $2 AND counted_on < $3 AND {OF_PEOPLE}"
        );
        let seen = seen.unwrap_or(Day::from_number(i64::MIN));
        let mut db = self.read().await?;
        match fetch_one(&mut db, composed(sql), params![tenant, seen, end]).await? {
            Some(row) => get(&row, "day"),
            None => Ok(None),
        }
    }

    async fn used_on(&self, tenant: TenantId, day: Day) -> Result<Vec<Row>, Error> {
        const ALIKE: &str = "user_id, unit_id, model, place, data_class";
        let sql = format!(
            "SELECT {ALIKE}, {SUMS} FROM usage_record WHERE tenant_id = $1 AND counted_on = $2 \
             AND {OF_PEOPLE} GROUP BY {ALIKE}"
        );
        let mut db = self.read().await?;
        let rows = fetch(&mut db, composed(sql), params![tenant, day]).await?;
        let row = |row: &AnyRow| {
            let text =
                |column| Ok::<String, Error>(get::<Option<_>>(row, column)?.unwrap_or_default());
            Ok(Row {
                user: text("user_id")?,
                subjects: BTreeMap::from([
                    (UsageView::Day, String::new()),
                    (UsageView::Unit, text("unit_id")?),
                    (UsageView::Model, text("model")?),
                    (UsageView::Place, text("place")?),
                    (UsageView::DataClass, text("data_class")?),
                ]),
                sums: sums(row)?,
            })
        };
        rows.iter().map(row).collect()
    }

    /// Writes the blocks of all views, unless somebody else has closed one of these days meanwhile, or
    /// a call has come in that was not read yet.
    async fn write_blocks(
        &self,
        tenant: TenantId,
        (first, last): (Day, Day),
        rows: &[Row],
        people_min: usize,
    ) -> Result<bool, Error> {
        let units = self.units(tenant).await?;
        let above: HashMap<String, String> = units
            .into_iter()
            .filter_map(|unit| Some((unit.id.to_string(), unit.parent?.to_string())))
            .collect();
        let mut tx = self.write().await?;
        tx.lock(Lock::Figures).await?;
        let is_closed = last_closed(tx.db(), tenant).await?.is_some_and(|closed| closed >= first);
        let sql = format!(
            "SELECT COUNT(*) AS n FROM usage_record \
             WHERE tenant_id = $1 AND counted_on >= $2 AND counted_on <= $3 AND {OF_PEOPLE}"
        );
        let there = count(tx.db(), composed(sql), params![tenant, first, last]).await?;
        if is_closed || there != rows.iter().map(|row| row.sums.calls).sum::<u64>() {
            return Ok(false);
        }
        for view in UsageView::ALL {
            let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::new();
            for row in rows {
                parts.entry(&row.subjects[&view]).or_default().add(&row.user, row.sums);
            }
            let above = |subject: &str| match view {
                UsageView::Unit => above.get(subject).map(String::as_str),
                _ => None,
            };
            for (subject, part) in partition::blocks(parts, above, people_min) {
                let list = block(tenant, view, (first, last), subject, &part);
                tx.execute(
                    "INSERT INTO usage_figure (tenant_id, view, first_day, last_day, subject, \
                         people, calls, from_cache, prompt_tokens, cached_tokens, \
                         completion_tokens, cost_nano_euro, unpriced, energy_mwh) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                    list,
                )
                .await?;
            }
        }
        tx.commit().await?;
        Ok(true)
    }
}

fn figure(row: &AnyRow) -> Result<Figure, Error> {
    Ok(Figure {
        subject: get(row, "subject")?,
        first_day: get(row, "first_day")?,
        last_day: get(row, "last_day")?,
        sums: sums(row)?,
    })
}

fn block(
    tenant: TenantId,
    view: UsageView,
    (first, last): (Day, Day),
    subject: &str,
    part: &Part<'_>,
) -> Params {
    let sums = part.sums;
    params![
        tenant,
        view.code(),
        first,
        last,
        subject,
        part.people(),
        sums.calls,
        sums.from_cache,
        sums.prompt_tokens,
        sums.cached_tokens,
        sums.completion_tokens,
        sums.cost_nano_euro,
        sums.unpriced,
        sums.energy_mwh,
    ]
}

/// All views close the same days, so that one speaks for all.
pub(crate) async fn last_closed(
    db: &mut sqlx::AnyConnection,
    tenant: TenantId,
) -> Result<Option<Day>, Error> {
    let sql = "SELECT MAX(last_day) AS day FROM usage_figure WHERE tenant_id = $1 AND view = $2";
    match fetch_one(db, sql, params![tenant, UsageView::Day.code()]).await? {
        Some(row) => get(&row, "day"),
        None => Ok(None),
    }
}

fn sums(row: &AnyRow) -> Result<Figures, Error> {
    Ok(Figures {
        calls: get(row, "calls")?,
        from_cache: get(row, "from_cache")?,
        prompt_tokens: get(row, "prompt_tokens")?,
        cached_tokens: get(row, "cached_tokens")?,
        completion_tokens: get(row, "completion_tokens")?,
        cost_nano_euro: get(row, "cost_nano_euro")?,
        unpriced: get(row, "unpriced")?,
        energy_mwh: get(row, "energy_mwh")?,
    })
}
