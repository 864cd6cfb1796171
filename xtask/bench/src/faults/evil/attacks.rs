//! The attacks of mallory, a participant with a terminal, a home and a token.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::future::LocalBoxFuture;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

use super::{super::evil_notebooks, MIB_BYTES, NOTEBOOK, notebook};
use crate::drive::{event, http::HttpClient, hub::token_of, service::ServicePlan, sse::SseStream};

const ATTACKER: &str = "mallory";
/// A file in another participant's home.
const SECRET_FILENAME: &str = "secret.ipynb";
/// The size of a notebook that once stopped the service.
const LARGE_BYTES: usize = 8 << 20;

/// The attacker: a participant with a home and a client.
pub(super) struct Mallory {
    home: PathBuf,
    others: PathBuf,
    client: HttpClient,
    address: SocketAddr,
}

/// Attacks until the deadline; returns a summary.
type AttackFn = for<'a> fn(&'a Mallory, Instant) -> LocalBoxFuture<'a, anyhow::Result<String>>;

pub(super) const ATTACKS: [(&str, AttackFn); 7] = [
    ("evil notebooks", |mallory, deadline| {
        Box::pin(mallory.evil(deadline))
    }),
    ("links and floods of files", |mallory, deadline| {
        Box::pin(mallory.files(deadline))
    }),
    ("folders exchanged for links", |mallory, deadline| {
        Box::pin(mallory.swaps(deadline))
    }),
    ("whole notebooks and restores", |mallory, deadline| {
        Box::pin(mallory.reads(deadline))
    }),
    ("idle connections", |mallory, deadline| {
        Box::pin(mallory.connections(deadline))
    }),
    ("begun sign-ins and wrong tokens", |mallory, deadline| {
        Box::pin(mallory.sign_ins(deadline))
    }),
    ("events and streams", |mallory, deadline| {
        Box::pin(mallory.events(deadline))
    }),
];

impl Mallory {
    pub(super) fn at(plan: &ServicePlan) -> anyhow::Result<Self> {
        let home = plan.homes().join(ATTACKER);
        fs::create_dir(&home)?;
        fs::write(home.join(NOTEBOOK), notebook("mallory's own"))?;
        let others = plan.homes().join(super::user(0));
        fs::write(others.join(SECRET_FILENAME), notebook("another's own"))?;
        Ok(Self {
            home,
            others,
            client: HttpClient {
                address: plan.address()?,
                token: token_of(ATTACKER),
            },
            address: plan.address()?,
        })
    }

    /// Saves a file and reports it, and ignores the answer.
    async fn save(&self, filename: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let path = self.home.join(filename);
        tokio::fs::write(&path, bytes).await?;
        let body = event::save(ATTACKER, filename, &path.display().to_string(), None);
        // The service should refuse some of these.
        let _ = self.client.post("/events", &body).await;
        Ok(())
    }

    /// Saves every kind of evil notebook, also over the notebook of the class, and requests each.
    async fn evil(&self, deadline: Instant) -> anyhow::Result<String> {
        let mut count = 0;
        for (n, (_, make)) in evil_notebooks::generators().into_iter().cycle().enumerate() {
            if Instant::now() >= deadline {
                break;
            }
            let made = tokio::task::spawn_blocking(move || make(LARGE_BYTES)).await?;
            // Also over the notebook that every participant has.
            let name = if n % 3 == 0 {
                NOTEBOOK.to_owned()
            } else {
                format!("evil{}.ipynb", n % 20)
            };
            self.save(&name, made).await?;
            let path = format!("/api/notebook?filename={name}&user={ATTACKER}");
            let _ = self.client.get(&path).await;
            count += 1;
        }
        Ok(format!("{count} of {} MiB", LARGE_BYTES as u64 / MIB_BYTES))
    }

    async fn files(&self, deadline: Instant) -> anyhow::Result<String> {
        let home = self.home.clone();
        let made = tokio::task::spawn_blocking(move || flood(&home, deadline)).await??;
        Ok(format!("{made} files and folders"))
    }

