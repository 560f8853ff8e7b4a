//! Collections: documents under one set of rights. Who may read one is decided inside each query.

use std::collections::BTreeSet;

use domain::{
    CollectionId, DataClass, DocumentId, Instant, Principal, Resource, TenantId, UnitId, UserId,
    Visibility,
};
use sqlx::any::AnyRow;

use crate::{
    AuditEvent, By, Conflict, Cursor, Error, Page, PersonName, Store, UnitName, audit,
    blobs::Blobs,
    database::{Tx, composed, fetch, fetch_one, placeholders},
    engine,
    jobs::{self, NewJob},
    quotes,
    values::{Params, get, params},
};

/// A collection as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its id.
    pub id: CollectionId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Who made it.
    pub owner: PersonName,
    /// Its name.
    pub name: String,
    /// How sensitive its documents are.
    pub data_class: DataClass,
    /// Who besides the owner reads it.
    pub visibility: Visibility,
    /// The unit that reads it, with its name.
    pub unit: Option<UnitName>,
    /// Whether it is its owner's default collection.
    pub is_default: bool,
    /// How many documents lie in it, in whatever state.
    pub documents: u64,
    /// Since when.
    pub created_at: Instant,
}

impl Collection {
    /// The collection as `domain::authorise` wants it.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::Collection {
            tenant: self.tenant,
            owner: self.owner.id,
            visibility: self.visibility,
        }
    }
}

/// A collection to make.
#[derive(Debug, Clone)]
pub struct NewCollection {
    /// Its name.
    pub name: String,
    /// How sensitive its documents are.
    pub data_class: DataClass,
    /// Who besides the owner reads it.
    pub visibility: Visibility,
}

/// What to change in a collection; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct CollectionChange {
    /// New name.
    pub name: Option<String>,
    /// New data class.
    pub data_class: Option<DataClass>,
    /// New visibility.
    pub visibility: Option<Visibility>,
}

const COLUMNS: &str = "c.id, c.tenant_id, c.owner_id, o.name AS owner_name, c.name, c.data_class, \
     c.visibility, c.unit_id, u.name AS unit_name, c.is_default, c.created_at, \
     (SELECT COUNT(*) FROM document d WHERE d.collection_id = c.id) AS documents";
const TABLES: &str = "collection c JOIN user_account o ON o.id = c.owner_id \
     LEFT JOIN unit u ON u.id = c.unit_id";

/// The condition under which a principal may read the collection `c`, and the place of the next
/// parameter. It says in SQL what `domain::authorise` says of `ReadCollection`; a test compares both.
pub(crate) fn readable_by(principal: &Principal, list: &mut Params) -> (String, usize) {
    list.add(principal.tenant);
    list.add(principal.user);
    principal.units.iter().for_each(|unit| list.add(*unit));
    let units = placeholders(3, principal.units.len());
    // The tenant stands in each branch, so that each finds its way through an index.
    let clause = format!(
        "((c.tenant_id = $1 AND c.owner_id = $2) \
         OR (c.tenant_id = $1 AND c.visibility = 'tenant') \
         OR (c.tenant_id = $1 AND c.visibility = 'unit' AND c.unit_id IN ({units})))"
    );
    (clause, 3 + principal.units.len())
}

impl Store {
    /// Lists the collections a principal may read: their default one first, then by name.
    ///
    /// # Errors
    /// A database error, or a bad cursor.
    pub async fn readable_collections(
        &self,
        principal: &Principal,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Collection>, Error> {
        const RANK: &str = "CASE WHEN c.owner_id = $2 AND c.is_default = 1 THEN '0' ELSE '1' END";
        let [rank, name, id] = match after {
            Some(cursor) => Cursor::parse_texts(cursor)?,
            None => [const { String::new() }; 3],
        };
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        list.add(rank);
        list.add(name);
        list.add(id);
        list.add(i64::from(limit) + 1);
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE {readable} \
             AND ({RANK}, c.name, c.id) > (${next}, ${}, ${}) \
             ORDER BY {RANK}, c.name, c.id LIMIT ${}",
            next + 1,
            next + 2,
            next + 3
        );
        let mut db = self.read().await?;
        let rows = fetch(&mut db, composed(sql), list).await?;
        let found = rows.iter().map(collection).collect::<Result<Vec<_>, Error>>()?;
        Ok(Page::cut(found, limit, |last| {
            let rank = if last.is_default && last.owner.id == principal.user { "0" } else { "1" };
            Cursor::write_texts(&[rank, &last.name, &last.id.to_string()])
        }))
    }

