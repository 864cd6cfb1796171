//! `bench simulated`: whole simulated classes, pushed to a real service as participants' servers do.
//! What `GET /api/insight` says of them is compared with the engine in this process, which has the
//! same saves, and with the truth.
//!
//! All but the last saves of a class are pushed as fast as they are taken, with the times at which
//! they were made. The rest is saved when it is pushed: a service that is asked looks at the class
//! by its own clock, so that its class is one of now.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use shared::insight::InsightResponse;
use simulation::{
    Seeds,
    class::SimulatedClass,
    engine::{Engine, comparable},
    generate::ClassGenerator,
    heard::{HeardScores, Truth, name},
    pushed,
    table::Table,
};
use tokio::time::sleep;

use crate::{
    drive::{
        HANG_TIMEOUT,
        http::{HttpRequest, LastingConnection, request},
        hub::{FakeHubApi, IN_CHARGE, token_of},
        now_us,
        push::PushingServer,
        service::{ProcessUsage, ServicePlan, ServiceProcess},
    },
    samples::Percentiles,
};

const FILENAME: &str = "lesson.ipynb";
/// The last saves of a class, each of which is made when it is pushed, and the longest pause before
/// one.
const LIVE_SAVES: usize = 100;
const MAX_PAUSE_MS: i64 = 500;
/// The class looks at itself so long after a time is over, and at times that are multiples of ten
/// seconds.
const SETTLING_MS: i64 = 5_000;
const LOOK_MS: i64 = 10_000;
/// How long the service may take to replay a class.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(120);

/// Simulated classes over HTTP; prints rows of a table.
#[derive(Args)]
pub(crate) struct SimulatedClassArgs {
    #[arg(long)]
    pipalhub: PathBuf,
    /// Which classes: those that the engine was made with, or others.
    #[arg(long, value_enum, default_value = "report")]
    seeds: Seeds,
    /// Only the class of this generator.
    #[arg(long)]
    only: Option<String>,
    #[arg(long, default_value_t = 60)]
    participants: usize,
    #[arg(long, default_value_t = 60)]
    minutes: i64,
}

pub(crate) async fn run(args: &SimulatedClassArgs) -> anyhow::Result<()> {
    let pipalhub = fs::canonicalize(&args.pipalhub)?;
    let is_wanted = |it: &ClassGenerator| args.only.as_ref().is_none_or(|only| only == it.name());
    for generator in ClassGenerator::ALL.into_iter().filter(is_wanted) {
        let mut table = Table::default();
        let class = generator.class(&pushed(args.seeds, args.participants, args.minutes));
        eprintln!(
            "{}: {} saves over HTTP",
            generator.name(),
            class.saves.len()
        );
        let class_name = format!("{} over HTTP", generator.name());
        push_class(&pipalhub, &class, &class_name, &mut table)
            .await
            .with_context(|| class_name.clone())?;
        print!("{}", table.rows());
    }
    Ok(())
}

async fn push_class(
    pipalhub: &Path,
    class: &SimulatedClass,
    class_name: &str,
    table: &mut Table,
) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("pipalhub-class-")
        .tempdir()?;
    let hub = FakeHubApi::start().await?;
    let plan = ServicePlan::new(pipalhub, folder.path())?
        .under(&hub)?
        .with("PIPALHUB_SOURCE", "push");
    let service = ServiceProcess::start(&plan).await?;
    let mut pushing = PushedClass::begin(&service, class).await?;
    let live = class.saves.len().saturating_sub(LIVE_SAVES);
    let begun = Instant::now();
    pushing.push_past(live).await?;
    let (pushed_in, of_pushes) = (begun.elapsed(), service.usage()?);
    let begun = Instant::now();
    pushing.wait_for_whole_answer().await?;
    let replayed_in = begun.elapsed();
    pushing.push_live(live).await?;
    let last = pushing.wait_for_look().await?;
    pushing.compare(&last);
    let usage = service.usage()?;
    service.terminate().await?;

    let service = ServiceProcess::start(&plan).await?;
    pushing.reader = Reader::of(&service);
    let begun = Instant::now();
    let again = pushing.wait_for_whole_answer().await?;
    let again_in = begun.elapsed();
    let is_same = match again.as_of_ms == last.as_of_ms {
        true => comparable(again.clone()) == comparable(last),
        // The class has looked at itself since.
        false => pushing.is_of_engine(&again),
    };
    service.terminate().await?;
    let timing = Timing {
        pushed_in,
        replayed_in,
        again_in,
        of_pushes,
        usage,
    };
    pushing.print(class_name, is_same, &timing, table)
}

/// How long parts took, and what the service has used.
struct Timing {
    pushed_in: Duration,
    replayed_in: Duration,
    again_in: Duration,
    of_pushes: ProcessUsage,
    usage: ProcessUsage,
}

