//! How several processes share one limit: each claims a part of what is left for itself, in one
//! transaction at a time, and uses it up without asking.
//!
//! The rule, which keeps the sum of all claims and of what the sums say at or below the limit, is
//! [`LeaseAsk::grant`]; the rest is rows.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use domain::{Instant, LimitScope, Meter, TenantId};

use crate::{
    Error, Store,
    database::{Tx, composed, placeholders},
    engine::Lock,
    values::{Params, get, params},
};

/// A process that has not renewed what it claimed of a rate for so long is gone. Of a month, it is
/// kept for longer: its calls may still wait in the journal that another process takes over.
const RATE_SILENCE: Duration = Duration::from_secs(30);
const MONTH_SILENCE: Duration = Duration::from_mins(5);
/// Rows that nobody has renewed for so long are deleted.
const FORGOTTEN: Duration = Duration::from_mins(15);
/// Rows of one statement.
const ROWS_PER_STATEMENT: usize = 40;

/// What a process has claimed, and asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseAsk {
    /// The tenant.
    pub tenant: TenantId,
    /// Whose limit.
    pub scope: LimitScope,
    /// Which limit.
    pub meter: Meter,
    /// A minute since 1970, a month (202611), or 0.
    pub period: i64,
    /// The limit.
    pub limit: u64,
    /// What this process has used of it or has under way, beyond what the sums say.
    pub claimed: u64,
    /// What it claims in all and keeps: at least `claimed`.
    pub holding: u64,
    /// What a request that waits needs; 0 if none does.
    pub need: u64,
    /// What it expects to need soon beyond that.
    pub expected: u64,
}

/// What a process gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseGiven {
    /// What the sums say; 0 for rates.
    pub base: u64,
    /// What this process may claim in all.
    pub leased: u64,
    /// What others have claimed.
    pub others: u64,
    /// How many processes share it.
    pub processes: u64,
}

impl LeaseAsk {
    /// Decides how much the process may claim in all: what it holds, and more if there is room.
    /// `base` is what the sums say, `others` what other processes hold.
    #[must_use]
    pub fn grant(&self, base: u64, others: u64, processes: u64) -> u64 {
        let taken = base.saturating_add(others);
        let spare = self.limit.saturating_sub(taken.saturating_add(self.holding));
        let missing = self.claimed.saturating_add(self.need).saturating_sub(self.holding);
        if missing > spare {
            // One request may go beyond the limit while anything is left. What it then holds leaves
            // nothing to others until it ends, or enough of theirs comes back.
            let has_room = taken.saturating_add(self.claimed) < self.limit;
            return if has_room { self.claimed + self.need } else { self.holding };
        }
        // Half of what is left, divided by all who may want some: the last one is never left with
        // nothing, and what lies about unused shrinks with what is left.
        let slice = spare / (2 * processes.max(1));
        self.holding + missing.max(self.expected.min(slice))
    }
}

impl Store {
    /// Says what this process has claimed of limits, and claims more where it asks for it.
    ///
    /// # Errors
    /// A database error; then nothing more may be claimed.
    pub async fn exchange_leases(
        &self,
        process: &str,
        asks: &[LeaseAsk],
    ) -> Result<Vec<LeaseGiven>, Error> {
        let now = Instant::now();
        let mut tx = self.write().await?;
        tx.lock(Lock::Limits).await?;
        let claims = claims(&mut tx, asks, now).await?;
        let sums = sums(&mut tx, asks).await?;
        let mut given = Vec::with_capacity(asks.len());
        for ask in asks {
            let key = key(ask.tenant, &ask.scope, ask.meter.code(), ask.period);
            let of_others = claims.get(&key).into_iter().flatten();
            let of_others = of_others.filter(|(owner, _)| owner != process);
            let (count, others) = of_others.fold((0, 0_u64), |(count, sum), (_, amount)| {
                (count + u64::from(*amount > 0), sum.saturating_add(*amount))
            });
            let base = sums.get(&key).copied().unwrap_or(0);
            let leased = ask.grant(base, others, count + 1);
            given.push(LeaseGiven { base, leased, others, processes: count + 1 });
        }
        let rows: Vec<_> = asks.iter().zip(&given).collect();
        for part in rows.chunks(ROWS_PER_STATEMENT) {
            upsert(&mut tx, process, part, now).await?;
        }
        tx.commit().await?;
        Ok(given)
    }

