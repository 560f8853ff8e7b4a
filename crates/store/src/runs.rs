//! Runs: answers in the making. Each belongs to one instance of the program, which writes a sign of
//! life; the runs of an instance that fell silent are ended as failed, their text kept.

use std::str::FromStr;

use domain::{ConversationId, DataClass, Instant, MessageId, RunId, TenantId, UserId};
use sqlx::any::AnyRow;

use crate::{
    Citation, Error, RouteUsed, Store, TokenUsage,
    conversations::fold,
    database::{Tx, composed, fetch_one},
    quotes,
    values::{Json, get, params},
};

/// The reason of a run whose instance fell silent.
pub const INTERRUPTED: &str = "interrupted";

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It is being written.
    Running,
    /// It came to its end.
    Done,
    /// Its owner stopped it.
    Stopped,
    /// It failed with a reason.
    Failed,
}

impl RunState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Running, Self::Done, Self::Stopped, Self::Failed];

    /// The code used in tables and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for RunState {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|state| state.code() == code).ok_or(Error::Unreadable("state"))
    }
}

/// An answer in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The answer it writes.
    pub message: MessageId,
    /// How far it has come.
    pub state: RunState,
    /// Why it failed, or what a person should know about it, as a code.
    pub reason: Option<String>,
    /// The instance that writes it.
    pub instance: String,
    /// Since when.
    pub started_at: Instant,
    /// Until when.
    pub finished_at: Option<Instant>,
}

/// How a run ended, and the answer it leaves.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// Done, stopped or failed.
    pub state: RunState,
    /// Why it failed, or what a person should know about it, as a code.
    pub reason: Option<String>,
    /// The answer's final text.
    pub text: String,
    /// What the answer rests on.
    pub citations: Vec<Citation>,
    /// Citation marks that matched no given passage.
    pub removed_citations: u32,
    /// The model that answered; `None` keeps what was asked for.
    pub model: Option<String>,
    /// The way the answer was made.
    pub route: Option<RouteUsed>,
    /// The class of the run; `None` keeps that of the question.
    pub data_class: Option<DataClass>,
    /// Tokens used.
    pub usage: Option<TokenUsage>,
}

/// An answer as it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its text.
    pub text: String,
    /// What it rests on.
    pub citations: Vec<Citation>,
}

/// What a run learns from its sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPulse {
    /// Go on.
    Running,
    /// Its owner wants it to stop.
    StopRequested,
    /// It was ended by somebody else, or deleted with its conversation.
    Gone,
}

/// Whose runs are ended as interrupted.
#[derive(Debug, Clone)]
pub enum Silent {
    /// All but this instance's: only where this process is the only one, as on SQLite.
    AllBut(String),
    /// Those whose last sign of life is older than this.
    Since(Instant),
}

const COLUMNS: &str = "r.id, r.conversation_id, r.message_id, r.state, r.reason, r.instance, \
     r.started_at, r.finished_at";

