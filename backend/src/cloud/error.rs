//! What can go wrong with a call of the API, in words for a trainer.

use std::time::Duration;

use thiserror::Error;

/// Why a call of the API has failed. No text of it holds the token.
#[derive(Debug, Error)]
pub(crate) enum CloudError {
    /// The API cannot be reached, or does not answer in time.
    #[error("DigitalOcean's API is not reached ({action}): {reason}")]
    Unreachable { action: String, reason: String },
    /// The token is none, or was withdrawn.
    #[error(
        "DigitalOcean refuses the token ({action}: {message}): DIGITALOCEAN_TOKEN must be a token \
         of the account, from the page API in its control panel"
    )]
    Unauthorized { action: String, message: String },
    /// The token may not do this.
    #[error(
        "the token may not do this ({action}: {message}): it needs to read and write droplets, \
         tags and domains, and to read SSH keys and actions"
    )]
    Forbidden { action: String, message: String },
    #[error("DigitalOcean knows no such thing ({action}: {message})")]
    NotFound { action: String, message: String },
    /// The account has made too many calls, and waiting takes too long.
    #[error(
        "DigitalOcean takes no more calls of this account for {} s ({action}): run it again then",
        wait.as_secs()
    )]
    RateLimited { action: String, wait: Duration },
    /// The API has failed, again and again where it could be asked again.
    #[error("DigitalOcean's API has failed ({action}, {status}): {message}")]
    Failed {
        action: String,
        status: u16,
        message: String,
    },
    #[error("DigitalOcean refuses it ({action}, {status}): {message}")]
    Refused {
        action: String,
        status: u16,
        message: String,
    },
    /// An answer that cannot be read.
    #[error("an answer of DigitalOcean's API cannot be understood ({action}): {reason}")]
    Unreadable { action: String, reason: String },
}

impl CloudError {
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the call may have done its work all the same.
    pub(crate) fn is_uncertain(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Failed { .. } | Self::Unreadable { .. }
        )
    }
}
