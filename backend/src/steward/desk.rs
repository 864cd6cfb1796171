//! Does what is asked of the steward, by whatever way it was asked.

use std::sync::Arc;

use shared::users::{ImportLine, NewUser, PreviewResponse};

use super::{
    package_desk,
    protocol::{StewardInfo, StewardReply, StewardRequest},
};
use crate::{
    packages::package_manager::PackageManager,
    users::{
        class_list::{self, ListLine},
        error::UserListError,
        hub_servers::ServerWork,
        protection::Asker,
        user_list::UserList,
    },
};

/// Most entries of the audit list in one answer.
const MAX_AUDIT_ENTRIES: usize = 1_000;
/// Longest name of who asks for a change.
const MAX_BY_CHARS: usize = 100;

/// What a steward is for: the class's list, participants' packages, or both.
pub(crate) struct Desk {
    pub(crate) users: Option<UserList>,
    pub(crate) packages: Option<Arc<PackageManager>>,
}

impl Desk {
    /// Does what is asked, and returns the answer; `on_progress` is told how far it is. `is_root`
    /// says that root or the steward's own user asks.
    pub(crate) async fn handle(
        &self,
        request: &StewardRequest,
        is_root: bool,
        on_progress: &mut (dyn FnMut(StewardReply) + Send),
    ) -> StewardReply {
        if let StewardRequest::Packages { request } = request {
            return package_desk::handle(self.packages.as_ref(), request).await;
        }
        let Some(list) = &self.users else {
            return StewardReply::Refused {
                reason: "this steward is for packages, and not for users (--no-users)".to_owned(),
                is_unknown: false,
            };
        };
        let answer = answer(list, request, is_root, on_progress).await;
        answer.unwrap_or_else(|error| StewardReply::Refused {
            reason: error.to_string(),
            is_unknown: matches!(error, UserListError::Unknown(_)),
        })
    }

    /// What is said to whoever wants a change of users while there are too many.
    pub(super) fn busy(&self) -> String {
        let busy = self.users.as_ref().map(UserList::busy);
        busy.unwrap_or_else(|| "too many changes are asked for at once".to_owned())
    }
}

async fn answer(
    list: &UserList,
    request: &StewardRequest,
    is_root: bool,
    on_progress: &mut (dyn FnMut(StewardReply) + Send),
) -> Result<StewardReply, UserListError> {
    Ok(match request {
        StewardRequest::Hello {} => StewardReply::Hello(StewardInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            makes_accounts: list.accounts().has_passwords(),
            users_file: list.users_file().display().to_string(),
        }),
        StewardRequest::ListUsers {} => StewardReply::Users(list.everyone().await?),
        StewardRequest::ReadList { text } => read_list(list, text).await?,
        StewardRequest::AddUsers { by, users, as_root } => {
            let by = name_of(by);
            let asker = asker(&by, *as_root && is_root);
            let of = users.len();
            let mut progress = |done| on_progress(StewardReply::Progress { done, of });
            StewardReply::Change(list.add(asker, users, &mut progress).await?)
        }
        StewardRequest::ResetPassword {
            by,
            username,
            password,
            as_root,
        } => {
            let by = name_of(by);
            let asker = asker(&by, *as_root && is_root);
            let reset = list.reset(asker, username, password.as_deref());
            StewardReply::Credentials(reset.await?)
        }
        StewardRequest::RemoveUser {
            by,
            username,
            as_root,
        } => {
            let by = name_of(by);
            let asker = asker(&by, *as_root && is_root);
            list.remove(asker, username).await?;
            StewardReply::Done {}
        }
        StewardRequest::DeleteHome {
            by,
            username,
            as_root,
        } => {
            let by = name_of(by);
            let asker = asker(&by, *as_root && is_root);
            list.delete_home(asker, username).await?;
            StewardReply::Done {}
        }
        StewardRequest::Servers {
            by,
            start,
            usernames,
        } => {
            let work = match start {
                true => ServerWork::Start,
                false => ServerWork::Stop,
            };
            list.enqueue_servers(&name_of(by), usernames.as_deref(), work)?;
            StewardReply::Done {}
        }
        StewardRequest::Reconcile { remove } => {
            StewardReply::Change(list.reconcile(*remove, false).await?)
        }
        StewardRequest::Audit { most } => StewardReply::Audit {
            entries: list.audit((*most).min(MAX_AUDIT_ENTRIES))?,
        },
        StewardRequest::Packages { .. } => unreachable!("packages are no part of the list"),
    })
}

/// Reads a list; its lines and, apart, those that can be added.
async fn read_list(list: &UserList, text: &str) -> Result<StewardReply, UserListError> {
    let read = class_list::read(text, list.accounts().rule()).map_err(UserListError::Refused)?;
    let there = list.everyone().await?.users;
    let mut lines = Vec::new();
    let mut users = Vec::new();
    for ListLine {
        number,
        written,
        person,
    } in read
    {
        let mut line = ImportLine {
            line: number,
            username: written.chars().take(MAX_BY_CHARS).collect(),
            has_password: false,
            problem: None,
            proposed: None,
        };
        match person {
            Ok(person) if there.iter().any(|it| it.username == person.name.as_str()) => {
                line.problem = Some(format!("{} is in the list already", person.name));
            }
            Ok(person) => {
                line.has_password = person.password.is_some();
                users.push(NewUser {
                    username: person.name.to_string(),
                    password: person.password.map(|it| it.reveal().to_owned()),
                });
            }
            Err(problem) => {
                line.problem = Some(problem.reason);
                line.proposed = problem.proposed.map(|it| it.to_string());
            }
        }
        lines.push(line);
    }
    Ok(StewardReply::List(PreviewResponse { lines, users }))
}

fn asker(name: &str, is_administrator: bool) -> Asker<'_> {
    Asker {
        name,
        is_administrator,
    }
}

/// Who asks for a change, as the audit list has it.
fn name_of(by: &str) -> String {
    by.chars().take(MAX_BY_CHARS).collect()
}
