//! What calls have used, summed by month for everybody whom a limit could bind; written in the
//! transaction that writes the calls. Warnings are given here, so that each is given once, however
//! many processes there are; those about a person for that person alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{Instant, LimitScope, Meter, Month, TenantId, UnitId, UsageLimit};

use crate::{
    AuditEvent, By, Error, LimitRow, LimitWarning, MonthSum, UsageRecord, audit,
    database::{Tx, composed, placeholders},
    limits::{limits_of, object},
    usage::COST_MAX,
    values::{Params, get, params},
};

/// Rows of one statement.
const ROWS_PER_STATEMENT: usize = 80;

type Key = (String, i64, TenantId);

/// Adds calls to the sums of all whom they concern. Returns the warnings that are due with it.
pub(crate) async fn add(tx: &mut Tx, batch: &[UsageRecord]) -> Result<Vec<LimitWarning>, Error> {
    let above = units_above(tx, batch).await?;
    // Sorted, so that two processes that add at once lock rows in the same order.
    let mut sums: BTreeMap<Key, MonthSum> = BTreeMap::new();
    for record in batch {
        let month = Month::of(record.at).number();
        let tokens = record.tokens.bounded();
        let tokens = tokens.prompt_tokens + tokens.completion_tokens;
        for scope in scopes(record, &above) {
            let sum = sums.entry((scope.to_string(), month, record.tenant)).or_default();
            sum.calls += 1;
            sum.tokens += tokens;
            sum.nano_euro += record.cost_nano_euro.unwrap_or(0).min(COST_MAX);
        }
    }
    let rows: Vec<(Key, MonthSum)> = sums.into_iter().collect();
    for part in rows.chunks(ROWS_PER_STATEMENT) {
        upsert(tx, part).await?;
    }
    warn(tx, &rows).await
}

/// Everybody whom a limit for this call could bind.
fn scopes(record: &UsageRecord, above: &HashMap<UnitId, Vec<UnitId>>) -> Vec<LimitScope> {
    let mut scopes = vec![LimitScope::Tenant, LimitScope::Model(record.model.clone())];
    scopes.extend(record.by.user.map(LimitScope::Person));
    scopes.extend(record.by.key.map(LimitScope::Key));
    let units: BTreeSet<UnitId> =
        record.units.iter().filter_map(|unit| above.get(unit)).flatten().copied().collect();
    scopes.extend(units.into_iter().map(LimitScope::Unit));
    scopes
}

/// Each unit of the calls with all that lie above it, itself first.
async fn units_above(
    tx: &mut Tx,
    batch: &[UsageRecord],
) -> Result<HashMap<UnitId, Vec<UnitId>>, Error> {
    let units: BTreeSet<UnitId> = batch.iter().flat_map(|record| record.units.clone()).collect();
    let units: Vec<UnitId> = units.into_iter().collect();
    let mut above: HashMap<UnitId, Vec<UnitId>> = HashMap::new();
    for part in units.chunks(ROWS_PER_STATEMENT) {
        let mut list = Params::default();
        part.iter().for_each(|unit| list.add(*unit));
        let names = placeholders(1, part.len());
        let sql = format!(
            "WITH RECURSIVE up (leaf, id, parent_id) AS ( \
                 SELECT id, id, parent_id FROM unit WHERE id IN ({names}) \
                 UNION SELECT up.leaf, u.id, u.parent_id FROM up JOIN unit u ON u.id = up.parent_id \
             ) SELECT leaf, id FROM up"
        );
        for row in tx.fetch(composed(sql), list).await? {
            above.entry(get(&row, "leaf")?).or_default().push(get(&row, "id")?);
        }
    }
    Ok(above)
}

async fn upsert(tx: &mut Tx, rows: &[(Key, MonthSum)]) -> Result<(), Error> {
    const WIDTH: usize = 6;
    let mut values = Vec::with_capacity(rows.len());
    let mut list = Params::default();
    for (index, ((subject, month, tenant), sum)) in rows.iter().enumerate() {
        let marks = tx.engine().placeholders_in_order(index * WIDTH + 1, WIDTH);
        values.push(format!("({marks})"));
        list.add(subject);
        list.add(*month);
        list.add(*tenant);
        list.add(sum.calls);
        list.add(sum.tokens);
        list.add(sum.nano_euro);
    }
    let values = values.join(", ");
    let sql = format!(
        "INSERT INTO usage_month (subject, month, tenant_id, calls, tokens, nano_euro) \
         VALUES {values} ON CONFLICT (subject, month, tenant_id) DO UPDATE SET \
         calls = usage_month.calls + excluded.calls, \
         tokens = usage_month.tokens + excluded.tokens, \
         nano_euro = usage_month.nano_euro + excluded.nano_euro"
    );
    tx.execute(composed(sql), list).await?;
    Ok(())
}