    /// Lists only the ids and classes of the collections a principal may read.
    ///
    /// # Errors
    /// A database error.
    pub async fn readable_collection_ids(
        &self,
        principal: &Principal,
    ) -> Result<Vec<(CollectionId, DataClass)>, Error> {
        let mut list = params![];
        let (readable, _) = readable_by(principal, &mut list);
        let sql = format!("SELECT c.id, c.data_class FROM collection c WHERE {readable}");
        let mut db = self.read().await?;
        let rows = fetch(&mut db, composed(sql), list).await?;
        rows.iter().map(|row| Ok((get(row, "id")?, get(row, "data_class")?))).collect()
    }

    /// Returns a collection a principal may read.
    ///
    /// # Errors
    /// [`Error::NotFound`], also where it exists and they may not know.
    pub async fn collection_for(
        &self,
        principal: &Principal,
        id: CollectionId,
    ) -> Result<Collection, Error> {
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        list.add(id);
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE c.id = ${next} AND {readable}");
        let mut db = self.read().await?;
        let row = fetch_one(&mut db, composed(sql), list).await?.ok_or(Error::NotFound)?;
        collection(&row)
    }

    /// Returns those of `ids` that a principal may read.
    ///
    /// # Errors
    /// A database error.
    pub async fn collections_for(
        &self,
        principal: &Principal,
        ids: &[CollectionId],
    ) -> Result<Vec<Collection>, Error> {
        let mut list = params![];
        let (readable, next) = readable_by(principal, &mut list);
        ids.iter().for_each(|id| list.add(*id));
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE c.id IN ({}) AND {readable}",
            placeholders(next, ids.len())
        );
        let mut db = self.read().await?;
        fetch(&mut db, composed(sql), list).await?.iter().map(collection).collect()
    }

    /// Returns the id of a person's default collection.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown person.
    pub async fn default_collection(
        &self,
        tenant: TenantId,
        owner: UserId,
    ) -> Result<CollectionId, Error> {
        let mut db = self.read().await?;
        let sql = "SELECT id FROM collection \
                   WHERE owner_id = $1 AND tenant_id = $2 AND is_default = 1";
        let row = fetch_one(&mut db, sql, params![owner, tenant]).await?.ok_or(Error::NotFound)?;
        get(&row, "id")
    }

    /// Makes a collection that belongs to the principal.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the unit that shall read it is not one of the tenant.
    pub async fn create_collection(
        &self,
        principal: &Principal,
        new: &NewCollection,
    ) -> Result<Collection, Error> {
        let id = CollectionId::new();
        let mut tx = self.write().await?;
        insert(&mut tx, principal.tenant, principal.user, id, new, false).await?;
        let event = AuditEvent::done(&By::from(principal), "create_collection")
            .to("collection", id)
            .with("data_class", new.data_class.code())
            .with("visibility", new.visibility.code());
        audit::append(&mut tx, principal.tenant, event).await?;
        tx.commit().await?;
        self.collection_for(principal, id).await
    }

    /// Changes a collection of the principal's own.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not theirs, or the unit not one of the tenant.
    pub async fn change_collection(
        &self,
        principal: &Principal,
        id: CollectionId,
        change: &CollectionChange,
    ) -> Result<Collection, Error> {
        let mut tx = self.write().await?;
        owned(&mut tx, principal, id).await?;
        let mut event = AuditEvent::done(&By::from(principal), "change_collection");
        if let Some(name) = &change.name {
            tx.execute("UPDATE collection SET name = $2 WHERE id = $1", params![id, name]).await?;
        }
        if let Some(class) = change.data_class {
            let sql = "UPDATE collection SET data_class = $2 WHERE id = $1";
            tx.execute(sql, params![id, class.code()]).await?;
            event = event.with("data_class", class.code());
        }
        if let Some(visibility) = change.visibility {
            check_unit(&mut tx, principal.tenant, visibility.unit()).await?;
            let sql = "UPDATE collection SET visibility = $2, unit_id = $3 WHERE id = $1";
            tx.execute(sql, params![id, visibility.code(), visibility.unit()]).await?;
            event = event.with("visibility", visibility.code());
        }
        let sql = "UPDATE collection SET updated_at = $2 WHERE id = $1";
        tx.execute(sql, params![id, Instant::now()]).await?;
        audit::append(&mut tx, principal.tenant, event.to("collection", id)).await?;
        tx.commit().await?;
        self.collection_for(principal, id).await
    }

    /// Deletes a collection of the principal's own with all its documents: the rows at once, then the
    /// files; a job clears the index.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not theirs; [`Conflict::DefaultCollection`].
    pub async fn delete_collection(
        &self,
        principal: &Principal,
        id: CollectionId,
        blobs: &Blobs,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        // Uploads into it that have begun are waited for, and go too; later ones find it gone.
        let locking = engine::owned_collection_row(tx.engine());
        let row = tx.fetch_one(locking, params![id, principal.tenant, principal.user]).await?;
        if get(&row.ok_or(Error::NotFound)?, "is_default")? {
            return Err(Error::Conflict(Conflict::DefaultCollection));
        }
        // In one order everywhere, so that no two transactions wait for each other.
        let sql = format!(
            "SELECT id, blob_hash FROM document WHERE collection_id = $1 ORDER BY id{}",
            engine::deleting_rows(tx.engine())
        );
        let rows = tx.fetch(composed(sql), params![id]).await?;
        let hashes: BTreeSet<String> =
            rows.iter().map(|row| get(row, "blob_hash")).collect::<Result<_, _>>()?;
        let hashes: Vec<String> = hashes.into_iter().collect();
        let documents: Vec<DocumentId> =
            rows.iter().map(|row| get(row, "id")).collect::<Result<_, _>>()?;
        tx.execute("DELETE FROM document WHERE collection_id = $1", params![id]).await?;
        quotes::forget(&mut tx, &documents).await?;
        tx.execute("DELETE FROM collection WHERE id = $1", params![id]).await?;
        jobs::enqueue(&mut tx, &NewJob::purge_collection(principal, id)).await?;
        let event =
            AuditEvent::done(&By::from(principal), "delete_collection").to("collection", id);
        audit::append(&mut tx, principal.tenant, event).await?;
        tx.commit().await?;
        self.collect_blobs(blobs, &hashes).await
    }
}

