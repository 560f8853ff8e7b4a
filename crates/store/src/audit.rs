//! The audit log: who did what to which thing, and what came of it. Codes and ids only.
//!
//! Entries of a tenant form a chain: each carries the SHA-256 of its own fields and of the entry
//! before it, and the head is kept beside the log. [`Store::verify_audit`] therefore notices an entry
//! that was changed, removed (the last ones too) or moved. It does not notice a database owner who
//! writes the whole chain and its head anew; against that, keep the head's hash elsewhere.

use std::{borrow::Cow, collections::BTreeMap};

use domain::{Credential, Instant, KeyId, Principal, TenantId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, any::AnyRow};

use crate::{
    Cursor, Error, Page, Store,
    audit_names::name_all,
    database::{Tx, composed, count, fetch, fetch_one},
    engine,
    values::{Params, get, params},
};

/// Rows of one statement.
const ROWS_PER_STATEMENT: usize = 50;

/// Most entries read at once while verifying.
const VERIFY_BATCH: i64 = 1_000;

/// By which door somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Signed in with a browser.
    Session,
    /// With an API key.
    Key,
    /// On the command line of the server.
    Command,
    /// The platform itself, or somebody who has not signed in yet.
    System,
}

impl Via {
    const fn code(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Key => "key",
            Self::Command => "command",
            Self::System => "system",
        }
    }
}

/// On whose behalf a change is made; travels into the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The person, where one is known.
    pub user: Option<UserId>,
    /// The key they used.
    pub key: Option<KeyId>,
    /// The door.
    pub via: Via,
}

impl By {
    /// The operator at the command line.
    #[must_use]
    pub const fn command() -> Self {
        Self { user: None, key: None, via: Via::Command }
    }

    /// The platform itself.
    #[must_use]
    pub const fn system() -> Self {
        Self { user: None, key: None, via: Via::System }
    }
}

impl From<&Principal> for By {
    fn from(principal: &Principal) -> Self {
        let (key, via) = match &principal.credential {
            Credential::Session(_) => (None, Via::Session),
            Credential::ApiKey { id, .. } => (Some(*id), Via::Key),
        };
        Self { user: Some(principal.user), key, via }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
    /// It was tried and failed.
    Failed,
}

impl AuditOutcome {
    /// The code used in tables and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What kind of thing an id names, as it stands in front of the id in [`AuditEvent::object`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// A collection.
    Collection,
    /// A document.
    Document,
    /// A passage of a document.
    Passage,
    /// A conversation.
    Conversation,
    /// A message of a conversation.
    Message,
    /// An answer in the making.
    Run,
    /// A browser session.
    Session,
    /// An API key.
    Key,
}

impl ObjectKind {
    /// The code used in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Collection => "collection",
            Self::Document => "document",
            Self::Passage => "passage",
            Self::Conversation => "conversation",
            Self::Message => "message",
            Self::Run => "run",
            Self::Session => "session",
            Self::Key => "key",
        }
    }

    const fn counting(self) -> &'static str {
        match self {
            Self::Collection => {
                "SELECT COUNT(*) AS n FROM collection WHERE id = $1 AND tenant_id = $2"
            }
            Self::Document => "SELECT COUNT(*) AS n FROM document WHERE id = $1 AND tenant_id = $2",
            Self::Passage => "SELECT COUNT(*) AS n FROM passage WHERE id = $1 AND tenant_id = $2",
            Self::Conversation => {
                "SELECT COUNT(*) AS n FROM conversation WHERE id = $1 AND tenant_id = $2"
            }
            Self::Message => "SELECT COUNT(*) AS n FROM message WHERE id = $1 AND tenant_id = $2",
            Self::Run => "SELECT COUNT(*) AS n FROM run WHERE id = $1 AND tenant_id = $2",
            Self::Session => "SELECT COUNT(*) AS n FROM session WHERE id = $1 AND tenant_id = $2",
            Self::Key => "SELECT COUNT(*) AS n FROM api_key WHERE id = $1 AND tenant_id = $2",
        }
    }
}

