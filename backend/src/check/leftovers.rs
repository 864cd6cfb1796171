//! What a check has made, noted before it is made, and removed however the check ends.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    browser::Browser,
    dashboard::Dashboard,
    guests::{self, GuestMaker},
    hub,
    trouble::Trouble,
};
use crate::{
    findings::{Finding, counted},
    text::percent_encoded,
};

const SUBJECT: &str = "clean-up";
/// Longest wait for one thing to be removed; the whole is bounded by its kinds.
const REMOVE_PATIENCE: Duration = Duration::from_secs(60);

/// A file in a participant's server.
#[derive(Clone)]
struct LeftFile {
    browser: Arc<Browser>,
    server: String,
    filename: String,
    /// Whose tile it has, and under which name, when the dashboard shows one.
    tile: Option<(String, String)>,
}

/// A participant who is to be removed, and their browser where they have one.
#[derive(Clone)]
struct LeftGuest {
    name: String,
    browser: Option<Arc<Browser>>,
}

#[derive(Default)]
struct MadeThings {
    kernels: Vec<(Arc<Browser>, String)>,
    files: Vec<LeftFile>,
    own_server: Option<(Arc<Browser>, String)>,
    guests: Vec<LeftGuest>,
    maker: Option<GuestMaker>,
    dashboard: Option<Arc<Dashboard>>,
    admin: Option<Arc<Browser>>,
    is_hub_admin: bool,
}

/// What is to be removed.
#[derive(Default)]
pub(super) struct Leftovers {
    made: Mutex<MadeThings>,
}

impl Leftovers {
    /// Who removes things.
    pub(super) fn has_rights(&self, admin: Arc<Browser>, is_hub_admin: bool) {
        let mut made = self.made.lock();
        made.admin = Some(admin);
        made.is_hub_admin = is_hub_admin;
    }

    pub(super) fn has_dashboard(&self, dashboard: Arc<Dashboard>) {
        self.made.lock().dashboard = Some(dashboard);
    }

    pub(super) fn will_make_guests(&self, maker: GuestMaker, names: &[String]) {
        let mut made = self.made.lock();
        made.maker = Some(maker);
        made.guests = names
            .iter()
            .map(|name| LeftGuest {
                name: name.clone(),
                browser: None,
            })
            .collect();
    }

    pub(super) fn will_start_server(&self, guest: &str, browser: &Arc<Browser>) {
        let mut made = self.made.lock();
        let left = made.guests.iter_mut().find(|left| left.name == guest);
        match left {
            Some(left) => left.browser = Some(browser.clone()),
            None => made.own_server = Some((browser.clone(), guest.to_owned())),
        }
    }

    pub(super) fn has_kernel(&self, browser: &Arc<Browser>, server: &str, id: &str) {
        let path = format!("{server}api/kernels/{}", percent_encoded(id));
        self.made.lock().kernels.push((browser.clone(), path));
    }

    pub(super) fn will_save(&self, browser: &Arc<Browser>, server: &str, filename: &str) {
        self.made.lock().files.push(LeftFile {
            browser: browser.clone(),
            server: server.to_owned(),
            filename: filename.to_owned(),
            tile: None,
        });
    }

    pub(super) fn has_tile(&self, server: &str, filename: &str, user: &str, shown: &str) {
        let mut made = self.made.lock();
        let is_it = |file: &&mut LeftFile| file.server == server && file.filename == filename;
        if let Some(file) = made.files.iter_mut().find(is_it) {
            file.tile = Some((user.to_owned(), shown.to_owned()));
        }
    }

    /// Removes all of it, and says what stays.
    pub(super) async fn remove(&self) -> Option<Finding> {
        let made = std::mem::take(&mut *self.made.lock());
        let files = made.files.len();
        if files + made.guests.len() + made.kernels.len() == 0 && made.own_server.is_none() {
            return None;
        }
        let mut stays = Vec::new();
        stop_kernels(&made.kernels).await;
        stays.extend(remove_files(&made).await);
        stays.extend(remove_found_notebooks(&made).await);
        if let Some((browser, user)) = &made.own_server {
            let stopped = bounded(hub::stop_server(browser, user)).await;
            stays.extend(stopped.err().map(|trouble| trouble.message));
        }
        let (guests, who_stays) = remove_guests(&made).await;
        stays.extend(who_stays);
        Some(match stays.is_empty() {
            true => Finding::ok(
                SUBJECT,
                format!(
                    "what was made for the check is removed: {}, {}{}",
                    counted(guests, "participant"),
                    counted(files, "file"),
                    empty_homes(made.maker.filter(|_| guests > 0))
                ),
            ),
            false => Finding::problem(
                SUBJECT,
                format!("what was made for the check stays: {}", stays.join("; ")),
                "Run `pipalhub check` with --clean, as an instructor or admin, or remove it on the \
                 page Users or on the Hub's page Admin.",
            ),
        })
    }
}

/// What is to be said where nobody can be asked to delete a home.
fn empty_homes(maker: Option<GuestMaker>) -> &'static str {
    match maker {
        Some(GuestMaker::List { makes_homes: false } | GuestMaker::Hub) => {
            "; homes that the Hub's spawner has made for them are left to it"
        }
        _ => "",
    }
}

