//! Conversations: personal, found again by title and text.

use domain::{ConversationId, Instant, TenantId, UserId};
use sqlx::any::AnyRow;

use crate::{
    Cursor, Error, Page, Store,
    database::{composed, fetch, fetch_one},
    values::{get, params},
};

/// A conversation in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Its title; may be empty.
    pub title: String,
    /// Since when.
    pub created_at: Instant,
    /// Last message or change.
    pub updated_at: Instant,
    /// Whether an answer is being written in it.
    pub running: bool,
}

const COLUMNS: &str = "c.id, c.title, c.created_at, c.updated_at, \
     (SELECT COUNT(*) FROM run r WHERE r.conversation_id = c.id AND r.state = 'running') AS running";

impl Store {
    /// Makes a conversation.
    ///
    /// # Errors
    /// A database error.
    pub async fn create_conversation(
        &self,
        tenant: TenantId,
        owner: UserId,
        title: &str,
    ) -> Result<Conversation, Error> {
        let now = Instant::now();
        let id = ConversationId::new();
        let mut tx = self.write().await?;
        tx.execute(
            "INSERT INTO conversation (id, tenant_id, owner_id, title, title_folded, created_at, \
                                       updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6)",
            params![id, tenant, owner, title, fold(title), now],
        )
        .await?;
        tx.commit().await?;
        let title = title.to_owned();
        Ok(Conversation { id, title, created_at: now, updated_at: now, running: false })
    }

    /// Lists a person's conversations, the last changed first; with `query` those whose title or
    /// messages contain it, in any case of letters.
    ///
    /// # Errors
    /// A database error, or a bad cursor.
    pub async fn conversations(
        &self,
        tenant: TenantId,
        owner: UserId,
        query: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<Conversation>, Error> {
        let (at, id) = Cursor::before(after)?;
        let mut list = params![tenant, owner, at, id, i64::from(limit) + 1];
        let mut sql = format!(
            "SELECT {COLUMNS} FROM conversation c WHERE c.tenant_id = $1 AND c.owner_id = $2 \
             AND c.updated_at <= $3 AND (c.updated_at < $3 OR c.id < $4)"
        );
        if let Some(query) = query.map(str::trim).filter(|query| !query.is_empty()) {
            list.add(pattern(query));
            sql.push_str(
                " AND (c.title_folded LIKE $6 ESCAPE '!' OR EXISTS (SELECT 1 FROM message m \
                 WHERE m.conversation_id = c.id AND m.text_folded LIKE $6 ESCAPE '!'))",
            );
        }
        sql.push_str(" ORDER BY c.updated_at DESC, c.id DESC LIMIT $5");
        let mut db = self.read().await?;
        let rows = fetch(&mut db, composed(sql), list).await?;
        let found = rows.iter().map(conversation).collect::<Result<Vec<_>, Error>>()?;
        Ok(Page::cut(found, limit, |last| Cursor::write(last.updated_at, last.id)))
    }

    /// Returns a person's conversation.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not theirs.
    pub async fn conversation(
        &self,
        tenant: TenantId,
        owner: UserId,
        id: ConversationId,
    ) -> Result<Conversation, Error> {
        let mut db = self.read().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM conversation c \
             WHERE c.id = $1 AND c.tenant_id = $2 AND c.owner_id = $3"
        );
        let row = fetch_one(&mut db, composed(sql), params![id, tenant, owner]).await?;
        conversation(&row.ok_or(Error::NotFound)?)
    }

    /// Gives a conversation another title.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not theirs.
    pub async fn rename_conversation(
        &self,
        tenant: TenantId,
        owner: UserId,
        id: ConversationId,
        title: &str,
    ) -> Result<Conversation, Error> {
        let mut tx = self.write().await?;
        let renamed = tx
            .execute(
                "UPDATE conversation SET title = $4, title_folded = $5 \
                 WHERE id = $1 AND tenant_id = $2 AND owner_id = $3",
                params![id, tenant, owner, title, fold(title)],
            )
            .await?;
        if renamed == 0 {
            return Err(Error::NotFound);
        }
        tx.commit().await?;
        self.conversation(tenant, owner, id).await
    }

    /// Deletes a conversation with its messages and runs.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not theirs.
    pub async fn delete_conversation(
        &self,
        tenant: TenantId,
        owner: UserId,
        id: ConversationId,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        let deleted = tx
            .execute(
                "DELETE FROM conversation WHERE id = $1 AND tenant_id = $2 AND owner_id = $3",
                params![id, tenant, owner],
            )
            .await?;
        if deleted == 0 {
            return Err(Error::NotFound);
        }
        tx.commit().await
    }
}

/// Spells a text so that the history search finds it in any case of letters, and `Mueller` as well
/// as `Müller`. Done here and not in SQL: SQLite lower-cases only ASCII, PostgreSQL by locale.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            'ä' => folded.push_str("ae"),
            'ö' => folded.push_str("oe"),
            'ü' => folded.push_str("ue"),
            'ß' => folded.push_str("ss"),
            other => folded.push(other),
        }
    }
    folded
}

/// A `LIKE` pattern for texts that contain `query` literally.
fn pattern(query: &str) -> String {
    let folded = fold(query);
    let mut pattern = String::with_capacity(folded.len() + 2);
    pattern.push('%');
    for letter in folded.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

fn conversation(row: &AnyRow) -> Result<Conversation, Error> {
    Ok(Conversation {
        id: get(row, "id")?,
        title: get(row, "title")?,
        created_at: get(row, "created_at")?,
        updated_at: get(row, "updated_at")?,
        running: get(row, "running")?,
    })
}