/// Somebody who sees everyone, and asks again and again.
struct Reader {
    connection: LastingConnection,
    request: HttpRequest,
}

impl Reader {
    fn of(service: &ServiceProcess) -> Self {
        let path = format!("/api/insight?filename={FILENAME}");
        Self {
            connection: LastingConnection::to(service.address),
            request: request("GET", &path, &token_of(IN_CHARGE), None),
        }
    }

    async fn ask(&mut self) -> anyhow::Result<InsightResponse> {
        let answer = self.connection.exchange(&self.request).await?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == 200, "{}: {text}", answer.status);
        Ok(serde_json::from_str(&text)?)
    }

    /// Asks until no look can have been made between the question and the clock in the answer, by
    /// which the engine looks, too.
    async fn ask_between_looks(&mut self) -> anyhow::Result<InsightResponse> {
        loop {
            let before_ms = now_ms();
            let answer = self.ask().await?;
            if looks_by(before_ms) == looks_by(answer.now_ms) {
                return Ok(answer);
            }
        }
    }
}

/// A class whose saves a service and the engine get.
struct PushedClass<'a> {
    class: &'a SimulatedClass,
    servers: Vec<PushingServer>,
    reader: Reader,
    engine: Engine,
    truths: Vec<Option<Truth>>,
    scores: HeardScores,
    /// When the class began.
    begun_ms: i64,
    /// The time of the newest save, as it was pushed.
    newest_ms: i64,
    versions: usize,
    pushes_ms: Vec<f64>,
    until_heard_ms: Vec<f64>,
    compared: usize,
    same: usize,
}

impl<'a> PushedClass<'a> {
    async fn begin(service: &ServiceProcess, class: &'a SimulatedClass) -> anyhow::Result<Self> {
        let begun_ms = now_ms() - class.end_ms;
        let handed_out_ms = begun_ms - 1_000;
        let mut instructor = PushingServer::new(service, IN_CHARGE.to_owned(), FILENAME);
        instructor.push(handed_out_ms, &class.handout).await?;
        let participants = 0..class.moods.len();
        let servers: Vec<PushingServer> = participants
            .map(|participant| PushingServer::new(service, name(participant), FILENAME))
            .collect();
        Ok(Self {
            class,
            reader: Reader::of(service),
            engine: Engine::of_handout(handed_out_ms, IN_CHARGE, &class.handout)?,
            truths: vec![None; servers.len()],
            servers,
            scores: HeardScores::of(class)?,
            begun_ms,
            newest_ms: handed_out_ms,
            versions: 0,
            pushes_ms: Vec::new(),
            until_heard_ms: Vec::new(),
            compared: 0,
            same: 0,
        })
    }

    /// Saves of a while ago, one after another.
    async fn push_past(&mut self, end: usize) -> anyhow::Result<()> {
        for at in 0..end {
            self.push(at).await?;
        }
        Ok(())
    }

    /// The rest, each when its time has come.
    async fn push_live(&mut self, from: usize) -> anyhow::Result<()> {
        for at in from..self.class.saves.len() {
            // A pause is cut short, and the first is as long as the service took to catch up.
            let save_ms = self.class.saves[at].at_ms;
            let now_ms = now_ms();
            let due_ms = (self.begun_ms + save_ms).clamp(now_ms, now_ms + MAX_PAUSE_MS);
            self.begun_ms = due_ms - save_ms;
            let pause_ms = u64::try_from(due_ms - now_ms).unwrap_or(0);
            sleep(Duration::from_millis(pause_ms)).await;
            if !self.push(at).await? {
                continue;
            }
            let acknowledged = Instant::now();
            while self.reader.ask().await?.as_of_ms < self.newest_ms {
                let is_late = acknowledged.elapsed() > HANG_TIMEOUT;
                ensure!(!is_late, "no answer has the newest save");
                sleep(Duration::from_millis(1)).await;
            }
            self.until_heard_ms
                .push(acknowledged.elapsed().as_secs_f64() * 1e3);
            let answer = self.reader.ask_between_looks().await?;
            self.compare(&answer);
        }
        Ok(())
    }

