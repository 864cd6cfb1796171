//! Asks the steward for handlers, and puts what it answers into words for the page.

use super::error::AppError;
use crate::steward::{
    StewardClient, StewardError,
    protocol::{StewardReply, StewardRequest},
};

/// The steward's answer; `absent` is said where none runs. The steward ends a change that it has
/// begun, also when whoever has asked does not wait for the answer.
pub(super) async fn ask(
    steward: &StewardClient,
    request: &StewardRequest,
    absent: &'static str,
) -> Result<StewardReply, AppError> {
    match steward.ask(request, &mut |_| {}).await {
        Ok(StewardReply::Refused { reason, is_unknown }) => Err(match is_unknown {
            true => AppError::NotFound(sentence(&reason)),
            false => AppError::Conflict(sentence(&reason)),
        }),
        Ok(answer) => Ok(answer),
        Err(error) => Err(AppError::Unavailable {
            message: match &error {
                StewardError::Absent(_) => absent,
                StewardError::Closed(_) => {
                    "The steward takes no requests of this service: name the service's user with \
                     --allow-user."
                }
                StewardError::Late(_) | StewardError::Io(..) => {
                    "The steward, which changes users and packages, does not answer; try again in \
                     a moment."
                }
            },
            cause: error.to_string(),
        }),
    }
}

/// The error for an answer of another kind.
pub(super) fn unexpected<T>() -> Result<T, AppError> {
    Err(AppError::Unavailable {
        message: "The steward is of another version: restart it.",
        cause: "it has answered something else".to_owned(),
    })
}

/// A reason as a sentence.
fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
