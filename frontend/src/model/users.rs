//! What the page *Users* says, as HTML of what the service answered. The sheet of cards that
//! participants are given is in [`super::login_cards`].

use std::collections::BTreeMap;

use shared::setup::{ServerState, SetupRow};
use shared::users::{
    AccountsKind, AccountsSummary, ListedUser, NewUser, PreviewResponse, RefusedUser,
    UserCredentials, UsersChange, UsersResponse,
};

use super::age::{describe, seconds_since};
use crate::html;
use crate::html::Html;

/// Users of one request: a few seconds of the system's work, and a step of the progress bar.
pub const BATCH: usize = 10;
/// What the service has answered so far of a class that is added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// How many are asked for.
    pub done: usize,
    /// Of how many.
    pub of: usize,
    /// Who is added, with passwords.
    pub added: Vec<UserCredentials>,
    /// Who is not.
    pub refused: Vec<RefusedUser>,
}

impl ImportProgress {
    /// Of a class of so many.
    pub fn new(of: usize) -> Self {
        Self {
            of,
            ..Self::default()
        }
    }

    /// Takes the answer to a request for `asked` users.
    pub fn take(&mut self, asked: usize, change: UsersChange) {
        self.done += asked;
        self.added.extend(change.added);
        self.refused.extend(change.refused);
    }

    /// What came of it, for those who do not see the cards.
    pub fn result(&self) -> String {
        let refused = match self.refused.len() {
            0 => String::new(),
            refused => format!(" {refused} could not be added."),
        };
        format!("{} added.{refused}", self.added.len())
    }

    /// Whether all are asked for.
    pub fn is_done(&self) -> bool {
        self.done >= self.of
    }
}

/// The users of a class as requests of at most [`BATCH`].
pub fn batches(users: &[NewUser]) -> Vec<Vec<NewUser>> {
    users.chunks(BATCH).map(<[NewUser]>::to_vec).collect()
}

/// How many there are, and what of the file is passed over.
pub fn headline(list: &UsersResponse) -> Html {
    let all = list.users.len();
    let without = list.users.iter().filter(|user| !user.has_account).count();
    let without = (without > 0).then(|| html!(", {} without an account", count(without)));
    let word = if all == 1 { "user" } else { "users" };
    let change = list.change.as_ref();
    let change = change.map(|change| html!(". {}", change.to_string()));
    html!("<span>{} {}{}{}</span>", count(all), word, without, change)
}

/// Who makes passwords, and knows them.
pub fn who_makes_passwords(list: &UsersResponse) -> Html {
    let AccountsSummary {
        kind,
        provider,
        shared_password,
    } = &list.accounts;
    let provider = provider.as_deref().unwrap_or("The Hub");
    match (kind, shared_password) {
        (AccountsKind::System, _) => Html::from_static(
            "<p>Passwords are made here, and checked by the system that the Hub runs on.</p>",
        ),
        (AccountsKind::Native, _) => Html::from_static(
            "<p>Passwords are made here, and kept by the Hub’s NativeAuthenticator.</p>",
        ),
        (AccountsKind::Shared, Some(password)) => html!(
            "<p>Everyone signs in with the one password of the Hub’s configuration, <code>{}</code>.</p>",
            password
        ),
        (AccountsKind::Shared, None) => Html::from_static(
            "<p>Everyone signs in with one password, which the Hub’s configuration sets.</p>",
        ),
        (AccountsKind::Outside, _) => html!(
            "<p>{} signs people in and knows their passwords. The list has names only, and lets \
             them in.</p>",
            provider
        ),
        (AccountsKind::Names, _) => Html::from_static(
            "<p>Whoever signs people in makes their passwords. The list has names only.</p>",
        ),
    }
}

/// What becomes of names without a password.
pub fn password_hint(accounts: &AccountsSummary) -> &'static str {
    match accounts.kind.makes_passwords() {
        true => "Passwords are made where there are none. ",
        false => "Names are enough: no passwords are made here. ",
    }
}