    /// Pushes a save; whether it is another version.
    async fn push(&mut self, at: usize) -> anyhow::Result<bool> {
        let save = &self.class.saves[at];
        // No two saves of a class are of one time here, so that an answer says which it has.
        let at_ms = (self.begun_ms + save.at_ms).max(self.newest_ms + 1);
        let server = &mut self.servers[save.participant];
        let begun = Instant::now();
        let is_news = server.push(at_ms, &save.json).await?;
        if !is_news {
            return Ok(false);
        }
        self.pushes_ms.push(begun.elapsed().as_secs_f64() * 1e3);
        self.engine.save(at_ms, server.user(), &save.json)?;
        self.newest_ms = at_ms;
        self.versions += 1;
        let truth = &mut self.truths[save.participant];
        let before = truth.as_ref().map(|truth| {
            let failing = self.class.saves[truth.save].failing.as_ref();
            (failing.map(|failing| failing.run), truth.failed_ms)
        });
        let run = save.failing.as_ref().map(|failing| failing.run);
        let failed_ms = match before {
            Some((before, failed_ms)) if before == run => failed_ms,
            _ => at_ms,
        };
        *truth = Some(Truth {
            save: at,
            failed_ms,
        });
        Ok(true)
    }

    /// Asks until all versions are in the answer.
    async fn wait_for_whole_answer(&mut self) -> anyhow::Result<InsightResponse> {
        let begun = Instant::now();
        loop {
            let answer = self.reader.ask_between_looks().await?;
            if !answer.catching_up && answer.as_of_ms >= self.newest_ms {
                return Ok(answer);
            }
            ensure!(begun.elapsed() < REPLAY_TIMEOUT, "the replay does not end");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the class has looked at itself after its end.
    async fn wait_for_look(&mut self) -> anyhow::Result<InsightResponse> {
        let begun = Instant::now();
        while begun.elapsed() < HANG_TIMEOUT {
            let answer = self.reader.ask_between_looks().await?;
            if answer.as_of_ms > self.newest_ms {
                return Ok(answer);
            }
            sleep(Duration::from_millis(100)).await;
        }
        bail!("the class does not look at itself");
    }

    /// Whether the engine in process says the same at that time.
    fn is_of_engine(&mut self, answer: &InsightResponse) -> bool {
        self.engine.advance(answer.now_ms - SETTLING_MS);
        let expected = self.engine.answer();
        let heard = comparable(answer.clone());
        let is_same = heard == expected;
        if !is_same {
            for (part, is_same) in [
                ("people", heard.people == expected.people),
                ("groups", heard.groups == expected.groups),
                (
                    "lane",
                    heard.lane == expected.lane && heard.more == expected.more,
                ),
                ("pace", heard.pace == expected.pace),
                ("time", heard.as_of_ms == expected.as_of_ms),
            ] {
                if !is_same {
                    eprintln!("another {part} at {}", answer.now_ms);
                }
            }
        }
        is_same
    }

    fn compare(&mut self, answer: &InsightResponse) {
        self.compared += 1;
        self.same += usize::from(self.is_of_engine(answer));
        self.scores.add(answer, self.class, &self.truths);
    }

    fn print(
        &self,
        class_name: &str,
        is_same: bool,
        timing: &Timing,
        table: &mut Table,
    ) -> anyhow::Result<()> {
        let mut row = |measure: &str, value: String, gate: &str| {
            table.push(class_name, measure, value, gate);
        };
        row(
            "answers that say what the engine says",
            format!("{} of {}", self.same, self.compared),
            "all",
        );
        row(
            "the same answer after a restart",
            format!("{} of 1", usize::from(is_same)),
            "all",
        );
        self.scores.print(class_name, table);
        let mut row = |measure: &str, value: String, gate: &str| {
            table.push(class_name, measure, value, gate);
        };
        let times = |samples: &[f64]| {
            let found = Percentiles::of(samples).context("no samples")?;
            anyhow::Ok(format!("{:.1} / {:.1} ms", found.median, found.p99))
        };
        row(
            "from an acknowledged save to the answer with it, median / p99",
            times(&self.until_heard_ms)?,
            "",
        );
        row("a push, median / p99", times(&self.pushes_ms)?, "");
        row(
            "pushes one after another",
            format!(
                "{:.0} s for {} versions",
                timing.pushed_in.as_secs_f64(),
                self.versions - self.until_heard_ms.len()
            ),
            "",
        );
        row(
            "from the first question to the whole answer, live / restarted",
            format!(
                "{:.1} / {:.1} s",
                timing.replayed_in.as_secs_f64(),
                timing.again_in.as_secs_f64()
            ),
            "",
        );
        row(
            "the service's processor time, pushes / with all answers",
            format!(
                "{:.1} / {:.1} s",
                timing.of_pushes.cpu.as_secs_f64(),
                timing.usage.cpu.as_secs_f64()
            ),
            "",
        );
        row(
            "the service's memory at its peak",
            format!("{} MiB", timing.usage.peak_kib >> 10),
            "",
        );
        Ok(())
    }
}

fn now_ms() -> i64 {
    now_us() / 1_000
}

/// The number of looks that a class has made by then.
fn looks_by(now_ms: i64) -> i64 {
    (now_ms - SETTLING_MS - 1).div_euclid(LOOK_MS)
}