/// Something to write down. `action`, and the keys and values of `detail`, are codes of ours;
/// `object` is `kind:id`.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// Who.
    pub by: By,
    /// What, named as the operation is named everywhere, e.g. `create_collection`.
    pub action: Cow<'static, str>,
    /// To which thing.
    pub object: Option<String>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Further codes.
    pub detail: BTreeMap<&'static str, String>,
}

impl AuditEvent {
    /// Something that was done.
    #[must_use]
    pub fn done(by: &By, action: impl Into<Cow<'static, str>>) -> Self {
        let outcome = AuditOutcome::Done;
        Self { by: *by, action: action.into(), object: None, outcome, detail: BTreeMap::new() }
    }

    /// To a thing of this kind and id.
    #[must_use]
    pub fn to(mut self, kind: &str, id: impl std::fmt::Display) -> Self {
        self.object = Some(format!("{kind}:{id}"));
        self
    }

    /// With another outcome.
    #[must_use]
    pub fn outcome(mut self, outcome: AuditOutcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// With a further code.
    #[must_use]
    pub fn with(mut self, key: &'static str, code: impl std::fmt::Display) -> Self {
        self.detail.insert(key, code.to_string());
        self
    }
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number in the tenant, from 1 without gaps.
    pub sequence: u64,
    /// When.
    pub at: Instant,
    /// Who; the person may be gone.
    pub actor: Option<UserId>,
    /// Their name, as long as there is an account.
    pub actor_name: Option<String>,
    /// What.
    pub action: String,
    /// To which thing, as `kind:id`.
    pub object: Option<String>,
    /// What came of it, see [`AuditOutcome::code`].
    pub outcome: String,
    /// Further codes.
    pub detail: BTreeMap<String, String>,
    /// The names of people, units and keys in object and detail, by their ids, as far as there are any.
    pub names: BTreeMap<String, String>,
}

/// What verifying found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditReport {
    /// Entries present.
    pub entries: u64,
    /// The first number at which the chain does not hold: a changed, missing or moved entry.
    pub first_broken: Option<u64>,
}

impl AuditReport {
    /// Says whether the chain holds.
    #[must_use]
    pub const fn intact(&self) -> bool {
        self.first_broken.is_none()
    }
}

impl Store {
    /// Writes down something that changes no row, e.g. a refused sign-in.
    ///
    /// # Errors
    /// A database error.
    pub async fn record_audit(&self, tenant: TenantId, event: AuditEvent) -> Result<(), Error> {
        let mut tx = self.write().await?;
        append(&mut tx, tenant, event).await?;
        tx.commit().await
    }

    /// Says whether the tenant has such a thing, whoever may see it.
    ///
    /// # Errors
    /// A database error.
    pub async fn is_known(
        &self,
        tenant: TenantId,
        kind: ObjectKind,
        id: &str,
    ) -> Result<bool, Error> {
        let mut db = self.read().await?;
        Ok(count(&mut db, kind.counting(), params![id, tenant]).await? > 0)
    }

    /// Lists entries, newest first.
    ///
    /// # Errors
    /// A database error, or a bad cursor.
    pub async fn audit_entries(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<AuditEntry>, Error> {
        let before = match after {
            Some(cursor) => Cursor::parse_number(cursor)?,
            None => i64::MAX,
        };
        let mut db = self.read().await?;
        let rows = fetch(
            &mut db,
            "SELECT a.sequence, a.at, a.actor, u.name AS actor_name, a.action, a.object, \
                    a.outcome, a.detail \
             FROM audit a LEFT JOIN user_account u ON u.id = a.actor AND u.tenant_id = a.tenant_id \
             WHERE a.tenant_id = $1 AND a.sequence < $2 ORDER BY a.sequence DESC LIMIT $3",
            params![tenant, before, i64::from(limit) + 1],
        )
        .await?;
        let entries = rows.iter().map(entry).collect::<Result<Vec<_>, Error>>()?;
        let mut page = Page::cut(entries, limit, |last| last.sequence.to_string());
        name_all(&mut db, tenant, &mut page.items).await?;
        Ok(page)
    }

    /// Walks the whole chain of a tenant.
    ///
    /// # Errors
    /// A database error; a broken chain is a result, not an error.
    pub async fn verify_audit(&self, tenant: TenantId) -> Result<AuditReport, Error> {
        // One view of log and head: entries written meanwhile are in neither.
        let mut tx = self.snapshot().await?;
        let report = verify(&mut tx, tenant).await?;
        tx.rollback().await?;
        Ok(report)
    }

    /// The end of a tenant's chain: number and hash of its last entry. Kept somewhere else, it proves
    /// later that nobody wrote the log anew.
    ///
    /// # Errors
    /// A database error, or [`Error::NotFound`] for an unknown tenant.
    pub async fn audit_head(&self, tenant: TenantId) -> Result<(u64, String), Error> {
        let mut db = self.read().await?;
        head(&mut db, tenant).await?.ok_or(Error::NotFound)
    }
}

/// Lays the beginning of a tenant's chain.
pub(crate) async fn lay_head(tx: &mut Tx, tenant: TenantId) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO audit_head (tenant_id, sequence, hash) VALUES ($1, 0, $2)",
        params![tenant, genesis(tenant)],
    )
    .await?;
    Ok(())
}

