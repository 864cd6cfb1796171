//! Private cells are in nothing that leaves a participant's server, and in nothing that is kept or
//! shown.
//!
//! Participants' real reporters and inventories (`save_generated.py`) push generated notebooks,
//! each saved several times, with canaries in all that is private. The canaries are looked for in
//! what has travelled ([`traffic`]: put together from packets, or where none can be captured from
//! what has passed a proxy, and inflated), in the answers ([`answers`]), and in the files
//! ([`files`]: databases and what is deflated in them, too). That this would find them is shown by
//! words of cells that are not private ([`search`]), which have to be found there.

mod answers;
mod capture;
mod files;
mod search;
mod traffic;

use std::{collections::BTreeSet, fs::File, process::Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;

use self::{capture::PacketCapture, search::CanarySearch, traffic::SentPushes};
use super::{FaultSetup, Verdict};
use crate::drive::{
    hub::FakeHubApi,
    recording_proxy::{Conversation, RecordingProxy},
    service::ServiceProcess,
};

/// What `save_generated.py` has saved.
#[derive(Deserialize)]
struct SavedNotebooks {
    canaries: Vec<String>,
    saved: Vec<SavedNotebook>,
}

#[derive(Deserialize)]
struct SavedNotebook {
    user: String,
    /// The name of their server; empty for the first.
    server: String,
    filename: String,
    /// A word of each version, but for those of which nothing may leave.
    markers: Vec<String>,
    /// How many versions have a private cell, and of how many nothing may leave.
    private: usize,
    withheld: usize,
}

impl SavedNotebook {
    /// The name that the service has for it.
    fn kept_filename(&self) -> String {
        match self.server.as_str() {
            "" => self.filename.clone(),
            server => format!("@{server}/{}", self.filename),
        }
    }
}

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let Some(venv) = &setup.venv else {
        return Ok(Verdict::untried("needs a Python environment"));
    };
    let mut verdict = Verdict::default();
    let hub = FakeHubApi::start().await?;
    let plan = setup
        .plan()?
        .under(&hub)?
        .with("PIPALHUB_SOURCE", "push")
        .with("PIPALHUB_LOG", "debug");
    let address = plan.address()?;
    let capture = PacketCapture::start(&setup.folder, address, hub.address()).await?;
    let service = ServiceProcess::start(&plan).await?;
    let proxy = RecordingProxy::start(address).await?;

    let log = setup.folder.join("participants.log");
    let script = setup.etc.join("../xtask/bench/save_generated.py");
    let saving = Command::new(venv.join("bin/python"))
        .arg(script)
        .arg(format!("http://{}/", proxy.address))
        .arg(setup.folder.join("servers"))
        .arg(setup.notebooks().to_string())
        .stdin(Stdio::null())
        .stderr(File::create(&log)?)
        .kill_on_drop(true)
        .output();
    let saving = saving.await.context("Python cannot be started")?;
    ensure!(
        saving.status.success(),
        "the participants could not save: {}",
        String::from_utf8_lossy(&std::fs::read(&log)?)
    );
    let SavedNotebooks { canaries, saved } =
        serde_json::from_slice(&saving.stdout).context("what was saved")?;
    let mut search = CanarySearch::new(&canaries);

    let recorded = proxy.conversations();
    check_pushes("the proxy", &mut search, &mut verdict, &recorded, &saved)?;
    match capture {
        Ok(capture) => {
            let packets = capture.stop(&service).await?;
            search.look("packets", &packets.bytes);
            let count = packets.count;
            // A busy machine loses packets, and with them the streams; the proxy has all.
            let figure = match &packets.missing {
                Some(missing) => {
                    format!("{count} packets, as they are: some are missing ({missing})")
                }
                None => {
                    let of_service = &packets.of_service;
                    let pushes =
                        check_pushes("packets", &mut search, &mut verdict, of_service, &saved)?;
                    format!("{count} packets, as they are and put together to {pushes} pushes")
                }
            };
            verdict.figure(figure);
        }
        Err(obstacle) => verdict.figure(format!(
            "no packets ({obstacle}), but what has passed a proxy"
        )),
    }
    // After the capture, which would have all answers once more.
    answers::look(&mut search, &mut verdict, &service, &saved).await?;
    service.terminate().await?;
    files::look(&mut search, &plan.data())?;
    search.look(
        "the service's log",
        &std::fs::read(plan.folder.join("log"))?,
    );
    search.look("participants' logs", &std::fs::read(&log)?);

    let sum = |number: fn(&SavedNotebook) -> usize| saved.iter().map(number).sum::<usize>();
    verdict.figure(format!(
        "{} notebooks, {} versions of them with private cells and {} of which nothing may leave",
        saved.len(),
        sum(|one| one.private),
        sum(|one| one.withheld)
    ));
    search.conclude(&mut verdict);
    Ok(verdict)
}

/// Looks at the pushes in what has travelled; returns how many there are.
fn check_pushes(
    place: &'static str,
    search: &mut CanarySearch,
    verdict: &mut Verdict,
    conversations: &[Conversation],
    saved: &[SavedNotebook],
) -> anyhow::Result<usize> {
    let pushes = SentPushes::of(conversations).with_context(|| place.to_owned())?;
    let mut seen = BTreeSet::new();
    for content in &pushes.contents {
        search.look("pushed notebooks", content);
        seen.extend(search::markers_in(content));
    }
    for conversation in conversations {
        search.look("requests and answers", &conversation.requests);
        search.look("requests and answers", &conversation.answers);
    }
    let expected: Vec<&String> = saved.iter().flat_map(|one| &one.markers).collect();
    let unseen = expected.iter().filter(|it| !seen.contains(**it)).count();
    verdict.must(
        unseen == 0,
        format!(
            "{unseen} of {} versions were not seen in {place}",
            expected.len()
        ),
    );
    // Where the version before was withheld too, an inventory alone may have told of it.
    verdict.must(
        pushes.withheld > 0 && pushes.deltas > 0 && pushes.inventories > 0,
        "nothing was withheld, or no delta or no inventory was sent",
    );
    verdict.figure(format!(
        "in {place} {} deltas, {} whole, {} withheld, {} inventories",
        pushes.deltas,
        pushes.contents.len() - pushes.deltas,
        pushes.withheld,
        pushes.inventories
    ));
    Ok(pushes.contents.len())
}
