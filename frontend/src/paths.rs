//! Every URL of the page.
//!
//! URLs of the service are relative: the browser resolves them against `<base>`. URLs of pages
//! start with the prefix of [`crate::base`], because they are compared with the address bar.

use shared::errands::{FILES_PAGE, HandoutAudience};
use shared::exercise::EXERCISE_PAGE;

use crate::model::view::{View, encode};

/// One participant's notebook, below the prefix.
const NOTEBOOK: &str = "/notebook";

/// The notebook that participants follow, below the prefix.
const FOLLOW: &str = "/follow";

/// A summary or an export, below the prefix.
const DOCUMENT: &str = "/document";

/// A page of this app, by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageRoute {
    /// Everyone's last cells.
    Wall,
    /// One participant's whole notebook.
    Notebook,
    /// The instructor's notebook that participants follow.
    Follow,
    /// The export of one copy, or the summary of a notebook.
    Document,
}

/// The page at `path`; `None` when `path` belongs to no page of this app.
pub fn route_of(prefix: &str, path: &str) -> Option<PageRoute> {
    match path.strip_prefix(prefix)? {
        "/" => Some(PageRoute::Wall),
        NOTEBOOK => Some(PageRoute::Notebook),
        FOLLOW => Some(PageRoute::Follow),
        DOCUMENT => Some(PageRoute::Document),
        _ => None,
    }
}

/// The session of the signed-in user.
pub const SESSION: &str = "api/session";
/// Trades the token of a link for a cookie.
pub const LOGIN: &str = "api/login";
/// Every notebook of the class.
pub const NOTEBOOKS: &str = "api/notebooks";

/// Who is no participant, and the participants' groups.
pub const PEOPLE: &str = "api/people";

/// Says what was done about somebody in the lane.
pub const SETTLED: &str = "api/insight/settled";

/// The help queue.
pub const HELP: &str = "api/help";
/// One's own note.
pub const MY_NOTE: &str = "api/help/mine";
/// Takes several tickets.
pub const CLAIM: &str = "api/help/claim";
/// Asks the class whether it is done (POST), or no longer (DELETE).
pub const ROUND: &str = "api/help/round";

/// Does something about one ticket.
pub fn ticket(id: i64, action: &str) -> String {
    format!("{HELP}/{id}/{action}")
}

/// The class's list.
pub const USERS: &str = "users";
/// Adds users.
pub const USERS_IMPORT: &str = "users/import";
/// Starts servers, or stops them.
pub const USERS_SERVERS: &str = "users/servers";
/// Reads a list, and adds nobody.
pub const USERS_PREVIEW: &str = "users/import/preview";

/// One user of the list.
pub fn user(name: &str) -> String {
    format!("users/{}", encode(name))
}

/// The home of a user who was removed.
pub fn user_home(name: &str) -> String {
    format!("users/{}/home", encode(name))
}

/// The password of a user.
pub fn user_password(name: &str) -> String {
    format!("users/{}/password", encode(name))
}

/// What participants can import (GET), and changing it (POST).
pub const PACKAGES: &str = "packages";
/// Says what a change of packages would do.
pub const PACKAGES_PLAN: &str = "packages/plan";
/// Stops a change of packages.
pub const PACKAGES_STOP: &str = "packages/stop";

/// The log of a change of packages, from a line on.
pub fn packages_log(job: u64, from: usize) -> String {
    format!("{PACKAGES}/log?job={job}&from={from}")
}

/// The tails of all copies of one notebook.
pub fn wall_data(filename: &str) -> String {
    format!("api/wall?filename={}", encode(filename))
}

/// What the saves of the class say of one notebook.
pub fn insight(filename: &str) -> String {
    format!("api/insight?filename={}", encode(filename))
}

