//! Reports of the extension that the service refuses, or whose notebook has another name in the
//! class: notebooks outside of the home, and homes at a folder below the server's root.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{
    FaultSetup, Verdict,
    away::{Jupyter, ReportTarget},
};
use crate::drive::{
    HANG_TIMEOUT,
    http::HttpClient,
    hub::{FakeHubApi, INSTRUCTOR, token_of},
    poll_until,
    service::{ServicePlan, ServiceProcess},
};

/// How many good and how many refused saves there are.
const SAVES: usize = 8;
/// How soon after a save its report must arrive.
const MAX_REPORT_DELAY: Duration = Duration::from_secs(1);

/// A class whose homes are at `/…/{user}/work`, while the servers' root is one folder above.
struct WorkFolderClass {
    _service: ServiceProcess,
    _hub: FakeHubApi,
    instructor: HttpClient,
    jupyter: Jupyter,
}

impl WorkFolderClass {
    async fn start(setup: &FaultSetup) -> anyhow::Result<Option<Self>> {
        let Some(venv) = &setup.venv else {
            return Ok(None);
        };
        let hub = FakeHubApi::start().await?;
        let plan = ServicePlan::new(&setup.pipalhub, &setup.folder.join("service"))?
            .with_homes_below("/work")
            .under(&hub)?;
        let home = plan.homes().join("ana");
        fs::create_dir_all(home.join("work"))?;
        let service = ServiceProcess::start(&plan).await?;
        let report = ReportTarget {
            to: &format!("http://{}/", service.address),
            token: &token_of("ana"),
        };
        // Without the hook, so that each save is posted once.
        let wrapper = ["env", "-u", "JUPYTER_CONFIG_PATH"];
        let jupyter = Jupyter::start_in(setup, venv, "ana", report, &home, &wrapper).await?;
        Ok(Some(Self {
            instructor: service.client_of(&token_of(INSTRUCTOR)),
            _service: service,
            _hub: hub,
            jupyter,
        }))
    }

    /// How many posted events had this result, by the service's metric.
    async fn posted(&self, result: &str) -> anyhow::Result<usize> {
        let metrics = self.instructor.get("/metrics").await?.body;
        let name = format!("pipalhub_events_posted_total{{result=\"{result}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        Ok(line.unwrap_or("0").parse()?)
    }

    async fn wait_for(&self, result: &str, count: usize) -> anyhow::Result<()> {
        let come = async || Ok((self.posted(result).await? >= count).then_some(()));
        poll_until("a report", HANG_TIMEOUT, come).await
    }
}

/// A refused save is posted once, and delays no other.
pub(super) async fn refused(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let Some(mut class) = WorkFolderClass::start(setup).await? else {
        return Ok(Verdict::untried(
            "needs a Python environment with jupyter_server",
        ));
    };
    let mut verdict = Verdict::default();
    let mut slowest = Duration::ZERO;
    for n in 0..SAVES {
        // A new notebook each time, for the refused and for the good save.
        for name in [format!("{n}.ipynb"), format!("work/{n}.ipynb")] {
            let (status, _) = class.jupyter.save_at(&name, "text").await?;
            verdict.must(status == 201, "a save failed");
        }
        let begun = Instant::now();
        class.wait_for("stored", n + 1).await?;
        slowest = slowest.max(begun.elapsed());
    }
    class.wait_for("refused", SAVES).await?;
    let (refused, stored) = (
        class.posted("refused").await?,
        class.posted("stored").await?,
    );
    verdict.must(
        (refused, stored) == (SAVES, SAVES),
        format!("{refused} refused and {stored} stored of {SAVES} each"),
    );
    verdict.must(slowest <= MAX_REPORT_DELAY, "a refused event delays others");
    let log = fs::read_to_string(setup.folder.join("ana.log"))?;
    let said = log.matches("refuses to be told").count();
    verdict.must(said == 1, format!("the log says it {said} times"));
    verdict.figure(format!(
        "{SAVES} saves outside of the home: {refused} posts, all refused, told in the log {said} \
         times; {SAVES} good ones beside them reported within {} ms",
        slowest.as_millis()
    ));
    Ok(verdict)
}

/// A notebook has its name in the class, whatever path the participant's server reports.
pub(super) async fn below(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let Some(mut class) = WorkFolderClass::start(setup).await? else {
        return Ok(Verdict::untried(
            "needs a Python environment with jupyter_server",
        ));
    };
    let mut verdict = Verdict::default();
    let mut slowest = Duration::ZERO;
    for n in 1..=SAVES {
        let text = format!("save {n}");
        class.jupyter.save_at("work/a.ipynb", &text).await?;
        let begun = Instant::now();
        class.wait_for("stored", n).await?;
        // The page fetches the tile by this filename.
        let events = class.instructor.get_json("/events?user=ana").await?;
        let names: Vec<_> = events.as_array().into_iter().flatten().collect();
        verdict.must(
            names.len() == 1 && names[0]["filename"] == "a.ipynb",
            format!("the events are of {names:?}"),
        );
        let moved = async || {
            let tile = class
                .instructor
                .get_json("/api/tile?user=ana&filename=a.ipynb")
                .await?;
            Ok(tile.to_string().contains(&text).then_some(()))
        };
        poll_until("the tile", HANG_TIMEOUT, moved).await?;
        slowest = slowest.max(begun.elapsed());
    }
    verdict.must(slowest <= MAX_REPORT_DELAY, "a tile moves late");
    verdict.figure(format!(
        "homes at {{user}}/work, servers at {{user}}: {SAVES} saves of work/a.ipynb are of a.ipynb, \
         and each is in the tile within {} ms",
        slowest.as_millis()
    ));
    Ok(verdict)
}