    /// Gives back what this process has claimed of months and of places, as it ends. What it used of
    /// a minute stays used.
    ///
    /// # Errors
    /// A database error; then others take it back after a while.
    pub async fn release_leases(&self, process: &str) -> Result<(), Error> {
        let mut tx = self.write().await?;
        tx.lock(Lock::Limits).await?;
        tx.execute(
            "DELETE FROM limit_lease WHERE process = $1 AND meter IN ($2, $3, $4)",
            params![
                process,
                Meter::Concurrent.code(),
                Meter::MonthTokens.code(),
                Meter::MonthCost.code()
            ],
        )
        .await?;
        tx.commit().await
    }

    /// Deletes what nobody has renewed for long.
    ///
    /// # Errors
    /// A database error.
    pub async fn forget_leases(&self) -> Result<(), Error> {
        let mut tx = self.write().await?;
        tx.lock(Lock::Limits).await?;
        let sql = "DELETE FROM limit_lease WHERE renewed_at < $1";
        tx.execute(sql, params![Instant::now().before(FORGOTTEN)]).await?;
        tx.commit().await
    }
}

type Key = (String, TenantId);

fn key(tenant: TenantId, scope: &LimitScope, meter: &str, period: i64) -> Key {
    (format!("{scope} {meter} {period}"), tenant)
}

/// What all processes have claimed of the limits asked for.
async fn claims(
    tx: &mut Tx,
    asks: &[LeaseAsk],
    now: Instant,
) -> Result<HashMap<Key, Vec<(String, u64)>>, Error> {
    let mut found: HashMap<Key, Vec<(String, u64)>> = HashMap::new();
    let subjects: BTreeSet<String> = asks.iter().map(|ask| ask.scope.to_string()).collect();
    let subjects: Vec<String> = subjects.into_iter().collect();
    for part in subjects.chunks(ROWS_PER_STATEMENT) {
        let mut list = params![now.before(MONTH_SILENCE)];
        part.iter().for_each(|subject| list.add(subject));
        let names = placeholders(2, part.len());
        let sql = format!(
            "SELECT tenant_id, subject, meter, period, process, amount, renewed_at \
             FROM limit_lease WHERE renewed_at > $1 AND subject IN ({names})"
        );
        for row in tx.fetch(composed(sql), list).await? {
            let meter: String = get(&row, "meter")?;
            let renewed: Instant = get(&row, "renewed_at")?;
            // What was used of a minute stays used, whoever is gone.
            if meter == Meter::Concurrent.code() && now.since(renewed) > RATE_SILENCE {
                continue;
            }
            let subject: String = get(&row, "subject")?;
            let name = format!("{subject} {meter} {}", get::<i64>(&row, "period")?);
            let owners = found.entry((name, get(&row, "tenant_id")?)).or_default();
            owners.push((get(&row, "process")?, get(&row, "amount")?));
        }
    }
    Ok(found)
}

/// What the sums say about the budgets asked for.
async fn sums(tx: &mut Tx, asks: &[LeaseAsk]) -> Result<HashMap<Key, u64>, Error> {
    let mut found = HashMap::new();
    let budgets = asks.iter().filter(|ask| ask.meter.is_budget());
    let wanted: BTreeSet<(i64, String)> =
        budgets.map(|ask| (ask.period, ask.scope.to_string())).collect();
    let wanted: Vec<(i64, String)> = wanted.into_iter().collect();
    for part in wanted.chunks(ROWS_PER_STATEMENT) {
        let mut list = Params::default();
        let mut pairs = Vec::with_capacity(part.len());
        for (index, (month, subject)) in part.iter().enumerate() {
            pairs.push(format!("(subject = ${} AND month = ${})", index * 2 + 1, index * 2 + 2));
            list.add(subject);
            list.add(*month);
        }
        let pairs = pairs.join(" OR ");
        let sql = format!(
            "SELECT tenant_id, subject, month, tokens, nano_euro FROM usage_month WHERE {pairs}"
        );
        for row in tx.fetch(composed(sql), list).await? {
            let (subject, month): (String, i64) = (get(&row, "subject")?, get(&row, "month")?);
            let tenant: TenantId = get(&row, "tenant_id")?;
            let columns = [(Meter::MonthTokens, "tokens"), (Meter::MonthCost, "nano_euro")];
            for (meter, column) in columns {
                let name = format!("{subject} {} {month}", meter.code());
                found.insert((name, tenant), get(&row, column)?);
            }
        }
    }
    Ok(found)
}