/// Gives the warnings that these sums have made due. Returns those that anybody may see.
async fn warn(tx: &mut Tx, rows: &[(Key, MonthSum)]) -> Result<Vec<LimitWarning>, Error> {
    let subjects: BTreeSet<String> =
        rows.iter().map(|((subject, ..), _)| subject.clone()).collect();
    let subjects: Vec<String> = subjects.into_iter().collect();
    let limits = limits_of(tx, &subjects).await?;
    let mut given = Vec::new();
    for limit in limits {
        let subject = limit.scope.to_string();
        let months = rows.iter().map(|(key, _)| key);
        let months = months.filter(|(name, _, tenant)| *name == subject && *tenant == limit.tenant);
        for (_, month, _) in months {
            for (meter, used) in budgets_used(tx, &limit, *month).await? {
                let Some(most) = limit.limit.of(meter) else { continue };
                let Some(percent) = UsageLimit::reached(used, most) else { continue };
                let at = Instant::now();
                let scope = limit.scope.clone();
                let warning = LimitWarning { tenant: limit.tenant, scope, meter, percent, at };
                if give(tx, &warning, *month).await? && is_public(tx, &warning.scope).await? {
                    announce(tx, &warning, *month).await?;
                    given.push(warning);
                }
            }
        }
    }
    Ok(given)
}

/// What is used of each kind of budget in a month.
async fn budgets_used(tx: &mut Tx, row: &LimitRow, month: i64) -> Result<Vec<(Meter, u64)>, Error> {
    let sql = "SELECT tokens, nano_euro FROM usage_month \
               WHERE subject = $1 AND month = $2 AND tenant_id = $3";
    match tx.fetch_one(sql, params![row.scope.to_string(), month, row.tenant]).await? {
        Some(sum) => Ok(vec![
            (Meter::MonthTokens, get(&sum, "tokens")?),
            (Meter::MonthCost, get(&sum, "nano_euro")?),
        ]),
        None => Ok(Vec::new()),
    }
}

/// Writes a warning down, if it was not given before.
async fn give(tx: &mut Tx, warning: &LimitWarning, month: i64) -> Result<bool, Error> {
    let LimitWarning { tenant, scope, meter, percent, at } = warning;
    let fresh = tx
        .execute(
            "INSERT INTO limit_warning (tenant_id, subject, month, meter, percent, at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            params![*tenant, scope.to_string(), month, meter.code(), *percent, *at],
        )
        .await?;
    Ok(fresh > 0)
}

/// Whether a warning about this scope says nothing about one person: whoever may lower a limit until it
/// warns would read off what they used. Accounts of programs are no people.
async fn is_public(tx: &mut Tx, scope: &LimitScope) -> Result<bool, Error> {
    let (sql, id) = match scope {
        LimitScope::Tenant | LimitScope::Unit(_) | LimitScope::Model(_) => return Ok(true),
        LimitScope::Person(id) => {
            ("SELECT id FROM user_account WHERE id = $1 AND is_service = 1", id.to_string())
        }
        LimitScope::Key(id) => (
            "SELECT k.id FROM api_key k JOIN user_account u ON u.id = k.user_id \
             WHERE k.id = $1 AND u.is_service = 1",
            id.to_string(),
        ),
    };
    Ok(tx.fetch_one(sql, params![id]).await?.is_some())
}

/// Writes a warning into the audit log.
async fn announce(tx: &mut Tx, warning: &LimitWarning, month: i64) -> Result<(), Error> {
    let mut event = AuditEvent::done(&By::system(), "limit_warning")
        .with("meter", warning.meter.code())
        .with("percent", warning.percent)
        .with("month", month);
    event.object = Some(object(&warning.scope));
    audit::append(tx, warning.tenant, event).await
}

/// Forgets the warnings of this month that a changed limit has made untrue, so that they are given again
/// once they are due again.
pub(crate) async fn rearm(tx: &mut Tx, row: &LimitRow) -> Result<(), Error> {
    let LimitRow { tenant, scope, limit } = row;
    let month = Month::of(Instant::now()).number();
    for (meter, used) in budgets_used(tx, row, month).await? {
        let reached = limit.of(meter).and_then(|most| UsageLimit::reached(used, most));
        tx.execute(
            "DELETE FROM limit_warning \
             WHERE subject = $1 AND month = $2 AND tenant_id = $3 AND meter = $4 AND percent > $5",
            params![scope.to_string(), month, *tenant, meter.code(), reached.unwrap_or(0)],
        )
        .await?;
    }
    Ok(())
}