impl Store {
    /// Returns a person's run.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not theirs.
    pub async fn run(&self, tenant: TenantId, owner: UserId, id: RunId) -> Result<Run, Error> {
        let mut db = self.read().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM run r WHERE r.id = $1 AND r.tenant_id = $2 AND r.owner_id = $3"
        );
        let row = fetch_one(&mut db, composed(sql), params![id, tenant, owner]).await?;
        run(&row.ok_or(Error::NotFound)?)
    }

    /// Returns the run that is writing in a person's conversation, if one is.
    ///
    /// # Errors
    /// A database error.
    pub async fn running_run(
        &self,
        tenant: TenantId,
        owner: UserId,
        conversation: ConversationId,
    ) -> Result<Option<Run>, Error> {
        let mut db = self.read().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM run r WHERE r.conversation_id = $1 AND r.tenant_id = $2 \
             AND r.owner_id = $3 AND r.state = 'running'"
        );
        let row = fetch_one(&mut db, composed(sql), params![conversation, tenant, owner]).await?;
        row.as_ref().map(run).transpose()
    }

    /// Keeps the text written so far and gives a sign of life.
    ///
    /// # Errors
    /// A database error.
    pub async fn save_run_text(&self, id: RunId, text: &str) -> Result<RunPulse, Error> {
        let mut tx = self.write().await?;
        let pulse = beat(&mut tx, id).await?;
        if pulse != RunPulse::Gone {
            // Folded for the search only at the end: this is written often.
            tx.execute(
                "UPDATE message SET text = $2 \
                 WHERE id = (SELECT message_id FROM run WHERE id = $1) AND run_id = $1",
                params![id, text],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(pulse)
    }

    /// Gives a sign of life.
    ///
    /// # Errors
    /// A database error.
    pub async fn heartbeat_run(&self, id: RunId) -> Result<RunPulse, Error> {
        let mut tx = self.write().await?;
        let pulse = beat(&mut tx, id).await?;
        tx.commit().await?;
        Ok(pulse)
    }

    /// Asks the instance that writes a run to stop; it learns it with its next sign of life. `false`
    /// if the run has ended already.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not theirs.
    pub async fn request_stop(
        &self,
        tenant: TenantId,
        owner: UserId,
        id: RunId,
    ) -> Result<bool, Error> {
        self.run(tenant, owner, id).await?;
        let mut tx = self.write().await?;
        let asked = tx
            .execute(
                "UPDATE run SET stop_requested = 1 WHERE id = $1 AND state = 'running'",
                params![id],
            )
            .await?;
        tx.commit().await?;
        Ok(asked > 0)
    }

    /// Ends a run and writes the answer, both or neither, without quotes from documents that are gone.
    /// Returns what was written; `None` if it was not running any more: then nothing is.
    ///
    /// # Errors
    /// A database error.
    pub async fn finish_run(&self, id: RunId, end: &RunEnd) -> Result<Option<Written>, Error> {
        let now = Instant::now();
        let mut tx = self.write().await?;
        let ended = tx
            .execute(
                "UPDATE run SET state = $2, reason = $3, finished_at = $4 \
                 WHERE id = $1 AND state = 'running'",
                params![id, end.state.code(), end.reason.clone(), now],
            )
            .await?;
        if ended == 0 {
            return Ok(None);
        }
        let (mut text, mut citations) = (end.text.clone(), end.citations.clone());
        let present = quotes::present(&mut tx, &citations).await?;
        // What was deleted while the answer was written goes here, as it goes from earlier answers.
        quotes::conceal(&mut text, &mut citations, |id| !present.contains(&id));
        let route = end.route.as_ref();
        tx.execute(
            "UPDATE message SET text = $2, text_folded = $3, citations = $4, \
                    removed_citations = $5, model = COALESCE($6, model), route_name = $7, \
                    route_place = $8, data_class = COALESCE($9, data_class), token_usage = $10 \
             WHERE id = (SELECT message_id FROM run WHERE id = $1) AND run_id = $1",
            params![
                id,
                text.as_str(),
                fold(&text),
                Json(&citations),
                end.removed_citations,
                end.model.clone(),
                route.map(|route| route.name.as_str()),
                route.map(|route| route.place.code()),
                end.data_class.map(DataClass::code),
                end.usage.map(|usage| Json(usage.bounded()))
            ],
        )
        .await?;
        tx.execute(
            "UPDATE conversation SET updated_at = $2 \
             WHERE id = (SELECT conversation_id FROM run WHERE id = $1)",
            params![id, now],
        )
        .await?;
        let sql = "SELECT message_id FROM run WHERE id = $1";
        if let Some(row) = tx.fetch_one(sql, params![id]).await? {
            quotes::remember(&mut tx, &get::<String>(&row, "message_id")?, &citations).await?;
        }
        tx.commit().await?;
        Ok(Some(Written { text, citations }))
    }

    /// Ends the runs of silent instances as failed with the reason [`INTERRUPTED`]; their text stays.
    /// Returns how many.
    ///
    /// # Errors
    /// A database error.
    pub async fn interrupt_runs(&self, silent: &Silent) -> Result<u64, Error> {
        let (instance, before) = match silent {
            Silent::AllBut(instance) => (instance.as_str(), Instant::from_micros(i64::MAX)),
            Silent::Since(before) => ("", *before),
        };
        let mut tx = self.write().await?;
        let rows = tx
            .fetch(
                "SELECT r.message_id, m.text FROM run r JOIN message m ON m.id = r.message_id \
                 WHERE r.state = 'running' AND r.heartbeat_at < $1 AND r.instance <> $2",
                params![before, instance],
            )
            .await?;
        for row in &rows {
            let (message, text): (MessageId, String) = (get(row, "message_id")?, get(row, "text")?);
            let sql = "UPDATE message SET text_folded = $2 WHERE id = $1";
            tx.execute(sql, params![message, fold(&text)]).await?;
        }
        let ended = tx
            .execute(
                "UPDATE run SET state = 'failed', reason = $1, finished_at = $2 \
                 WHERE state = 'running' AND heartbeat_at < $3 AND instance <> $4",
                params![INTERRUPTED, Instant::now(), before, instance],
            )
            .await?;
        tx.commit().await?;
        Ok(ended)
    }
}

async fn beat(tx: &mut Tx, id: RunId) -> Result<RunPulse, Error> {
    let row = tx
        .fetch_one(
            "UPDATE run SET heartbeat_at = $2 WHERE id = $1 AND state = 'running' \
             RETURNING stop_requested",
            params![id, Instant::now()],
        )
        .await?;
    let Some(row) = row else { return Ok(RunPulse::Gone) };
    let stop = get(&row, "stop_requested")?;
    Ok(if stop { RunPulse::StopRequested } else { RunPulse::Running })
}

/// Inserts a run in the caller's transaction. A second one in the same conversation breaks the
/// unique index `run_one_running`.
pub(crate) async fn insert(
    tx: &mut Tx,
    tenant: TenantId,
    owner: UserId,
    conversation: ConversationId,
    message: MessageId,
    instance: &str,
) -> Result<Run, Error> {
    let (id, now) = (RunId::new(), Instant::now());
    tx.execute(
        "INSERT INTO run (id, tenant_id, conversation_id, message_id, owner_id, state, instance, \
                          stop_requested, heartbeat_at, started_at) \
         VALUES ($1, $2, $3, $4, $5, 'running', $6, 0, $7, $7)",
        params![id, tenant, conversation, message, owner, instance, now],
    )
    .await?;
    Ok(Run {
        id,
        conversation,
        message,
        state: RunState::Running,
        reason: None,
        instance: instance.to_owned(),
        started_at: now,
        finished_at: None,
    })
}

fn run(row: &AnyRow) -> Result<Run, Error> {
    Ok(Run {
        id: get(row, "id")?,
        conversation: get(row, "conversation_id")?,
        message: get(row, "message_id")?,
        state: get::<String>(row, "state")?.parse()?,
        reason: get(row, "reason")?,
        instance: get(row, "instance")?,
        started_at: get(row, "started_at")?,
        finished_at: get(row, "finished_at")?,
    })
}