async fn upsert(
    tx: &mut Tx,
    process: &str,
    rows: &[(&LeaseAsk, &LeaseGiven)],
    now: Instant,
) -> Result<(), Error> {
    const WIDTH: usize = 7;
    let mut values = Vec::with_capacity(rows.len());
    let mut list = Params::default();
    for (index, (ask, given)) in rows.iter().enumerate() {
        values.push(format!("({})", placeholders(index * WIDTH + 1, WIDTH)));
        list.add(ask.tenant);
        list.add(ask.scope.to_string());
        list.add(ask.meter.code());
        list.add(ask.period);
        list.add(process);
        list.add(given.leased);
        list.add(now);
    }
    let values = values.join(", ");
    let sql = format!(
        "INSERT INTO limit_lease (tenant_id, subject, meter, period, process, amount, renewed_at) \
         VALUES {values} ON CONFLICT (subject, meter, period, process, tenant_id) DO UPDATE SET \
         amount = excluded.amount, renewed_at = excluded.renewed_at"
    );
    tx.execute(composed(sql), list).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(limit: u64, claimed: u64, holding: u64, need: u64, expected: u64) -> LeaseAsk {
        LeaseAsk {
            tenant: TenantId::new(),
            scope: LimitScope::Tenant,
            meter: Meter::Requests,
            period: 0,
            limit,
            claimed,
            holding: holding.max(claimed),
            need,
            expected,
        }
    }

    #[test]
    fn the_last_is_given_to_who_needs_it() {
        assert_eq!(ask(10, 4, 4, 1, 100).grant(0, 5, 2), 5);
        assert_eq!(ask(10, 4, 4, 1, 100).grant(0, 6, 2), 4, "nothing is left");
        assert_eq!(ask(100, 0, 0, 1, 100).grant(0, 0, 1), 50, "half of it, being alone");
        assert_eq!(ask(100, 0, 0, 1, 3).grant(0, 0, 4), 3, "no more than is expected");
    }

    #[test]
    fn one_may_go_beyond_the_limit_while_anything_is_left() {
        let large = ask(100, 0, 0, 30, 0);
        assert_eq!(large.grant(90, 0, 1), 30);
        assert_eq!(large.grant(60, 30, 2), 30, "others are under way within the limit");
        assert_eq!(large.grant(100, 0, 1), 0, "nothing is left");
        assert_eq!(large.grant(60, 60, 2), 0, "another went beyond it");
        assert_eq!(ask(100, 5, 10, 30, 0).grant(90, 0, 1), 35, "with what it holds itself");
    }

    proptest! {
        /// However processes ask, their claims stay within the limit, but for the last request.
        #[test]
        fn claims_stay_within_the_limit(
            limit in 0..1_000_u64,
            base in 0..500_u64,
            steps in proptest::collection::vec(
                (0..4_usize, 0..40_u64, 0..200_u64, any::<bool>()), 1..100),
        ) {
            let mut leased = [0_u64; 4];
            let mut claimed = [0_u64; 4];
            for (process, need, expected, uses) in steps {
                let others: u64 = (0..4).filter(|other| *other != process).map(|o| leased[o]).sum();
                let asked = ask(limit, claimed[process], leased[process], need, expected);
                leased[process] = asked.grant(base, others, 4);
                if uses && claimed[process] + need <= leased[process] {
                    claimed[process] += need;
                }
                let sum: u64 = leased.iter().sum();
                prop_assert!(sum == 0 || base + sum < limit + 40, "{leased:?}");
            }
        }
    }
}