/// How many servers run, and how many wait for being started or stopped.
pub fn servers(list: &UsersResponse, rows: &BTreeMap<String, SetupRow>) -> Html {
    let running = list.users.iter().filter(|user| {
        let row = rows.get(&user.username);
        row.is_some_and(|row| row.state == ServerState::Running)
    });
    let waiting = list.servers_waiting.filter(|waiting| *waiting > 0);
    let waiting = waiting.map(|waiting| html!(", {} at work or waiting", count(waiting)));
    let failed = list.users.iter().filter(|it| it.server_failure.is_some());
    let failed = Some(failed.count()).filter(|failed| *failed > 0);
    let failed = failed.map(|failed| html!(", {} failed", count(failed)));
    html!(
        "<span>{} of {} servers run{}{}</span>",
        count(running.count()),
        count(list.users.len()),
        waiting,
        failed
    )
}

/// The lines of the file that are passed over.
pub fn problems(list: &UsersResponse) -> Html {
    let lines = list.problems.iter().map(|problem| match problem.line {
        Some(line) => html!(
            "<p>Line {} of the list is passed over: {}.</p>",
            count(line),
            problem.reason
        ),
        None => html!("<p>{}.</p>", problem.reason),
    });
    lines.collect()
}

/// A user's name.
pub fn name(user: &ListedUser) -> Html {
    html!("{}", user.username)
}

/// Whether the account is there.
pub fn account(user: &ListedUser) -> Html {
    let (class, word) = match (user.has_account, &user.failure) {
        (true, _) => ("good", "ready"),
        (false, Some(_)) => ("bad", "failed"),
        (false, None) => ("warn", "not yet"),
    };
    let why = user
        .failure
        .as_ref()
        .map(|why| html!("<small>{}</small>", why));
    html!(
        "<b>Account</b><span class=\"mark {}\">{}</span>{}",
        class,
        word,
        why
    )
}

/// Whether the user's server runs, or was ever there, and why it did not start.
pub fn server(row: Option<&SetupRow>, failure: Option<&str>) -> Html {
    let is_running = row.is_some_and(|row| row.state == ServerState::Running);
    if let Some(failure) = failure.filter(|_| !is_running) {
        return html!(
            "<b>Server</b><span class=\"mark bad\">failed</span><small>{}</small>",
            failure
        );
    }
    let word = match row {
        None => "not seen yet",
        Some(row) if row.state == ServerState::None && row.saved_ms.is_none() => "none",
        Some(row) => row.state.word(),
    };
    html!("<b>Server</b><span>{}</span>", word)
}

/// When the user saved last, and whether saves arrive.
pub fn saves(row: Option<&SetupRow>, now_ms: i64) -> Html {
    let Some(row) = row else {
        return Html::from_static("<b>Last save</b>–");
    };
    let last = row.saved_ms.map_or_else(
        || Html::from_static("–"),
        |saved_ms| html!("{}", describe(seconds_since(saved_ms, now_ms))),
    );
    html!(
        "<b>Last save</b>{}<small>{}</small>",
        last,
        row.saves.word()
    )
}

/// The names in the list after and before a user.
pub fn neighbours(users: &[ListedUser], user: &str) -> Vec<String> {
    let at = users.iter().position(|it| it.username == user);
    let Some(at) = at else { return Vec::new() };
    let others = [
        users.get(at + 1),
        at.checked_sub(1).and_then(|at| users.get(at)),
    ];
    let names = others.into_iter().flatten();
    names.map(|it| it.username.clone()).collect()
}

/// The buttons of a user, for instructors.
pub fn actions(user: &ListedUser, accounts: &AccountsSummary) -> Html {
    let reset = accounts.kind.makes_passwords().then(|| {
        html!(
            "<button class=\"button small\" data-do=reset data-user=\"{}\" \
             aria-label=\"New password for {}\">New password</button> ",
            user.username,
            user.username
        )
    });
    html!(
        "{}<button class=\"button small\" data-do=remove data-user=\"{}\" \
         aria-label=\"Remove {}\">Remove</button>",
        reset,
        user.username,
        user.username
    )
}