    /// Exchanges a folder of their own and a link to another's home all the time.
    async fn swaps(&self, deadline: Instant) -> anyhow::Result<String> {
        let (home, others) = (self.home.clone(), self.others.clone());
        let swapping = move || -> anyhow::Result<usize> {
            let (folder, link) = (home.join("folder"), home.join("link"));
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(NOTEBOOK), notebook("in a folder"))?;
            symlink(others, &link)?;
            let mut count = 0;
            while Instant::now() < deadline {
                renameat_with(CWD, &folder, CWD, &link, RenameFlags::EXCHANGE)?;
                count += 1;
                if count % 100 == 0 {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            Ok(count)
        };
        let count = tokio::task::spawn_blocking(swapping).await??;
        let seen = self.client.get("/api/notebooks").await?.body;
        anyhow::ensure!(
            !seen.contains(SECRET_FILENAME),
            "mallory sees the names of others' files"
        );
        Ok(format!("{count} times"))
    }

    async fn reads(&self, deadline: Instant) -> anyhow::Result<String> {
        let cell = json!({"cell_type": "raw", "metadata": {}, "source": "x".repeat(LARGE_BYTES)});
        let large = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4});
        self.save("large.ipynb", large.to_string().into()).await?;
        let mut asking = JoinSet::new();
        for n in 0..24 {
            let client = self.client.clone();
            asking.spawn(async move {
                let name = if n % 2 == 0 { "large.ipynb" } else { NOTEBOOK };
                let mut count = 0;
                while Instant::now() < deadline {
                    let of = format!("filename={name}&user={ATTACKER}");
                    let _ = client.get(&format!("/api/notebook?{of}")).await;
                    let _ = client
                        .get(&format!("/api/history/changes?{of}&version=1"))
                        .await;
                    let restore = json!({"user": ATTACKER, "filename": name, "version": n});
                    let _ = client
                        .post("/api/history/restore", &restore.to_string())
                        .await;
                    count += 3;
                }
                count
            });
        }
        let counts = asking.join_all().await;
        Ok(format!("{} requests", counts.into_iter().sum::<usize>()))
    }

    async fn connections(&self, deadline: Instant) -> anyhow::Result<String> {
        let mut idle = Vec::new();
        while Instant::now() < deadline {
            // At most 3,000, or as many as the process may open.
            match TcpStream::connect(self.address).await {
                Ok(mut one) if idle.len() < 3_000 => {
                    let heads = [
                        "",
                        "GET /events HTTP/1.1\r\n",
                        "POST /events HTTP/1.1\r\nHost: x\r\n",
                    ];
                    let head = heads[idle.len() % heads.len()];
                    // The service may have closed this one already.
                    let _ = one.write_all(head.as_bytes()).await;
                    idle.push(one);
                }
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        Ok(format!("{} at once", idle.len()))
    }

    async fn sign_ins(&self, deadline: Instant) -> anyhow::Result<String> {
        let mut asking = JoinSet::new();
        for n in 0..8 {
            let address = self.address;
            asking.spawn(async move {
                let mut count = 0;
                while Instant::now() < deadline {
                    let token = if n % 2 == 0 {
                        String::new()
                    } else {
                        format!("wrong-{n}-{count}")
                    };
                    let client = HttpClient { address, token };
                    let _ = client.get("/").await;
                    let _ = client.get("/api/notebooks").await;
                    count += 2;
                }
                count
            });
        }
        let counts = asking.join_all().await;
        Ok(format!("{} requests", counts.into_iter().sum::<usize>()))
    }

    async fn events(&self, deadline: Instant) -> anyhow::Result<String> {
        let token = token_of(ATTACKER);
        let mut streams = Vec::new();
        for _ in 0..40 {
            // The service refuses more than its limit for one user.
            streams.extend(SseStream::open(self.address, &token, None).await);
        }
        let mut count = 0;
        while Instant::now() < deadline {
            let name = format!("{}/{count}.ipynb", "x".repeat(2_000));
            let path = self.home.join(&name).display().to_string();
            let body = event::save(ATTACKER, &name, &path, None);
            let _ = self.client.post("/events", &body).await;
            count += 1;
        }
        Ok(format!("{count} events, {} streams", streams.len()))
    }
}

/// Makes a file with a hundred names, thousands of notebooks that come and go, and folders.
fn flood(home: &Path, deadline: Instant) -> anyhow::Result<usize> {
    let one = home.join("links.ipynb");
    fs::write(&one, notebook(&"all work and no play ".repeat(50_000 / 8)))?;
    for n in 0..99 {
        fs::hard_link(&one, home.join(format!("link{n}.ipynb")))?;
    }
    let mut made = 100;
    while Instant::now() < deadline {
        let name = home.join(format!("tiny{}.ipynb", made % 2_000));
        fs::write(&name, notebook("tiny")).context("a tiny notebook")?;
        let folder = home.join(format!("folder{}", made % 50));
        match folder.exists() {
            true => fs::remove_dir(&folder)?,
            false => fs::create_dir(&folder)?,
        }
        made += 1;
        if made % 50 == 0 {
            fs::remove_file(&name)?;
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(made)
}
