//! The steps of participants: made, signed in, at work, and what follows for a class.

use std::time::{Duration, Instant};

use super::{
    figures::MachineFigures,
    guests::{self, Guest, GuestMaker},
    reach::{Reach, Visitor},
    seats::{self, Seat, StepResults, each, tried},
    sweep::{STALE_AGE, sweep},
    trouble::Trouble,
    verdict::{ClassSize, RehearsalFigures, class_size},
};
use crate::{
    findings::{Finding, counted},
    secret::Secret,
};

const PARTICIPANTS: &str = "participants";
const SLOW_START: Duration = Duration::from_secs(30);
const SLOW_SAVE: Duration = Duration::from_secs(3);
const LOW_DISK_BYTES: u64 = 5 << 30;

/// A class of few, on the day before.
pub(super) struct Rehearsal<'a> {
    pub(super) reach: &'a Reach<'a>,
    pub(super) visitor: &'a Visitor,
}

impl Rehearsal<'_> {
    pub(super) async fn run(&self) -> Option<ClassSize> {
        let visitor = self.visitor;
        let (maker, shared, why) = match self.reach.request.own {
            true => (GuestMaker::Nobody, None, "--own was given".to_owned()),
            false => guests::maker(visitor.class_list(), &visitor.own).await,
        };
        if maker != GuestMaker::Nobody {
            sweep(self.reach, visitor, maker, STALE_AGE).await;
        }
        let mut seats = self.seats(maker, shared.as_ref(), &why).await?;
        self.at_work(&mut seats).await
    }

    /// Those who take part, signed in.
    async fn seats(
        &self,
        maker: GuestMaker,
        shared: Option<&Secret>,
        why: &str,
    ) -> Option<Vec<Seat>> {
        let guests = match maker {
            GuestMaker::Nobody => vec![self.alone(why)],
            maker => self.guests(maker, shared).await,
        };
        let seat = |guest| Seat {
            guest,
            kernel: None,
        };
        let mut seats: Vec<Seat> = guests.into_iter().map(seat).collect();
        if seats.iter().any(|seat| seat.guest.password.is_some()) {
            let signed_in = each(&mut seats, seats::sign_in).await;
            let good = match signed_in.done.len() {
                1 => "the participant is signed in".to_owned(),
                count => format!("{count} are signed in at once"),
            };
            self.tell_step(signed_in.finding("class sign-in", &good, None));
        }
        (!seats.is_empty()).then_some(seats)
    }

    /// Participants made for the check, or who checks where that fails.
    async fn guests(&self, maker: GuestMaker, shared: Option<&Secret>) -> Vec<Guest> {
        let names = guests::new_names(self.reach.request.servers);
        self.reach.left.will_make_guests(maker, &names);
        let begun = Instant::now();
        match (self.make(maker, shared, &names).await, maker) {
            (Ok(guests), maker) => {
                let by = match maker {
                    GuestMaker::List { .. } => "by the class's list",
                    _ => "in the Hub",
                };
                let message = format!("{} made for the check, {by}", guests.len());
                let finding = Finding::ok(PARTICIPANTS, message);
                self.tell(finding.took(begun.elapsed()));
                guests
            }
            (Err(trouble), GuestMaker::List { .. }) => {
                self.tell(trouble.finding(PARTICIPANTS));
                vec![self.own_guest()]
            }
            // A Hub with accounts of the system makes users only of those that are there.
            (Err(trouble), _) => vec![self.alone(&trouble.message)],
        }
    }

    /// Who checks is the only one, which is told with its reason.
    fn alone(&self, why: &str) -> Guest {
        let guest = self.own_guest();
        let message = format!("none can be made, so {} alone is tried: {why}", guest.name);
        self.tell(match self.reach.request.own {
            true => Finding::ok(PARTICIPANTS, message),
            false => Finding::warning(
                PARTICIPANTS,
                message,
                "Sign in as an instructor of a class with a steward (docs/users.md), or as an \
                 admin of a Hub whose users are no accounts of the system.",
            ),
        });
        guest
    }

    fn own_guest(&self) -> Guest {
        Guest {
            name: self.visitor.own.name.clone(),
            browser: self.visitor.browser.clone(),
            password: None,
        }
    }

    async fn make(
        &self,
        maker: GuestMaker,
        shared: Option<&Secret>,
        names: &[String],
    ) -> Result<Vec<Guest>, Trouble> {
        let visitor = self.visitor;
        let making = guests::GuestMaking {
            maker,
            shared_password: shared,
            dashboard: visitor.dashboard.as_deref(),
            admin: &visitor.browser,
            dialer: &self.reach.dialer,
        };
        making.make(names).await
    }

    async fn at_work(&self, seats: &mut Vec<Seat>) -> Option<ClassSize> {
        let mut figures = RehearsalFigures::default();
        // The first alone, since what is alone is what more at once is compared with.
        let mut others = seats.split_off(1);
        let mut idle = Vec::new();
        let first = self.begin("first server", seats, &mut idle).await;
        let mut before = None;
        if let Some((figures, _)) = each(seats, seats::figures).await.done.pop() {
            before = figures;
        }
        let alone = each(seats, seats::work).await;
        figures.work_alone_s = alone.done.first().and_then(|(seconds, _)| *seconds);
        figures.starts = first.map(|time| (1, time));
        if first.is_some() && !others.is_empty() {
            let count = others.len();
            let starts = self.begin("more servers", &mut others, &mut idle).await;
            figures.starts = starts.map(|time| (count, time));
            seats.append(&mut others);
        }
        if !seats.is_empty() {
            let cells = each(seats, seats::run_cell).await;
            self.tell_step(cells.finding("cells", "6*7 is 42 in every kernel", None));
            figures.work_together_s = together(&each(seats, seats::work).await);
            let after = each(seats, seats::figures).await;
            self.machine(&mut figures, before, &after);
        }
        seats.append(&mut idle);
        self.save(seats).await;
        self.verdict(&figures, seats.len())
    }

    /// Starts servers, opens their pages and starts kernels; how long the servers took. Those
    /// whose kernel does not start become `idle`.
    async fn begin(
        &self,
        subject: &'static str,
        seats: &mut Vec<Seat>,
        idle: &mut Vec<Seat>,
    ) -> Option<Duration> {
        let left = self.reach.left;
        let own = &self.visitor.own;
        let runs = |seat: &Seat| seat.guest.name == own.name && own.has_server();
        let all_run = seats.iter().all(runs);
        let started = each(seats, async |seat: &mut Seat| match runs(seat) {
            true => Ok(()),
            false => seats::start_server(seat, left).await,
        })
        .await;
        let good = match (all_run, started.done.len()) {
            (true, _) => "it runs already".to_owned(),
            (false, 1) => "started".to_owned(),
            (false, count) => format!("{count} started at once, the last"),
        };
        let slow = "See `top` on the server while servers start: a class that starts together takes \
                    longer still. The page Users starts all before the session.";
        self.tell_step(started.finding(subject, &good, Some((SLOW_START, slow))));
        if seats.is_empty() {
            return None;
        }
        let opened = each(seats, seats::open_page).await;
        self.tell_step(opened.finding("page", "the server's own page opens", None));
        let start_kernel = async |seat: &mut Seat| seats::start_kernel(seat, left).await;
        let (kernels, without) = tried(seats, start_kernel).await;
        idle.extend(without);
        self.tell_step(kernels.finding("kernels", "started, and a first cell has run", None));
        (!all_run).then(|| started.slowest())
    }

    fn machine(
        &self,
        figures: &mut RehearsalFigures,
        before: Option<MachineFigures>,
        after: &StepResults<Option<MachineFigures>>,
    ) {
        let told: Vec<_> = after
            .done
            .iter()
            .filter_map(|(it, _)| it.as_ref())
            .collect();
        let (Some(before), false) = (before, told.is_empty()) else {
            self.tell(Finding::warning(
                "machine",
                "the kernels do not say what the machine has, so nothing follows for a class",
                "It takes a kernel of Python on Linux.",
            ));
            return;
        };
        let sizes: Vec<u64> = told.iter().filter_map(|it| it.own_bytes).collect();
        let mean = sizes.iter().sum::<u64>().checked_div(sizes.len() as u64);
        let least = told.iter().filter_map(|it| it.available_bytes).min();
        let others = told.len().saturating_sub(1) as u64;
        // Where processes may not be looked at: what went while the others came. Something else
        // may have taken it.
        let gone = before.available_bytes.zip(least);
        let gone =
            gone.and_then(|(before, least)| before.saturating_sub(least).checked_div(others));
        figures.participant_bytes = mean.or(gone.filter(|gone| *gone > 0));
        let own = before.own_bytes.or(figures.participant_bytes).unwrap_or(0);
        figures.available_bytes = before.available_bytes.map(|it| it + own);
        figures.total_bytes = before.total_bytes;
        figures.limit_bytes = before.memory_limit_bytes;
        figures.cores = before.cores;
        self.tell(of_machine(figures, &before));
    }

    async fn save(&self, seats: &mut Vec<Seat>) {
        let visitor = self.visitor;
        let left = self.reach.left;
        let seen_by = visitor.stream.as_ref().zip(visitor.dashboard.as_ref());
        let name = guests::new_names(1).concat();
        let notebook = format!("{name}.ipynb");
        let save = async |seat: &mut Seat| seats::save(seat, &notebook, seen_by, left).await;
        let (saves, without) = tried(seats, save).await;
        seats.extend(without);
        let good = match seen_by {
            Some(_) => "each save is on the dashboard, the last",
            None => "saved; whether the dashboard hears of it is not known",
        };
        let slow = "See the page Setup, and how busy the server's disk is.";
        self.tell_step(saves.finding("saves", good, Some((SLOW_SAVE, slow))));
        let mut one: Vec<Seat> = seats.drain(..1.min(seats.len())).collect();
        if one.is_empty() {
            return;
        }
        let file = format!("{name}.txt");
        let uploads = each(&mut one, async |seat: &mut Seat| {
            seats::upload(seat, &file, left).await
        })
        .await;
        self.tell_step(uploads.finding("upload", "11 MB are taken", None));
        seats.append(&mut one);
    }

    fn verdict(&self, figures: &RehearsalFigures, servers: usize) -> Option<ClassSize> {
        let size = class_size(figures)?;
        let told = |what: &str, size: Option<usize>| size.map(|size| format!("{what} for {size}"));
        let parts = [
            told("memory", size.by_memory),
            told("processors", size.by_processors),
            told("starts", size.by_start),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        let of = counted(servers, "server");
        let message = format!(
            "about {} participants at once; {} ({}). An estimate from {of}",
            size.participants,
            size.bound.words(),
            parts.join(", "),
        );
        self.tell(match size.participants {
            0 => Finding::problem(
                "class size",
                message,
                "Stop servers that nobody uses, or take a larger machine.",
            ),
            _ => Finding::ok("class size", message),
        });
        Some(size)
    }

    fn tell_step(&self, finding: Option<Finding>) {
        if let Some(finding) = finding {
            self.tell(finding);
        }
    }

    fn tell(&self, finding: Finding) {
        self.reach.tell(finding);
    }
}

