//! Why somebody is not let in.

/// Why it is not known who is asking, or why they may not do it in this way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// Nobody is signed in.
    NotSignedIn,
    /// A session in the browser would change something, without what a page of ours sends along.
    MayOnlyRead,
    /// The token is that of a service of the Hub's, of this name, which has no scope for this one.
    ServiceWithoutScope(String),
    /// The Hub cannot be asked; for the log, why.
    HubUnavailable {
        /// What happened.
        cause: String,
    },
}
