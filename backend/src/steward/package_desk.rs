//! Does what is asked of the steward about packages.

use std::sync::Arc;

use super::protocol::{PackageRequest, StewardReply};
use crate::packages::{error::PackageError, package_manager::PackageManager};

/// Longest name of who asks for a change.
const MAX_BY_CHARS: usize = 100;

pub(super) async fn handle(
    packages: Option<&Arc<PackageManager>>,
    request: &PackageRequest,
) -> StewardReply {
    let Some(packages) = packages else {
        return StewardReply::NoEnvironment {};
    };
    let answer = answer(packages, request).await;
    answer.unwrap_or_else(|error| StewardReply::Refused {
        reason: error.to_string(),
        is_unknown: matches!(error, PackageError::Unknown(_)),
    })
}

async fn answer(
    packages: &Arc<PackageManager>,
    request: &PackageRequest,
) -> Result<StewardReply, PackageError> {
    Ok(match request {
        PackageRequest::List {} => StewardReply::Packages(packages.list().await?),
        PackageRequest::Plan { edit } => StewardReply::PackagePlan(packages.plan(edit).await?),
        PackageRequest::Start { by, edit } => {
            StewardReply::PackageJob(packages.start(&name_of(by), edit.clone()).await?)
        }
        PackageRequest::Apply { by } => match packages.reconcile(&name_of(by)).await? {
            Some(job) => StewardReply::PackageJob(job),
            None => StewardReply::Done {},
        },
        PackageRequest::Log { job, from } => StewardReply::PackageLog(packages.log(*job, *from)),
        PackageRequest::Stop { by, job } => {
            packages.stop(&name_of(by), *job)?;
            StewardReply::Done {}
        }
    })
}

fn name_of(by: &str) -> String {
    by.chars()
        .filter(|it| !it.is_control())
        .take(MAX_BY_CHARS)
        .collect()
}
