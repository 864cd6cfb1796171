//! The participants of a check: made for it, named so that everyone sees what they are, removed
//! after it. Where nobody may be made, the person who checks is the only one.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::future::join_all;
use shared::users::AccountsKind;

use super::{
    browser::Browser,
    dashboard::Dashboard,
    dial::Dialer,
    hub::{self, HubSelf},
    trouble::Trouble,
};
use crate::secret::Secret;

/// What the names of participants made for a check begin with. No person's does, and the class's
/// list takes none that begins with the program's name.
const MARK: &str = "check-pipalhub-";
/// Characters of the time in a name: seconds, in base 36, until the year 2038 and beyond.
const TIME_CHARS: usize = 7;
/// Characters after them that are left to chance, since two checks may begin in one second.
const CHANCE_CHARS: usize = 3;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Who makes participants for the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GuestMaker {
    /// The class's list, by the dashboard.
    List { makes_homes: bool },
    /// The Hub, with an admin's rights.
    Hub,
    /// Nobody: the check goes to the server of who makes it.
    Nobody,
}

/// A participant of the check.
pub(super) struct Guest {
    pub(super) name: String,
    pub(super) browser: Arc<Browser>,
    /// Where a password was made, what signs them in.
    pub(super) password: Option<Secret>,
}

impl Guest {
    /// The path of their server, with a slash at the end.
    pub(super) fn server(&self) -> String {
        let name = crate::text::percent_encoded(&self.name);
        self.browser.path(&format!("user/{name}/"))
    }
}

/// Who can make participants here, and what else is to be said of it.
pub(super) async fn maker(
    dashboard: Option<&Dashboard>,
    own: &HubSelf,
) -> (GuestMaker, Option<Secret>, String) {
    let mut why = "you are no instructor, and no admin of the Hub".to_owned();
    if let Some(dashboard) = dashboard {
        match dashboard.users().await {
            Ok(users) => {
                let accounts = users.accounts;
                let shared = accounts.shared_password.map(Secret::new);
                let makes_homes = accounts.kind == AccountsKind::System;
                if accounts.kind.makes_passwords() || shared.is_some() {
                    return (GuestMaker::List { makes_homes }, shared, String::new());
                }
                why = "the class's list makes no passwords, and you are no admin of the Hub".into();
            }
            Err(trouble) => why = format!("{}, and you are no admin of the Hub", trouble.message),
        }
    }
    match own.may_make_users() {
        true => (GuestMaker::Hub, None, String::new()),
        false => (GuestMaker::Nobody, None, why),
    }
}

/// New names for `count` participants.
pub(super) fn new_names(count: usize) -> Vec<String> {
    let mut chance = [0; CHANCE_CHARS];
    getrandom::fill(&mut chance).expect("the operating system gives random bytes");
    let chance = chance.map(|byte| char::from(DIGITS[usize::from(byte) % DIGITS.len()]));
    let check = base36(now_s()) + &String::from_iter(chance);
    (1..=count)
        .map(|number| format!("{MARK}{check}-{number:02}"))
        .collect()
}

/// How long ago the name was made, if it is one of a check's.
pub(super) fn age_of(name: &str) -> Option<Duration> {
    let (time, number) = name.strip_prefix(MARK)?.split_once('-')?;
    let is_number = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_time = time.len() == TIME_CHARS + CHANCE_CHARS
        && time
            .bytes()
            .all(|it| it.is_ascii_digit() || it.is_ascii_lowercase());
    if !is_number || !is_time {
        return None;
    }
    let made = u64::from_str_radix(&time[..TIME_CHARS], 36).ok()?;
    Some(Duration::from_secs(now_s().saturating_sub(made)))
}

fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

fn base36(mut number: u64) -> String {
    let mut digits = [b'0'; TIME_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 36) as usize];
        number /= 36;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// What participants are made with.
pub(super) struct GuestMaking<'a> {
    pub(super) maker: GuestMaker,
    /// The one password of all, where that is how the Hub signs people in.
    pub(super) shared_password: Option<&'a Secret>,
    pub(super) dashboard: Option<&'a Dashboard>,
    pub(super) admin: &'a Browser,
    pub(super) dialer: &'a Arc<Dialer>,
}

impl GuestMaking<'_> {
    /// Makes participants of these names; they have not signed in yet.
    pub(super) async fn make(&self, names: &[String]) -> Result<Vec<Guest>, Trouble> {
        match (self.maker, self.dashboard) {
            (GuestMaker::List { .. }, Some(dashboard)) => self.by_list(dashboard, names).await,
            (GuestMaker::Hub, _) => self.by_hub(names).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn by_list(
        &self,
        dashboard: &Dashboard,
        names: &[String],
    ) -> Result<Vec<Guest>, Trouble> {
        let change = dashboard.add_users(names).await?;
        if let Some(refused) = change.refused.first() {
            let (name, why) = (&refused.username, &refused.reason);
            return Err(Trouble::new(
                format!("the class's list does not take {name}: {why}"),
                "`pipalhub users list` on the server and the page Users show what is wrong.",
            ));
        }
        let guests = change.added.into_iter().map(|added| Guest {
            password: added
                .password
                .map(Secret::new)
                .or_else(|| self.shared_password.cloned()),
            name: added.username,
            browser: self.browser(None),
        });
        Ok(guests.collect())
    }

    async fn by_hub(&self, names: &[String]) -> Result<Vec<Guest>, Trouble> {
        let making = names.iter().map(|name| hub::make_user(self.admin, name));
        let made = join_all(making).await;
        let guests = names.iter().zip(made).map(|(name, token)| {
            token.map(|token| Guest {
                name: name.clone(),
                browser: self.browser(Some(token)),
                password: None,
            })
        });
        guests.collect()
    }

    fn browser(&self, token: Option<Secret>) -> Arc<Browser> {
        let patience = self.admin.patience();
        Arc::new(Browser::new(self.dialer.clone(), token, patience))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_a_check_are_taken_for_one() {
        let names = new_names(2);
        assert!(
            names[0].len() <= 31 && names[1].ends_with("-02"),
            "{names:?}"
        );
        for name in &names {
            assert!(age_of(name).unwrap() < Duration::from_secs(60));
        }
        for name in [
            "ana",
            "check-pipalhub",
            "check-pipalhub-mate-01",
            "check-pipalhub-0abcdefxyz-1",
            "check-pipalhub-0ABCDEFXYZ-01",
            "xcheck-pipalhub-0abcdefxyz-01",
            "check-pipalhub-0abcdefxyz-01-x",
        ] {
            assert_eq!(age_of(name), None, "{name}");
        }
        assert_ne!(new_names(1), new_names(1));
        assert!(age_of("check-pipalhub-0abcdefxyz-01").unwrap() > Duration::from_secs(3_600));
    }
}