/// The rows of the setup by participant: of several servers the one that was saved on last.
pub fn by_user(rows: Vec<SetupRow>) -> BTreeMap<String, SetupRow> {
    let mut by_user = BTreeMap::<String, SetupRow>::new();
    for row in rows {
        match by_user.get(&row.user) {
            Some(other) if other.saved_ms >= row.saved_ms => {}
            _ => drop(by_user.insert(row.user.clone(), row)),
        }
    }
    by_user
}

/// The lines of a list that cannot be used, each with why.
pub fn preview(preview: &PreviewResponse) -> Html {
    let bad = preview.lines.iter().filter(|line| line.problem.is_some());
    let rows: Html = bad
        .map(|line| {
            let proposed = line.proposed.as_ref().map(|name| {
                html!(
                    " <button type=button class=\"button small\" data-do=propose data-line={} \
                     data-name=\"{}\">Write {}</button>",
                    i64::try_from(line.line).unwrap_or_default(),
                    name,
                    name
                )
            });
            html!(
                "<li><b>Line {}</b> <code>{}</code>: {}.{}</li>",
                i64::try_from(line.line).unwrap_or_default(),
                line.username,
                line.problem.as_deref().unwrap_or_default(),
                proposed
            )
        })
        .collect();
    html!("<ul>{}</ul>", rows)
}

/// How many lines of a list can be used.
pub fn preview_headline(preview: &PreviewResponse) -> String {
    let (good, all) = (preview.users.len(), preview.lines.len());
    match all - good {
        0 => format!("{all} to add, all lines are good."),
        bad => format!("{good} to add; {bad} of {all} lines cannot be used:"),
    }
}

/// The list with another name in a line: what stands before the first separator is replaced.
pub fn with_name(text: &str, line: usize, name: &str) -> String {
    let lines = text.split_inclusive('\n').enumerate();
    lines
        .map(|(at, old)| match at + 1 == line {
            false => old.to_owned(),
            true => {
                let end = old
                    .find([',', ';', '\t', ':', '\r', '\n'])
                    .unwrap_or(old.len());
                format!("{name}{}", &old[end..])
            }
        })
        .collect()
}

