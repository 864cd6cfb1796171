//! What the extension tells is not always what the service takes, or has a name for: what is
//! outside of the home, and what lies below a folder of the home where the class is.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{
    Lab, Verdict,
    away::{Jupyter, Report},
};
use crate::drive::{
    LONG,
    http::Client,
    hub::{HubApi, INSTRUCTOR, token_of},
    service::{Plan, Service},
    until,
};

/// Good saves beside a bad one.
const SAVES: usize = 8;
/// How soon after a save its report is there.
const SOON: Duration = Duration::from_secs(1);

/// A class whose notebooks are at `/…/{user}/work`, where servers begin one folder above.
struct Class {
    _service: Service,
    _hub: HubApi,
    instructor: Client,
    jupyter: Jupyter,
}

impl Class {
    async fn start(lab: &Lab) -> anyhow::Result<Option<Self>> {
        let Some(venv) = &lab.venv else {
            return Ok(None);
        };
        let hub = HubApi::start().await?;
        let plan = Plan::new(&lab.pipalhub, &lab.folder.join("service"))?
            .with_homes_below("/work")
            .under(&hub)?;
        let home = plan.homes().join("ana");
        fs::create_dir_all(home.join("work"))?;
        let service = Service::start(&plan).await?;
        let report = Report {
            to: &format!("http://{}/", service.address),
            token: &token_of("ana"),
        };
        // Without the hook, so that there is one post for each save.
        let around = ["env", "-u", "JUPYTER_CONFIG_PATH"];
        let jupyter = Jupyter::start_in(lab, venv, "ana", report, &home, &around).await?;
        Ok(Some(Self {
            instructor: service.client_of(&token_of(INSTRUCTOR)),
            _service: service,
            _hub: hub,
            jupyter,
        }))
    }

    /// How many posted events came to this.
    async fn posted(&self, result: &str) -> anyhow::Result<usize> {
        let metrics = self.instructor.get("/metrics").await?.body;
        let name = format!("pipalhub_events_posted_total{{result=\"{result}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        Ok(line.unwrap_or("0").parse()?)
    }

    async fn wait_for(&self, result: &str, count: usize) -> anyhow::Result<()> {
        let come = async || Ok((self.posted(result).await? >= count).then_some(()));
        until("a report", LONG, come).await
    }
}

/// A save that the service refuses is told once, and delays no other.
pub(super) async fn refused(lab: &Lab) -> anyhow::Result<Verdict> {
    let Some(mut class) = Class::start(lab).await? else {
        return Ok(Verdict::untried(
            "needs a Python environment with jupyter_server",
        ));
    };
    let mut verdict = Verdict::default();
    let mut slowest = Duration::ZERO;
    for n in 0..SAVES {
        // Each a notebook of its own, and so is what is refused.
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
    verdict.must(slowest <= SOON, "a refused event delays others");
    let log = fs::read_to_string(lab.folder.join("ana.log"))?;
    let said = log.matches("refuses to be told").count();
    verdict.must(said == 1, format!("the log says it {said} times"));
    verdict.figure(format!(
        "{SAVES} saves outside of the home: {refused} posts, all refused, told in the log {said} \
         times; {SAVES} good ones beside them reported within {} ms",
        slowest.as_millis()
    ));
    Ok(verdict)
}

/// The name of a notebook is the class's, whatever the participant's server calls it.
pub(super) async fn below(lab: &Lab) -> anyhow::Result<Verdict> {
    let Some(mut class) = Class::start(lab).await? else {
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
        // What a page fetches a tile by.
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
        until("the tile", LONG, moved).await?;
        slowest = slowest.max(begun.elapsed());
    }
    verdict.must(slowest <= SOON, "a tile moves late");
    verdict.figure(format!(
        "homes at {{user}}/work, servers at {{user}}: {SAVES} saves of work/a.ipynb are of a.ipynb, \
         and each is in the tile within {} ms",
        slowest.as_millis()
    ));
    Ok(verdict)
}