/// Appends an entry in the caller's transaction. Call it last: the end of the chain stays locked
/// until the commit.
pub(crate) async fn append(tx: &mut Tx, tenant: TenantId, event: AuditEvent) -> Result<(), Error> {
    append_all(tx, tenant, vec![event]).await
}

/// The same for several entries, in their order.
pub(crate) async fn append_all(
    tx: &mut Tx,
    tenant: TenantId,
    events: Vec<AuditEvent>,
) -> Result<(), Error> {
    let head = engine::audit_head(tx.engine());
    let row = tx.fetch_one(head, params![tenant]).await?.ok_or(Error::NotFound)?;
    let (mut sequence, mut hash): (i64, String) = (get(&row, "sequence")?, get(&row, "hash")?);
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        sequence += 1;
        let link = Link::of(event, sequence);
        let previous = std::mem::take(&mut hash);
        hash = link.hash(tenant, &previous);
        rows.push((link, previous, hash.clone()));
    }
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        insert(tx, tenant, rows.by_ref().take(ROWS_PER_STATEMENT)).await?;
    }
    let sql = "UPDATE audit_head SET sequence = $2, hash = $3 WHERE tenant_id = $1";
    tx.execute(sql, params![tenant, sequence, hash]).await?;
    Ok(())
}

/// Writes links down, each with the hash before it and its own.
async fn insert(
    tx: &mut Tx,
    tenant: TenantId,
    rows: impl Iterator<Item = (Link, String, String)>,
) -> Result<(), Error> {
    const WIDTH: usize = 10;
    let (mut values, mut list) = (Vec::new(), Params::default());
    for (index, (link, previous_hash, hash)) in rows.enumerate() {
        let marks = tx.engine().placeholders_in_order(index * WIDTH + 1, WIDTH);
        values.push(format!("({marks})"));
        list.add(tenant);
        list.add(link.sequence);
        list.add(link.at);
        list.add(link.actor);
        list.add(link.action);
        list.add(link.object);
        list.add(link.outcome);
        list.add(link.detail);
        list.add(previous_hash);
        list.add(hash);
    }
    let values = values.join(", ");
    let sql = format!(
        "INSERT INTO audit (tenant_id, sequence, at, actor, action, object, outcome, detail, \
                            previous_hash, hash) VALUES {values}"
    );
    tx.execute(composed(sql), list).await?;
    Ok(())
}

pub(crate) async fn verify(db: &mut AnyConnection, tenant: TenantId) -> Result<AuditReport, Error> {
    let mut walked = Walk { entries: 0, next: 1, hash: genesis(tenant), first_broken: None };
    let mut after = i64::MIN;
    loop {
        let rows = fetch(
            db,
            "SELECT sequence, at, actor, action, object, outcome, detail, previous_hash, hash \
             FROM audit WHERE tenant_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
            params![tenant, after, VERIFY_BATCH],
        )
        .await?;
        for row in &rows {
            after = get(row, "sequence")?;
            walked.step(tenant, row)?;
        }
        if rows.len() < VERIFY_BATCH as usize {
            break;
        }
    }
    let head = head(db, tenant).await?;
    let ends_at_head =
        head.is_some_and(|(sequence, hash)| sequence + 1 == walked.next && hash == walked.hash);
    if !ends_at_head && walked.first_broken.is_none() {
        walked.first_broken = Some(walked.next);
    }
    Ok(AuditReport { entries: walked.entries, first_broken: walked.first_broken })
}

