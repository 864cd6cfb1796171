//! The answers of the service, read field by field: types that read themselves would be a tenth of
//! what this page loads.

use shared::packages::{
    InstalledPackage, ListedRequirement, PackageChange, PackageJob, PackageJobState,
    PackageLogResponse, PackagePlace, PackagePlan, PackagesResponse, RequirementsFileProblem,
};

use crate::fields::AnswerFields;
use crate::model::failure::RequestFailure;

/// `GET /packages`
pub(super) fn list_of(body: &str) -> Result<PackagesResponse, RequestFailure> {
    let fields = AnswerFields::read(body)?;
    let place = fields.object("place");
    let place = match place.text("is").as_deref() {
        Some("environment") => PackagePlace::Environment {
            path: text(&place, "path"),
            python: text(&place, "python"),
            installer: text(&place, "installer"),
        },
        Some("image") => PackagePlace::Image {
            image: place.text("image"),
            spawner: text(&place, "spawner"),
        },
        _ => return Err(RequestFailure::Unreadable("place".to_owned())),
    };
    let requirements = fields.list("requirements");
    let problems = fields.list("problems");
    let installed = fields.list("installed");
    Ok(PackagesResponse {
        place,
        requirements: requirements
            .iter()
            .map(|it| ListedRequirement {
                requirement: text(it, "requirement"),
                name: text(it, "name"),
                installed: it.text("installed"),
            })
            .collect(),
        problems: problems
            .iter()
            .map(|it| RequirementsFileProblem {
                line: number(it, "line"),
                reason: text(it, "reason"),
            })
            .collect(),
        installed: installed
            .iter()
            .map(|it| InstalledPackage {
                name: text(it, "name"),
                version: text(it, "version"),
                summary: text(it, "summary"),
            })
            .collect(),
        job: job_in(&fields.object("job")),
    })
}

/// `POST /packages/plan`
pub(super) fn plan_of(body: &str) -> Result<PackagePlan, RequestFailure> {
    let fields = AnswerFields::read(body)?;
    Ok(PackagePlan {
        changes: changes_in(&fields),
        conflict: fields.text("conflict"),
        warnings: fields.texts("warnings"),
        requirements: fields.texts("requirements"),
    })
}

/// `POST /packages`
pub(super) fn job_of(body: &str) -> Result<PackageJob, RequestFailure> {
    let job = job_in(&AnswerFields::read(body)?);
    job.ok_or_else(|| RequestFailure::Unreadable("state".to_owned()))
}

/// `GET /packages/log`
pub(super) fn log_of(body: &str) -> Result<PackageLogResponse, RequestFailure> {
    let fields = AnswerFields::read(body)?;
    Ok(PackageLogResponse {
        job: job_in(&fields.object("job")),
        first: number(&fields, "first"),
        lines: fields.texts("lines"),
    })
}

/// The change, where there is one.
fn job_in(fields: &AnswerFields) -> Option<PackageJob> {
    let state = match fields.text("state")?.as_str() {
        "running" => PackageJobState::Running,
        "done" => PackageJobState::Done,
        "stopped" => PackageJobState::Stopped,
        _ => PackageJobState::Failed,
    };
    Some(PackageJob {
        id: u64::try_from(fields.number("id")?).ok()?,
        title: text(fields, "title"),
        by: text(fields, "by"),
        started_ms: fields.number("started_ms").unwrap_or_default(),
        ended_ms: fields.number("ended_ms"),
        state,
        failure: fields.text("failure"),
        changes: changes_in(fields),
        log_lines: number(fields, "log_lines"),
    })
}

fn changes_in(fields: &AnswerFields) -> Vec<PackageChange> {
    let changes = fields.list("changes");
    let change = |it: &AnswerFields| PackageChange {
        name: text(it, "name"),
        from: it.text("from"),
        to: it.text("to"),
    };
    changes.iter().map(change).collect()
}

fn text(fields: &AnswerFields, name: &str) -> String {
    fields.text(name).unwrap_or_default()
}

fn number(fields: &AnswerFields, name: &str) -> usize {
    let number = fields.number(name).unwrap_or_default();
    usize::try_from(number).unwrap_or_default()
}
