//! What earlier checks have left that were killed.

use std::time::Duration;

use super::{
    guests::{self, GuestMaker},
    hub,
    leftovers::GuestRemover,
    reach::{Reach, Visitor},
};
use crate::findings::{Finding, counted};

const SUBJECT: &str = "clean-up";
/// Participants of other checks that are older are nobody's any more: no check takes so long.
pub(super) const STALE_AGE: Duration = Duration::from_secs(30 * 60);

/// Removes all participants that any check has left, and says so.
pub(super) async fn clean(reach: &Reach<'_>, visitor: &Visitor) {
    let (maker, _, why) = guests::maker(visitor.class_list(), &visitor.own).await;
    match maker {
        GuestMaker::Nobody => reach.tell(Finding::problem(
            SUBJECT,
            format!("nobody can be removed: {why}"),
            "Sign in as an instructor, or as an admin of the Hub.",
        )),
        maker => {
            if sweep(reach, visitor, maker, Duration::ZERO).await == 0 {
                reach.tell(Finding::ok(SUBJECT, "no check has left anything"));
            }
        }
    }
}

/// Removes those who are at least so old; how many there are, younger ones too.
pub(super) async fn sweep(
    reach: &Reach<'_>,
    visitor: &Visitor,
    maker: GuestMaker,
    age: Duration,
) -> usize {
    let names = names(visitor, maker).await;
    let is_old = |name: &String| guests::age_of(name).is_some_and(|it| it >= age);
    let (old, young): (Vec<_>, Vec<_>) = names.into_iter().partition(is_old);
    if !young.is_empty() {
        reach.tell(Finding::warning(
            SUBJECT,
            format!(
                "another check is under way, or was killed: {}",
                young.join(", ")
            ),
            "If none is, --clean removes them.",
        ));
    }
    let remover = GuestRemover {
        dashboard: visitor.dashboard.as_deref(),
        admin: visitor.own.may_make_users().then_some(&visitor.browser),
        maker: Some(maker),
    };
    let mut stays = Vec::new();
    for name in &old {
        stays.extend(remover.remove(name).await.err());
    }
    if !stays.is_empty() {
        reach.tell(Finding::problem(
            SUBJECT,
            format!("of earlier checks stays: {}", stays.join("; ")),
            "Remove it on the page Users, or on the Hub's page Admin.",
        ));
    } else if !old.is_empty() {
        let of = counted(old.len(), "participant");
        let message = format!("{of} of earlier checks removed");
        reach.tell(Finding::ok(SUBJECT, message));
    }
    old.len() + young.len()
}

/// Everyone who was made for a check, where that can be seen.
async fn names(visitor: &Visitor, maker: GuestMaker) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if let (Some(dashboard), GuestMaker::List { .. }) = (&visitor.dashboard, maker)
        && let Ok(list) = dashboard.users().await
    {
        names.extend(list.users.into_iter().map(|user| user.username));
    }
    if visitor.own.may_make_users() {
        names.extend(hub::user_names(&visitor.browser).await);
    }
    names.retain(|name| guests::age_of(name).is_some());
    names.sort();
    names.dedup();
    names
}
