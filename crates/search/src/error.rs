//! What can go wrong with an index. Knows no causes of the engine's own by name.

/// What can go wrong with an index. No message holds content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process writes to this index.
    #[error("another process writes to the search index")]
    Locked,
    /// A write through an index opened for reading.
    #[error("the search index is open for reading only")]
    ReadOnly,
    /// A rebuild was finished that had not begun.
    #[error("no rebuild of the search index is under way")]
    NoRebuild,
    /// Writes since the last commit were lost and must be repeated.
    #[error("the search index lost the writes since its last commit")]
    Lost,
    /// A file of the index could not be read or written.
    #[error("a file of the search index could not be read or written")]
    Io(#[from] std::io::Error),
    /// The engine refused.
    #[error("the search index failed")]
    Engine(#[source] tantivy::TantivyError),
}

impl From<tantivy::TantivyError> for Error {
    fn from(error: tantivy::TantivyError) -> Self {
        match error {
            tantivy::TantivyError::LockFailure(..) => Self::Locked,
            other => Self::Engine(other),
        }
    }
}