async fn stop_kernels(kernels: &[(Arc<Browser>, String)]) {
    let stops = kernels.iter().map(|(browser, path)| async {
        // A kernel that stays ends with its server.
        let _ = bounded(browser.delete(path)).await;
    });
    join_all(stops).await;
}

async fn remove_files(made: &MadeThings) -> Vec<String> {
    let removals = made.files.iter().map(|file| async {
        let name = percent_encoded(&file.filename);
        let path = format!("{}api/contents/{name}", file.server);
        let reply = bounded(file.browser.delete(&path)).await;
        let stays = match reply {
            Ok(reply) if reply.status.is_success() || reply.status.as_u16() == 404 => None,
            Ok(reply) => Some(reply.status.to_string()),
            Err(trouble) => Some(trouble.message),
        };
        if let Some(why) = stays {
            return Some(format!("{}{} ({why})", file.server, file.filename));
        }
        if let (Some((user, shown)), Some(dashboard)) = (&file.tile, &made.dashboard) {
            // Until it has heard that the file is gone, the server of the participant has to run.
            if !dashboard.forgets_tile(user, shown).await {
                return Some(format!("the tile of {shown} of {user}"));
            }
        }
        None
    });
    join_all(removals).await.into_iter().flatten().collect()
}

/// Removes the notebooks that everyone new finds in their home, of those whom the check has made: the
/// dashboard has tiles of them.
async fn remove_found_notebooks(made: &MadeThings) -> Vec<String> {
    let removals = made.guests.iter().filter_map(|guest| {
        let browser = guest.browser.as_ref()?;
        let folder = browser.path(&format!(
            "user/{}/api/contents",
            percent_encoded(&guest.name)
        ));
        Some(async move {
            let mut stays = Vec::new();
            for notebook in notebooks_in(browser, &folder).await {
                let path = format!("{folder}/{}", percent_encoded(&notebook));
                // One that cannot be deleted goes with the home.
                let _ = bounded(browser.delete(&path)).await;
                if let Some(dashboard) = &made.dashboard
                    && !dashboard.forgets_tile(&guest.name, &notebook).await
                {
                    stays.push(format!("the tile of {notebook} of {}", guest.name));
                }
            }
            stays
        })
    });
    join_all(removals).await.into_iter().flatten().collect()
}

/// The names of the notebooks in a folder of a participant's server.
async fn notebooks_in(browser: &Browser, folder: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct FolderModel {
        content: Vec<FileModel>,
    }
    #[derive(Deserialize)]
    struct FileModel {
        name: String,
        #[serde(rename = "type")]
        kind: String,
    }
    let listed = bounded(browser.get(folder)).await.ok();
    let listed: Option<FolderModel> = listed.and_then(|reply| reply.json());
    let files = listed.map(|folder| folder.content).unwrap_or_default();
    let notebooks = files.into_iter().filter(|file| file.kind == "notebook");
    notebooks.map(|file| file.name).collect()
}

/// So many are gone, and these stay.
async fn remove_guests(made: &MadeThings) -> (usize, Vec<String>) {
    let Some(admin) = &made.admin else {
        return (0, Vec::new());
    };
    let stops = made.guests.iter().filter_map(|guest| {
        let browser = guest.browser.as_ref()?;
        Some(async {
            // One that stays is stopped with its user.
            let _ = bounded(hub::stop_server(browser, &guest.name)).await;
        })
    });
    join_all(stops).await;
    let remover = GuestRemover {
        dashboard: made.dashboard.as_deref(),
        admin: made.is_hub_admin.then_some(admin),
        maker: made.maker,
    };
    let mut stays = Vec::new();
    let mut removed = 0;
    for guest in &made.guests {
        match remover.remove(&guest.name).await {
            Ok(was_there) => removed += usize::from(was_there),
            Err(why) => stays.push(why),
        }
    }
    (removed, stays)
}

/// Removes participants of a check, of this one or another.
pub(super) struct GuestRemover<'a> {
    pub(super) dashboard: Option<&'a Dashboard>,
    /// Who may remove users of the Hub.
    pub(super) admin: Option<&'a Arc<Browser>>,
    pub(super) maker: Option<GuestMaker>,
}

impl GuestRemover<'_> {
    /// Removes one; whether they were there, or why they stay.
    pub(super) async fn remove(&self, name: &str) -> Result<bool, String> {
        // No other name comes so far, but whoever removes people looks twice.
        if guests::age_of(name).is_none() {
            return Ok(false);
        }
        let stays = |trouble: Trouble| format!("{name} ({})", trouble.message);
        let mut was_there = false;
        if let (Some(dashboard), Some(GuestMaker::List { makes_homes })) =
            (self.dashboard, self.maker)
        {
            let removed = bounded(dashboard.remove_user(name)).await;
            was_there |= removed.map_err(stays)?;
            if makes_homes {
                let deleted = bounded(dashboard.delete_home(name)).await;
                deleted.map_err(|trouble| format!("the home of {name} ({})", trouble.message))?;
            }
        }
        if let Some(admin) = self.admin {
            let removed = bounded(hub::remove_user(admin, name)).await;
            was_there |= removed.map_err(stays)?;
        }
        Ok(was_there)
    }
}

async fn bounded<T>(work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    match timeout(REMOVE_PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => Err(Trouble::late("removing it", REMOVE_PATIENCE)),
    }
}

#[cfg(test)]
mod tests;
