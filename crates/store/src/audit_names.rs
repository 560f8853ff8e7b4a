//! The names of what stands in the audit log by its id, at the time of reading. The log itself holds no
//! names: whoever is gone has none any more.

use std::collections::{BTreeMap, BTreeSet};

use domain::TenantId;
use sqlx::AnyConnection;

use crate::{
    AuditEntry, Error,
    database::{composed, fetch, placeholders},
    values::{Params, get},
};

/// Ids that are asked for by one statement.
const IDS_PER_STATEMENT: usize = 200;
/// Most ids that are looked up for one page; the rest are told as ids.
const IDS_MAX: usize = 2_000;
/// Letters of an id.
const ID_CHARS: usize = 36;

/// Names the people, units and keys of the tenant in the entries: what every administrator may list. What
/// belongs to people, such as collections and documents, is not named.
pub(crate) async fn name_all(
    db: &mut AnyConnection,
    tenant: TenantId,
    entries: &mut [AuditEntry],
) -> Result<(), Error> {
    let ids: BTreeSet<&str> = entries.iter().flat_map(ids_of).collect();
    let ids: Vec<&str> = ids.into_iter().take(IDS_MAX).collect();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for ids in ids.chunks(IDS_PER_STATEMENT) {
        let listed = placeholders(2, ids.len());
        let of = |table| {
            format!("SELECT id, name FROM {table} WHERE tenant_id = $1 AND id IN ({listed})")
        };
        let sql = ["user_account", "unit", "api_key"].map(of).join(" UNION ALL ");
        let mut params = Params::default();
        params.add(tenant);
        ids.iter().for_each(|id| params.add(*id));
        for row in fetch(db, composed(sql), params).await? {
            names.insert(get(&row, "id")?, get(&row, "name")?);
        }
    }
    for entry in entries {
        let known = |id: &str| Some((id.to_owned(), names.get(id)?.clone()));
        let named: BTreeMap<String, String> = ids_of(entry).filter_map(known).collect();
        entry.names = named;
    }
    Ok(())
}

/// The ids that stand in an entry, beside that of whoever did it.
fn ids_of(entry: &AuditEntry) -> impl Iterator<Item = &str> {
    let texts = entry.object.iter().chain(entry.detail.values());
    let words = texts.flat_map(|text| text.split([':', ' ', ',']));
    words.filter(|word| word.len() == ID_CHARS && word.bytes().filter(|b| *b == b'-').count() == 4)
}
