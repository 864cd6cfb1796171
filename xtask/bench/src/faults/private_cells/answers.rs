//! Asking for all that shows notebooks or tells of them, as instructors.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    net::SocketAddr,
};

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use serde_json::Value;

use super::{
    SavedNotebook, Verdict,
    files::inflated,
    search::{CanarySearch, find},
};
use crate::drive::{
    http::{HttpConnection, request},
    hub::{INSTRUCTOR, token_of},
    service::ServiceProcess,
};

/// How many instructors ask at once, each within what one person may ask for.
const INSTRUCTORS: usize = 50;

/// Looks at the answers about all notebooks.
pub(super) async fn look(
    search: &mut CanarySearch,
    verdict: &mut Verdict,
    service: &ServiceProcess,
    saved: &[SavedNotebook],
) -> anyhow::Result<()> {
    let mut first = AskingInstructor::open(service, 0).await?;
    let copies = first.get_json("/api/copies").await?;
    let copies: HashSet<NotebookCopy> = serde_json::from_value::<Vec<Value>>(copies)?
        .iter()
        .filter_map(|copy| {
            let text = |name: &str| Some(copy[name].as_str()?.to_owned());
            Some((text("user")?, text("filename")?))
        })
        .collect();
    let newest: HashMap<NotebookCopy, &String> = saved
        .iter()
        .filter_map(|one| Some(((one.user.clone(), one.kept_filename()), one.markers.last()?)))
        .collect();
    let missing = newest.keys().filter(|copy| !copies.contains(copy)).count();
    verdict.must(missing == 0, format!("{missing} copies are not there"));

    for path in [
        "/api/notebooks",
        "/events",
        "/api/updates?after=0",
        "/api/about",
    ] {
        search.look("lists", &first.get(path).await?);
    }
    let mut filenames: Vec<&str> = copies.iter().map(|(_, filename)| &filename[..]).collect();
    filenames.sort_unstable();
    filenames.dedup();
    for filename in filenames {
        let path = format!("/api/wall?filename={filename}");
        search.look("walls", &first.get(&path).await?);
    }
    let copies: Vec<&NotebookCopy> = copies.iter().collect();
    let parts = copies.chunks(copies.len().div_ceil(INSTRUCTORS).max(1));
    let shared_search = RefCell::new(&mut *search);
    let asking = parts
        .enumerate()
        .map(|(n, copies)| ask_all(&shared_search, service, n, copies, &newest));
    let old: usize = try_join_all(asking).await?.into_iter().sum();
    verdict.must(old == 0, format!("{old} copies are not the newest"));

    let archive = first.get("/build/archive.zip").await?;
    search.look("lists", &archive);
    let mut rest = archive.as_slice();
    while let Some(at) = find(rest, b"PK\x03\x04") {
        let member = &rest[at..];
        let length = |at: usize| {
            member
                .get(at..at + 2)
                .map_or(0, |two| usize::from(u16::from_le_bytes([two[0], two[1]])))
        };
        let data = member
            .get(30 + length(26) + length(28)..)
            .unwrap_or_default();
        search.look("the archive, inflated", &inflated(data));
        rest = &member[4..];
    }
    Ok(())
}

/// A participant, and the name of a notebook of theirs.
type NotebookCopy = (String, String);

/// Looks at all answers about these copies; returns how many are not the newest version.
async fn ask_all(
    search: &RefCell<&mut CanarySearch>,
    service: &ServiceProcess,
    n: usize,
    copies: &[&NotebookCopy],
    newest: &HashMap<NotebookCopy, &String>,
) -> anyhow::Result<usize> {
    let mut instructor = AskingInstructor::open(service, n).await?;
    let mut old = 0;
    for copy in copies {
        let (user, filename) = copy;
        let query = format!("user={user}&filename={filename}");
        let content = instructor
            .get(&format!("/api/copies/content?{query}"))
            .await?;
        search.borrow_mut().look("copies' contents", &content);
        let newest = newest
            .get(*copy)
            .map_or(&[][..], |marker| marker.as_bytes());
        old += usize::from(!newest.is_empty() && find(&content, newest).is_none());
        for (name, path) in [
            ("tiles", "/api/tile"),
            ("notebooks", "/api/notebook"),
            ("lists", "/api/build"),
        ] {
            let answer = instructor.get(&format!("{path}?{query}")).await?;
            search.borrow_mut().look(name, &answer);
        }
        let history = instructor
            .get_json(&format!("/api/history?{query}"))
            .await?;
        let versions = history["versions"].as_array();
        for version in versions.context("no list of versions")? {
            let id = version["version"].as_i64();
            let id = id.context("a version without a number")?;
            for (name, path) in [
                ("versions", "/api/history/version"),
                ("downloaded versions", "/api/history/download"),
                ("differences", "/api/history/diff"),
                ("changes", "/api/history/changes"),
            ] {
                let path = format!("{path}?{query}&version={id}");
                let answer = instructor.get(&path).await?;
                search.borrow_mut().look(name, &answer);
            }
        }
    }
    Ok(old)
}

/// An instructor who asks one thing after the other.
struct AskingInstructor {
    address: SocketAddr,
    connection: HttpConnection,
    token: String,
}

impl AskingInstructor {
    async fn open(service: &ServiceProcess, n: usize) -> anyhow::Result<Self> {
        Ok(Self {
            address: service.address,
            connection: HttpConnection::open(service.address).await?,
            token: token_of(&format!("{INSTRUCTOR}{n}")),
        })
    }

    async fn get_json(&mut self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.get(path).await?)?)
    }

    /// The body of the answer: a refusal too, but for those to ask again later.
    async fn get(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        let request = request("GET", path, &self.token, None);
        loop {
            let Ok(answer) = self.connection.exchange(&request).await else {
                // The service has ended a connection over which nothing was asked for long.
                self.connection = HttpConnection::open(self.address).await?;
                continue;
            };
            if !matches!(answer.status, 429 | 503) {
                ensure!(answer.status < 500, "GET {path}: {}", answer.status);
                return Ok(answer.body.to_vec());
            }
            let seconds = answer.header("retry-after").and_then(|it| it.parse().ok());
            tokio::time::sleep(std::time::Duration::from_secs(seconds.unwrap_or(1))).await;
        }
    }
}
