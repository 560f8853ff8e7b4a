//! The closed list of what can go wrong, as a caller sees it.

/// The kind of an error; decides the HTTP status at the door and nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request makes no sense as it stands.
    Invalid,
    /// Nobody proved who they are.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// It is not there, or the caller may not know that it is.
    NotFound,
    /// It clashes with the present state.
    Conflict,
    /// It is over a size limit.
    TooLarge,
    /// The format is not one we read.
    Unsupported,
    /// The request is sound, but what it carries is unfit, e.g. a damaged file.
    Unprocessable,
    /// The caller asked too often.
    RateLimited,
    /// We are at a limit of our own; later may work.
    Overloaded,
    /// The disk has no room left for it; somebody must make some.
    StorageFull,
    /// A model server or another dependency failed.
    UpstreamFailed,
    /// A dependency did not answer in time.
    TimedOut,
    /// The caller went away or stopped it.
    Cancelled,
    /// Our bug.
    Internal,
}