/// How far verifying has come.
struct Walk {
    entries: u64,
    /// The number the next entry must have.
    next: u64,
    /// The hash it must follow.
    hash: String,
    first_broken: Option<u64>,
}

impl Walk {
    fn step(&mut self, tenant: TenantId, row: &AnyRow) -> Result<(), Error> {
        self.entries += 1;
        if self.first_broken.is_some() {
            return Ok(());
        }
        let link = Link {
            sequence: get(row, "sequence")?,
            at: get(row, "at")?,
            actor: get(row, "actor")?,
            action: get(row, "action")?,
            object: get(row, "object")?,
            outcome: get(row, "outcome")?,
            detail: get(row, "detail")?,
        };
        let (previous, hash): (String, String) = (get(row, "previous_hash")?, get(row, "hash")?);
        let holds = u64::try_from(link.sequence) == Ok(self.next)
            && previous == self.hash
            && hash == link.hash(tenant, &previous);
        if !holds {
            self.first_broken = Some(self.next);
            return Ok(());
        }
        self.next += 1;
        self.hash = hash;
        Ok(())
    }
}

async fn head(db: &mut AnyConnection, tenant: TenantId) -> Result<Option<(u64, String)>, Error> {
    let sql = "SELECT sequence, hash FROM audit_head WHERE tenant_id = $1";
    match fetch_one(db, sql, params![tenant]).await? {
        Some(row) => Ok(Some((get(&row, "sequence")?, get(&row, "hash")?))),
        None => Ok(None),
    }
}

fn genesis(tenant: TenantId) -> String {
    hex::encode(Sha256::digest(format!("fachwerk-audit-1:{tenant}")))
}

/// The fields of an entry that its hash covers, exactly as they lie in the table.
struct Link {
    sequence: i64,
    at: i64,
    actor: Option<String>,
    action: String,
    object: Option<String>,
    outcome: String,
    detail: String,
}

impl Link {
    fn of(event: AuditEvent, sequence: i64) -> Self {
        let mut detail = event.detail;
        detail.insert("via", event.by.via.code().to_owned());
        if let Some(key) = event.by.key {
            detail.insert("key", key.to_string());
        }
        Self {
            sequence,
            at: Instant::now().micros(),
            actor: event.by.user.map(|user| user.to_string()),
            action: event.action.into_owned(),
            object: event.object,
            outcome: event.outcome.code().to_owned(),
            detail: serde_json::to_string(&detail).expect("a map of texts is plain JSON"),
        }
    }

    /// SHA-256 over every field with its length in front, so that no two entries read the same.
    fn hash(&self, tenant: TenantId, previous_hash: &str) -> String {
        let mut hash = Sha256::new();
        let mut field = |value: Option<&str>| match value {
            None => hash.update([0]),
            Some(text) => {
                hash.update([1]);
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        };
        field(Some("fachwerk-audit-1"));
        field(Some(&tenant.to_string()));
        field(Some(&self.sequence.to_string()));
        field(Some(&self.at.to_string()));
        field(self.actor.as_deref());
        field(Some(&self.action));
        field(self.object.as_deref());
        field(Some(&self.outcome));
        field(Some(&self.detail));
        field(Some(previous_hash));
        hex::encode(hash.finalize())
    }
}

fn entry(row: &AnyRow) -> Result<AuditEntry, Error> {
    let detail: String = get(row, "detail")?;
    Ok(AuditEntry {
        sequence: get(row, "sequence")?,
        at: get(row, "at")?,
        actor: get(row, "actor")?,
        actor_name: get(row, "actor_name")?,
        action: get(row, "action")?,
        object: get(row, "object")?,
        outcome: get(row, "outcome")?,
        detail: serde_json::from_str(&detail).map_err(|_| Error::Unreadable("detail"))?,
        names: BTreeMap::new(),
    })
}