/// Inserts a collection; the caller writes the audit entry.
pub(crate) async fn insert(
    tx: &mut Tx,
    tenant: TenantId,
    owner: UserId,
    id: CollectionId,
    new: &NewCollection,
    is_default: bool,
) -> Result<(), Error> {
    check_unit(tx, tenant, new.visibility.unit()).await?;
    tx.execute(
        "INSERT INTO collection (id, tenant_id, owner_id, name, data_class, visibility, unit_id, \
                                 is_default, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
        params![
            id,
            tenant,
            owner,
            new.name.as_str(),
            new.data_class.code(),
            new.visibility.code(),
            new.visibility.unit(),
            is_default,
            Instant::now()
        ],
    )
    .await?;
    Ok(())
}

/// Makes sure that the principal owns the collection.
pub(crate) async fn owned(
    tx: &mut Tx,
    principal: &Principal,
    id: CollectionId,
) -> Result<(), Error> {
    let sql = "SELECT id FROM collection WHERE id = $1 AND tenant_id = $2 AND owner_id = $3";
    let row = tx.fetch_one(sql, params![id, principal.tenant, principal.user]).await?;
    row.map(|_| ()).ok_or(Error::NotFound)
}

async fn check_unit(tx: &mut Tx, tenant: TenantId, unit: Option<UnitId>) -> Result<(), Error> {
    let Some(unit) = unit else { return Ok(()) };
    let sql = "SELECT id FROM unit WHERE id = $1 AND tenant_id = $2";
    tx.fetch_one(sql, params![unit, tenant]).await?.map(|_| ()).ok_or(Error::NotFound)
}

fn collection(row: &AnyRow) -> Result<Collection, Error> {
    let (visibility, unit_id): (String, Option<String>) =
        (get(row, "visibility")?, get(row, "unit_id")?);
    let visibility = Visibility::from_parts(&visibility, unit_id.as_deref())
        .map_err(|_| Error::Unreadable("visibility"))?;
    let unit = match visibility.unit() {
        Some(id) => Some(UnitName { id, name: get(row, "unit_name")? }),
        None => None,
    };
    Ok(Collection {
        id: get(row, "id")?,
        tenant: get(row, "tenant_id")?,
        owner: PersonName { id: get(row, "owner_id")?, name: get(row, "owner_name")? },
        name: get(row, "name")?,
        data_class: get(row, "data_class")?,
        visibility,
        unit,
        is_default: get(row, "is_default")?,
        documents: get(row, "documents")?,
        created_at: get(row, "created_at")?,
    })
}
