//! A participant, who saves; each save is reported over a new connection, as `singleuser/` does.

use std::{
    collections::HashSet,
    net::SocketAddr,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use jiff::Timestamp;

use super::notebook;
use crate::drive::{event, http::HttpClient, hub::token_of, now_us};

/// A save: its user, and when it was finished, in microseconds.
pub(super) type SaveId = (String, i64);

/// The saves of all participants, and the answers to their reports.
#[derive(Default)]
pub(super) struct SaveLog {
    pub(super) sent: HashSet<SaveId>,
    pub(super) acknowledged: HashSet<SaveId>,
    pub(super) refused: usize,
    /// The text of the last refusal.
    pub(super) refusal: String,
    pub(super) bytes: u64,
    pub(super) write_ms: Vec<f64>,
    pub(super) answer_ms: Vec<f64>,
}

pub(super) struct LoadParticipant {
    user: String,
    path: PathBuf,
    client: HttpClient,
    fixed_part: String,
}

impl LoadParticipant {
    pub(super) fn new(address: SocketAddr, user: String, path: PathBuf) -> Self {
        let token = token_of(&user);
        Self {
            user,
            path,
            client: HttpClient { address, token },
            fixed_part: notebook::fixed_part(),
        }
    }

    /// Writes the first version.
    pub(super) fn begin(&self) -> anyhow::Result<()> {
        notebook::save(&self.path, &notebook::version(&self.fixed_part, 0))
    }

    /// Saves at `first` and then at intervals of `every` until `end`.
    pub(super) async fn work(
        self,
        first: Instant,
        every: Duration,
        end: Instant,
        saves: &Mutex<SaveLog>,
    ) -> anyhow::Result<()> {
        let mut due = first;
        for n in 1.. {
            tokio::time::sleep_until(due.into()).await;
            if Instant::now() >= end {
                break;
            }
            self.save(n, saves).await?;
            due += every;
        }
        Ok(())
    }

    async fn save(&self, n: usize, saves: &Mutex<SaveLog>) -> anyhow::Result<()> {
        let content = notebook::version(&self.fixed_part, n);
        let (path, bytes) = (self.path.clone(), content.len());
        let begun = Instant::now();
        tokio::task::spawn_blocking(move || notebook::save(&path, &content))
            .await
            .context("a save has panicked")??;
        let (write, saved_us) = (begun.elapsed(), now_us());
        let save = (self.user.clone(), saved_us);
        let lock = || saves.lock().unwrap_or_else(PoisonError::into_inner);
        lock().sent.insert(save.clone());
        let timestamp = Timestamp::from_microsecond(saved_us)?.to_string();
        let path = self.path.display().to_string();
        let body = event::save(&self.user, "day1.ipynb", &path, Some(&timestamp));
        let begun = Instant::now();
        let reply = self.client.post("/events", &body).await;
        let answer = begun.elapsed();
        let mut saves = lock();
        saves.bytes += bytes as u64;
        saves.write_ms.push(write.as_secs_f64() * 1e3);
        saves.answer_ms.push(answer.as_secs_f64() * 1e3);
        match reply {
            Ok(reply) if reply.status == 201 => {
                saves.acknowledged.insert(save);
            }
            Ok(reply) => {
                saves.refused += 1;
                saves.refusal = format!("{} {}", reply.status, reply.body);
            }
            Err(error) => {
                saves.refused += 1;
                saves.refusal = format!("{error:#}");
            }
        }
        Ok(())
    }
}
