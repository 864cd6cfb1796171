//! Tells participants whose servers run of packages that were installed, changed or removed: their
//! kernels go on with what they have loaded.
//!
//! Whoever has asked for the change, by the page, a command or the file, the steward knows it; so
//! the service looks there now and then.

use std::{sync::Arc, time::Duration};

use shared::{
    notices::{Audience, NoticeRequest},
    packages::{PackageChange, PackageJob, PackageJobState},
};
use tokio::time::sleep;

use crate::{
    auth::{Auth, RosterAnswer},
    class::Class,
    notices::{NoticeBoard, NoticeDraft},
    steward::{
        StewardClient,
        protocol::{PackageRequest, StewardReply, StewardRequest},
    },
    time,
};

/// How often the steward is asked for the last change.
const LOOK_INTERVAL: Duration = Duration::from_secs(3);
/// A change that ended longer ago is no news, as after a night.
const NEWS_MS: i64 = 10 * 60_000;
/// How long the notice stands.
const STANDS_MS: i64 = 2 * 60 * 60_000;
/// Names in a notice; there may be hundreds.
const MAX_NAMES: usize = 8;
/// Notices among which it is looked whether a change was told before a restart.
const MAX_LOOKED_AT: usize = 50;

/// What the news need of the service.
pub(crate) struct PackageNews {
    pub(crate) steward: StewardClient,
    pub(crate) notices: Arc<NoticeBoard>,
    pub(crate) class: Class,
}

impl PackageNews {
    /// Tells each change once, without end.
    pub(crate) async fn follow(&self, auth: &Auth) {
        let mut told = None;
        loop {
            if let Some(job) = self.last_job().await
                && Some(job.id) != told
                && job.state != PackageJobState::Running
            {
                told = Some(job.id);
                self.tell(&job, auth).await;
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    async fn last_job(&self) -> Option<PackageJob> {
        let request = StewardRequest::Packages {
            request: PackageRequest::Log {
                job: None,
                from: usize::MAX,
            },
        };
        match self.steward.ask(&request, &mut |_| {}).await {
            Ok(StewardReply::PackageLog(log)) => log.job,
            // There is none, or it is for no environment.
            _ => None,
        }
    }

    async fn tell(&self, job: &PackageJob, auth: &Auth) {
        let now_ms = time::now_ms();
        let ended_ms = job.ended_ms.unwrap_or_default();
        if job.state != PackageJobState::Done || now_ms - ended_ms > NEWS_MS {
            return;
        }
        let Some(text) = text_of(&job.changes) else {
            return;
        };
        let recent = self.notices.sent(None, MAX_LOOKED_AT);
        let is_told = |it: &crate::notices::AddressedNotice| {
            it.notice.created_at_ms >= ended_ms && it.notice.text == text
        };
        if recent.iter().any(is_told) {
            return;
        }
        let Some(to) = audience(auth).await else {
            return;
        };
        let request = NoticeRequest {
            text,
            to,
            title: Some("Packages".to_owned()),
            link: None,
            file: None,
            until_ms: Some(now_ms + STANDS_MS),
        };
        let posted = NoticeDraft::read(request, now_ms).map(|draft| {
            let (board, class) = (Arc::clone(&self.notices), self.class.clone());
            let author = job.by.clone();
            tokio::task::spawn_blocking(move || board.post(&draft, &author, &class))
        });
        let failure = match posted {
            Ok(posting) => match posting.await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            },
            Err(error) => error,
        };
        tracing::warn!(failure, "participants are not told of new packages");
    }
}

/// Those whose servers run; everyone where the Hub does not say; `None` where nobody's does.
async fn audience(auth: &Auth) -> Option<Audience> {
    let Auth::Hub(hub) = auth else {
        return Some(Audience::Everyone(true));
    };
    let roster = match hub.client.roster().await {
        RosterAnswer::Known(roster) => roster,
        RosterAnswer::Refused | RosterAnswer::Unanswered(_) => {
            return Some(Audience::Everyone(true));
        }
    };
    let running = roster
        .users
        .iter()
        .filter(|(_, servers)| !servers.is_empty());
    let names: Vec<String> = running.map(|(name, _)| name.clone()).collect();
    (!names.is_empty()).then_some(Audience::Users(names))
}

/// What participants are told; `None` where nothing has changed for them.
fn text_of(changes: &[PackageChange]) -> Option<String> {
    let is_new = |it: &&PackageChange| it.from.is_none();
    let new: Vec<_> = changes.iter().filter(is_new).collect();
    let other: Vec<_> = changes.iter().filter(|it| !is_new(it)).collect();
    let mut sentences = Vec::new();
    if !new.is_empty() {
        sentences.push(format!("{} can be imported now.", listed(&new)));
    }
    if !other.is_empty() {
        let verb = if other.len() == 1 { "has" } else { "have" };
        sentences.push(format!(
            "{} {verb} changed: restart the kernel of a notebook that uses it.",
            listed(&other)
        ));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn listed(changes: &[&PackageChange]) -> String {
    let named = changes
        .iter()
        .take(MAX_NAMES)
        .map(|change| match &change.to {
            Some(version) => format!("**{}** {version}", change.name),
            None => format!("**{}** (removed)", change.name),
        });
    let named: Vec<String> = named.collect();
    let others = changes.len() - named.len();
    match (others, named.split_last()) {
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, first))) => format!("{} and {last}", first.join(", ")),
        (others, _) => format!("{} and {others} others", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, from: Option<&str>, to: Option<&str>) -> PackageChange {
        PackageChange {
            name: name.into(),
            from: from.map(Into::into),
            to: to.map(Into::into),
        }
    }

    #[test]
    fn participants_are_told_what_they_can_do_with_it() {
        let new = change("six", None, Some("1.17"));
        assert_eq!(text_of(&[]), None);
        assert_eq!(
            text_of(&[new.clone()]).unwrap(),
            "**six** 1.17 can be imported now."
        );
        let changed = change("numpy", Some("1"), Some("2"));
        let removed = change("pandas", Some("1"), None);
        assert_eq!(
            text_of(&[new, changed, removed]).unwrap(),
            "**six** 1.17 can be imported now. **numpy** 2 and **pandas** (removed) have changed: \
             restart the kernel of a notebook that uses it."
        );
        let many: Vec<_> = (0..20)
            .map(|it| change(&format!("p{it}"), None, Some("1")))
            .collect();
        let text = text_of(&many).unwrap();
        assert!(text.contains("and 12 others can be imported"), "{text}");
    }
}