/// How long those who worked at once took, in the mean, and how many they were.
fn together(results: &StepResults<Option<f64>>) -> Option<(usize, f64)> {
    let times = results.done.iter().filter_map(|(seconds, _)| *seconds);
    let times: Vec<f64> = times.collect();
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    (mean > 0.0).then_some((times.len(), mean))
}

fn of_machine(figures: &RehearsalFigures, before: &MachineFigures) -> Finding {
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64);
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let mut parts = Vec::new();
    if let Some(cores) = figures.cores {
        parts.push(counted(cores as usize, "core"));
    }
    if let (Some(free), Some(total)) = (figures.available_bytes, figures.total_bytes) {
        parts.push(format!("{} of {} of memory free", gib(free), gib(total)));
    }
    if let Some(each) = figures.participant_bytes {
        parts.push(format!("{} for each participant", mib(each)));
    }
    if let Some(limit) = figures.limit_bytes {
        parts.push(format!("{} at most for each", mib(limit)));
    }
    if let Some(limit) = before.core_limit {
        parts.push(format!("{limit:.1} cores at most for each"));
    }
    if let Some(free) = before.free_disk_bytes {
        parts.push(format!("{} of disk free", gib(free)));
    }
    let message = parts.join(", ");
    match before
        .free_disk_bytes
        .is_some_and(|free| free < LOW_DISK_BYTES)
    {
        false => Finding::ok("machine", message),
        true => Finding::warning(
            "machine",
            message,
            "The disk of participants' homes is nearly full: make room before the class.",
        ),
    }
}