/// Everyone's cells for one of the handout, or those with one error.
pub fn exercise_data(filename: &str, cell: Option<u32>, error: Option<&str>) -> String {
    let filename = encode(filename);
    let mut address = format!("api/insight/exercise?filename={filename}");
    if let Some(cell) = cell {
        address += &format!("&anchor={cell}");
    }
    if let Some(error) = error {
        address += &format!("&error={}", encode(error));
    }
    address
}

/// The page of a cell of the handout across everyone.
pub fn exercise_page(notebook: &str, cell: u32) -> String {
    format!("{EXERCISE_PAGE}?notebook={}&cell={cell}", encode(notebook))
}

/// The page of an error across everyone who has it.
pub fn error_page(notebook: &str, error: &str) -> String {
    format!(
        "{EXERCISE_PAGE}?notebook={}&error={}",
        encode(notebook),
        encode(error)
    )
}

/// One participant's tail.
pub fn tile_data(filename: &str, user: &str) -> String {
    format!(
        "api/tile?filename={}&user={}",
        encode(filename),
        encode(user)
    )
}

/// One participant's notebook with every cell.
pub fn notebook_data(filename: &str, user: &str) -> String {
    format!(
        "api/notebook?filename={}&user={}",
        encode(filename),
        encode(user)
    )
}

/// One output that needs a script, for a sandboxed frame; of a version, or of the newest. The
/// renderer wrote both numbers.
pub fn output_frame(
    filename: &str,
    user: &str,
    version: Option<i64>,
    cell: &str,
    output: &str,
) -> String {
    let numbers = format!("&cell={}&output={}", encode(cell), encode(output));
    let version = version.map(|version| format!("&version={version}"));
    format!(
        "api/output?filename={}&user={}{numbers}{}",
        encode(filename),
        encode(user),
        version.unwrap_or_default()
    )
}

/// The versions of one participant's notebook: the newest, or those before version `before`.
pub fn history_data(filename: &str, user: &str, before: Option<i64>) -> String {
    let before = before.map(|before| format!("&before={before}"));
    format!(
        "api/history?filename={}&user={}{}",
        encode(filename),
        encode(user),
        before.unwrap_or_default()
    )
}

/// One version with every cell.
pub fn version_data(filename: &str, user: &str, version: i64) -> String {
    of_version("version", filename, user, version)
}

/// The changes of one version since the one before, or since what was handed out, as HTML.
pub fn changes_data(filename: &str, user: &str, version: i64, since_handout: bool) -> String {
    let mut url = of_version("changes", filename, user, version);
    if since_handout {
        url.push_str("&handout=true");
    }
    url
}

/// One version as a file to download.
pub fn download(filename: &str, user: &str, version: i64) -> String {
    of_version("download", filename, user, version)
}

/// The notebook and the summaries that are shared with participants.
pub const SHARING: &str = "api/sharing";
/// Sets the notebook that participants follow.
pub const SET_FOLLOWED: &str = "api/sharing/followed";
/// Sets whether participants may read a summary.
pub const SET_SUMMARY: &str = "api/sharing/summary";
/// The notebook that participants follow.
pub const FOLLOWED: &str = "api/followed";
/// How much the service keeps about participants.
pub const ABOUT: &str = "api/about";
/// The page of the followed notebook, relative to `<base>`.
pub const FOLLOW_PAGE: &str = "follow";

/// Ends the session.
pub const LOGOUT: &str = "api/logout";

/// Writes a version into its participant's home.
pub const RESTORE: &str = "api/history/restore";

/// The errands of participants' servers.
pub const ERRANDS: &str = "api/errands";
/// The handouts (GET), and handing a notebook out (POST).
pub const HANDOUTS: &str = "api/handouts";

/// One errand.
pub fn errand(id: i64) -> String {
    format!("{ERRANDS}/{id}")
}

/// The handouts before this one, or the newest.
pub fn handouts(before: Option<i64>) -> String {
    match before {
        Some(before) => format!("{HANDOUTS}?before={before}"),
        None => HANDOUTS.to_owned(),
    }
}