/// Those who could not be added.
pub fn refused(refused: &[RefusedUser]) -> Html {
    let lines = refused
        .iter()
        .map(|it| html!("<li><b>{}</b>: {}.</li>", it.username, it.reason));
    let lines: Html = lines.collect();
    html!("<ul>{}</ul>", lines)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use shared::users::{ImportLine, RunningChange, StoredPassword};

    use super::super::login_cards;
    use super::*;

    fn user(name: &str) -> NewUser {
        NewUser {
            username: name.to_owned(),
            password: None,
        }
    }

    fn credentials(name: &str, password: &str) -> UserCredentials {
        UserCredentials {
            username: name.to_owned(),
            password: Some(password.to_owned()),
        }
    }

    #[test]
    fn a_class_is_added_in_steps_and_nobody_is_left_out() {
        let class: Vec<NewUser> = (0..23).map(|at| user(&format!("user{at}"))).collect();
        let steps = batches(&class);
        assert_eq!(steps.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 3]);
        let mut progress = ImportProgress::new(class.len());
        for step in steps {
            assert!(!progress.is_done());
            let added = step.iter().map(|it| credentials(&it.username, "x"));
            let change = UsersChange {
                added: added.collect(),
                ..UsersChange::default()
            };
            progress.take(step.len(), change);
        }
        assert!(progress.is_done());
        assert_eq!(progress.result(), "23 added.");
    }

    #[test]
    fn a_line_that_cannot_be_used_says_why_and_offers_a_name() {
        let list = PreviewResponse {
            lines: vec![
                ImportLine {
                    line: 1,
                    username: "alice".into(),
                    has_password: false,
                    problem: None,
                    proposed: None,
                },
                ImportLine {
                    line: 2,
                    username: "<María>".into(),
                    has_password: true,
                    problem: Some("no".into()),
                    proposed: Some("maria".into()),
                },
            ],
            users: vec![user("alice")],
        };
        assert_eq!(
            preview_headline(&list),
            "1 to add; 1 of 2 lines cannot be used:"
        );
        let html = preview(&list);
        assert!(html.contains("<b>Line 2</b> <code>&lt;María&gt;</code>: no."));
        assert!(html.contains("data-line=2 data-name=\"maria\"") && !html.contains("alice"));
        let text = "alice\n<María>,secret\r\nbob";
        assert_eq!(with_name(text, 2, "maria"), "alice\nmaria,secret\r\nbob");
        assert_eq!(with_name("María", 1, "maria"), "maria");
    }

    #[test]
    fn the_page_says_who_makes_passwords_and_cards_say_what_to_type() {
        let nobody = UserCredentials {
            username: "alice".into(),
            password: None,
        };
        let list = |kind, provider: &str, shared_password: Option<&str>| UsersResponse {
            users: Vec::new(),
            problems: Vec::new(),
            servers_waiting: None,
            accounts: AccountsSummary {
                kind,
                provider: Some(provider.into()),
                shared_password: shared_password.map(Into::into),
            },
            change: None,
        };
        for (list, said, typed, has_reset) in [
            (
                list(AccountsKind::Native, "NativeAuthenticator", None),
                "kept by the Hub’s NativeAuthenticator",
                "the one that you sign in with",
                true,
            ),
            (
                list(AccountsKind::Shared, "X", Some("<one>")),
                "<code>&lt;one&gt;</code>",
                "your instructor tells you",
                false,
            ),
            (
                list(AccountsKind::Outside, "GitHub<b>", None),
                "GitHub&lt;b&gt; signs people in",
                "yours of GitHub&lt;b&gt;",
                false,
            ),
        ] {
            assert!(who_makes_passwords(&list).contains(said), "{said}");
            let card = login_cards::cards(std::slice::from_ref(&nobody), "", &list.accounts);
            assert!(card.contains(typed), "{card}");
            let alice = ListedUser {
                username: "alice".into(),
                password: StoredPassword::None,
                has_account: true,
                failure: None,
                server_failure: None,
            };
            let buttons = actions(&alice, &list.accounts);
            assert!(buttons.contains("aria-label=\"Remove alice\""));
            assert_eq!(buttons.contains("data-do=reset"), has_reset);
        }
    }

    #[test]
    fn the_list_says_who_has_no_account_and_why() {
        let alice = ListedUser {
            username: "alice".into(),
            password: StoredPassword::Plain,
            has_account: false,
            failure: Some("no <room>".into()),
            server_failure: Some("late".into()),
        };
        assert!(server(None, alice.server_failure.as_deref()).contains("<small>late</small>"));
        assert!(account(&alice).contains("failed</span><small>no &lt;room&gt;</small>"));
        let listed = |name: &str| ListedUser {
            username: name.into(),
            ..alice.clone()
        };
        let class = [alice.clone(), listed("bob"), listed("cleo")];
        assert_eq!(neighbours(&class, "bob"), ["cleo", "alice"]);
        assert_eq!(neighbours(&class, "cleo"), ["bob"]);
        assert_eq!(neighbours(&class[..1], "alice"), [""; 0]);
        let list = UsersResponse {
            users: vec![alice],
            problems: Vec::new(),
            servers_waiting: Some(3),
            accounts: AccountsSummary::default(),
            change: None,
        };
        assert_eq!(
            servers(&list, &BTreeMap::new()).to_string(),
            "<span>0 of 1 servers run, 3 at work or waiting, 1 failed</span>"
        );
        assert_eq!(
            headline(&list).to_string(),
            "<span>1 user, 1 without an account</span>"
        );
        let change = RunningChange {
            by: "ines".into(),
            action: "add".into(),
            done: 25,
            of: 2_000,
            begun_ms: 0,
        };
        let list = UsersResponse {
            change: Some(change),
            ..list
        };
        assert!(headline(&list).contains("account. ines adds users, 25 of 2000 are done</span>"));
    }
}
