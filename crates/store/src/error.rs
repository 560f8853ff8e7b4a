//! What can go wrong when remembering. No variant carries content, only codes and names of ours.

use domain::ErrorKind;

/// Which rule of the present state a change would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Another account has this mail address.
    EmailTaken,
    /// Somebody has set the installation up already.
    AlreadySetUp,
    /// The tenant would be left without an active administrator.
    LastAdmin,
    /// A default collection stays as long as its person.
    DefaultCollection,
    /// An answer is being written in this conversation.
    RunInProgress,
    /// The document is not in a state in which this makes sense.
    DocumentBusy,
    /// Something of this name is there already.
    NameTaken,
    /// Somebody else has changed it since it was read.
    ChangedMeanwhile,
}

impl Conflict {
    /// The code used in interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::EmailTaken => "email_taken",
            Self::AlreadySetUp => "already_set_up",
            Self::LastAdmin => "last_admin",
            Self::DefaultCollection => "default_collection",
            Self::RunInProgress => "run_in_progress",
            Self::DocumentBusy => "document_busy",
            Self::NameTaken => "name_taken",
            Self::ChangedMeanwhile => "changed_meanwhile",
        }
    }
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, or the caller may not know that it is.
    #[error("not found")]
    NotFound,
    /// It clashes with the present state.
    #[error("conflict: {}", .0.code())]
    Conflict(Conflict),
    /// More bytes than allowed.
    #[error("larger than allowed")]
    TooLarge,
    /// A page cursor that we did not hand out.
    #[error("not a valid cursor")]
    InvalidCursor,
    /// The database does not answer, or not in time; later may work.
    #[error("the database is not available")]
    Unavailable(#[source] Source),
    /// The database holds something that we cannot have written.
    #[error("the database holds an unreadable value in column {0}")]
    Unreadable(&'static str),
    /// The schema is not the one this program needs.
    #[error("{0}")]
    Schema(String),
    /// A backup, restore or copy could not be done; the text says why and what to do.
    #[error("{0}")]
    Transfer(String),
    /// The database refused.
    #[error("the database refused a statement")]
    Database(#[source] Source),
    /// The file system refused.
    #[error("a file operation failed")]
    Io(#[from] std::io::Error),
}

impl Error {
    /// The kind as the door sees it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Conflict(_) => ErrorKind::Conflict,
            Self::TooLarge => ErrorKind::TooLarge,
            Self::InvalidCursor => ErrorKind::Invalid,
            Self::Unavailable(_) => ErrorKind::Overloaded,
            Self::Unreadable(_)
            | Self::Schema(_)
            | Self::Transfer(_)
            | Self::Database(_)
            | Self::Io(_) => ErrorKind::Internal,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_)
            // Whoever closes at once, e.g. a balancer without a database behind it, is read as an
            // answer that PostgreSQL does not give.
            | sqlx::Error::Protocol(_)
            | sqlx::Error::Tls(_) => Self::Unavailable(Box::new(error)),
            sqlx::Error::Database(ref refused) if is_passing(refused.code().as_deref()) => {
                Self::Unavailable(Box::new(error))
            }
            _ => Self::Database(Box::new(error)),
        }
    }
}

/// Says whether a database error goes away by itself: SQLite BUSY and its kin; PostgreSQL's classes
/// for lost connections (08), serialisation and deadlock (40), resources (53), a lock that did not come (55P), shutdown (57P).
fn is_passing(code: Option<&str>) -> bool {
    match code {
        Some("5" | "261" | "517" | "773") => true,
        Some(code) if code.len() == 5 => {
            ["08", "40", "53", "55P", "57P"].iter().any(|class| code.starts_with(class))
        }
        _ => false,
    }
}

/// Says whether a statement broke a unique index.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    let Error::Database(source) = error else { return false };
    source
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Says whether a statement pointed at a row that is not there.
pub(crate) fn is_dangling(error: &Error) -> bool {
    let Error::Database(source) = error else { return false };
    source
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
}