/// Hands an uploaded file out, under this name in this folder.
pub fn file_handout(filename: &str, folder: &str, to: &HandoutAudience) -> String {
    let to = match to {
        HandoutAudience::Everyone(_) => "everyone=true".to_owned(),
        HandoutAudience::Group(name) => format!("group={}", encode(name)),
        HandoutAudience::User(name) => format!("user={}", encode(name)),
    };
    format!(
        "{HANDOUTS}/file?filename={}&folder={}&{to}",
        encode(filename),
        encode(folder)
    )
}

/// The page from which files are handed out, relative to `<base>`: that of `view`'s participant, if it
/// has one. It knows the way back to the wall.
pub fn files_page(view: &View) -> String {
    format!("{FILES_PAGE}{}", view.to_query())
}

/// One handout.
pub fn handout(id: &str) -> String {
    format!("{HANDOUTS}/{id}")
}

/// The notices of the signed-in participant (GET), and sending one (POST).
pub const NOTICES: &str = "api/notices";
/// The notices that were sent, with their recipients.
pub const SENT_NOTICES: &str = "api/notices/sent";

/// How a notice would look, and whom it would reach.
pub const NOTICE_PREVIEW: &str = "api/notices/preview";

/// The notices that have changed since `after`.
pub fn notices(after: Option<i64>) -> String {
    match after {
        Some(after) => format!("{NOTICES}?after={after}"),
        None => NOTICES.to_owned(),
    }
}

/// One notice.
pub fn notice(id: i64) -> String {
    format!("{NOTICES}/{id}")
}

/// The receipt of one notice: shown or opened.
pub fn receipt(id: i64) -> String {
    format!("{NOTICES}/{id}/receipt")
}

/// The link that opens `file` in the JupyterLab of the signed-in user, by way of the Hub whose
/// home page is at `hub_home`.
pub fn lab(hub_home: &str, file: &str) -> String {
    let hub = hub_home.trim_end_matches('/');
    let hub = hub.strip_suffix("/home").unwrap_or(hub);
    format!("{hub}/user-redirect/lab/tree/{}", encode(file))
}

fn of_version(endpoint: &str, filename: &str, user: &str, version: i64) -> String {
    format!(
        "api/history/{endpoint}?filename={}&user={}&version={version}",
        encode(filename),
        encode(user)
    )
}

/// The list of exports, copies and summaries, which is no page of this app.
pub const BUILDS: &str = "build/";

/// How each participant's saves arrive.
pub const SETUP: &str = "api/setup";

/// The newest version of a participant's export, or of a notebook's summary.
pub fn built_data(filename: &str, user: Option<&str>) -> String {
    let user = user.map(|user| format!("&user={}", encode(user)));
    format!(
        "api/build?filename={}{}",
        encode(filename),
        user.unwrap_or_default()
    )
}

/// The built document at `address`, for a frame of this page.
pub fn framed(address: &str) -> String {
    format!("{address}?framed=true")
}

/// The event stream, from now on or from the first event after `after`.
pub fn stream(after: Option<i64>) -> String {
    match after {
        Some(after) => format!("events/stream?after={after}"),
        None => "events/stream".to_owned(),
    }
}

/// The name of the stream that all tabs of one browser share for `user` at this service.
pub fn stream_name(prefix: &str, user: &str) -> String {
    format!("pipalhub{prefix}/ {user}")
}

/// The wall.
pub fn wall(prefix: &str, view: &View) -> String {
    format!("{prefix}/{}", view.with_user(None).to_query())
}

/// One participant's notebook.
pub fn notebook(prefix: &str, view: &View) -> String {
    format!("{prefix}{NOTEBOOK}{}", view.to_query())
}

/// One participant's notebook relative to `<base>`, as links in a rendered notebook need it.
pub fn notebook_page(filename: &str, user: &str) -> String {
    let view = View {
        notebook: Some(filename.to_owned()),
        user: Some(user.to_owned()),
        ..View::default()
    };
    notebook("", &view).split_off(1)
}

