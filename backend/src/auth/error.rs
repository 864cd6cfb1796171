//! Why a request is not authenticated.

/// Why a request's sender is not known, or may not send it in this way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// The request has neither a valid token nor a valid session.
    NotSignedIn,
    /// A request with a session cookie would change something, and lacks the header that a page
    /// of ours sends.
    MayOnlyRead,
    /// The token is that of a service of the Hub's, of this name, which has no scope for this one.
    ServiceWithoutScope(String),
    /// The Hub cannot be asked.
    HubUnavailable {
        /// The error, for the log.
        cause: String,
    },
}