/// The export of the copy of `view`'s participant; without a participant, the summary.
pub fn document(prefix: &str, view: &View) -> String {
    let view = View {
        notebook: view.notebook.clone(),
        user: view.user.clone(),
        ..View::default()
    };
    format!("{prefix}{DOCUMENT}{}", view.to_query())
}

/// The summary of everyone's copies of a notebook as a page, relative to `<base>`.
pub fn summary_page(filename: &str) -> String {
    let view = View {
        notebook: Some(filename.to_owned()),
        ..View::default()
    };
    document("", &view).split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_below_the_prefix() {
        let view = View {
            notebook: Some("a b.ipynb".into()),
            user: Some("ana".into()),
            ..View::default()
        };
        assert_eq!(wall("", &View::default()), "/");
        assert_eq!(wall("/x/y", &view), "/x/y/?notebook=a%20b.ipynb");
        assert_eq!(
            notebook("/x/y", &view),
            "/x/y/notebook?notebook=a%20b.ipynb&user=ana"
        );
        assert_eq!(
            document("/x/y", &view.at(Some(7))),
            "/x/y/document?notebook=a%20b.ipynb&user=ana"
        );
        assert_eq!(
            notebook_page("a b.ipynb", "ana"),
            "notebook?notebook=a%20b.ipynb&user=ana"
        );
    }

    #[test]
    fn other_addresses_are_no_page_of_this_app() {
        for prefix in ["", "/services/dashboard"] {
            let page = |path: &str| route_of(prefix, &format!("{prefix}{path}"));
            assert_eq!(page("/"), Some(PageRoute::Wall));
            assert_eq!(page("/notebook"), Some(PageRoute::Notebook));
            assert_eq!(page(&format!("/{FOLLOW_PAGE}")), Some(PageRoute::Follow));
            assert_eq!(page("/document"), Some(PageRoute::Document));
            assert_eq!(page("/hub/home"), None);
            assert_eq!(page("/user/ana/lab"), None);
            assert_eq!(page("2/"), None);
        }
        assert_eq!(route_of("/services/dashboard", "/"), None);
    }

    #[test]
    fn data_urls_are_relative() {
        assert_eq!(tile_data("a&b", "c"), "api/tile?filename=a%26b&user=c");
        assert_eq!(
            output_frame("a&b", "c", None, "1", "0"),
            "api/output?filename=a%26b&user=c&cell=1&output=0"
        );
        assert_eq!(
            history_data("a&b", "c", Some(9)),
            "api/history?filename=a%26b&user=c&before=9"
        );
        assert_eq!(
            download("a&b", "c", 7),
            "api/history/download?filename=a%26b&user=c&version=7"
        );
        assert_eq!(notices(Some(0)), "api/notices?after=0");
        assert_eq!(receipt(7), "api/notices/7/receipt");
        assert_eq!(
            lab("/base/hub/home", "m/a b#c.ipynb"),
            "/base/hub/user-redirect/lab/tree/m/a%20b%23c.ipynb"
        );
        assert_eq!(stream(Some(0)), "events/stream?after=0");
        assert_eq!(built_data("a&b", None), "api/build?filename=a%26b");
        assert_eq!(
            built_data("a&b", Some("c")),
            "api/build?filename=a%26b&user=c"
        );
        let group = HandoutAudience::Group("a&b".to_owned());
        assert_eq!(
            file_handout("a b.csv", "m1/x", &group),
            "api/handouts/file?filename=a%20b.csv&folder=m1/x&group=a%26b"
        );
        assert_eq!(handouts(Some(7)), "api/handouts?before=7");
        assert_eq!(files_page(&View::default()), "files");
        let view = View::parse("notebook=m/a&user=ana");
        assert_eq!(files_page(&view), "files?notebook=m/a&user=ana");
        assert_eq!(packages_log(3, 20), "packages/log?job=3&from=20");
        assert_eq!(framed("build/a/c.html"), "build/a/c.html?framed=true");
    }
}
