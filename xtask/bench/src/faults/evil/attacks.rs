//! What mallory does, who has a terminal, a home and a token of their own.

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

use super::{super::notebooks_of_evil, MIB, NOTEBOOK, notebook};
use crate::drive::{event, http::Client, hub::token_of, service::Plan, sse::Stream};

const NAME: &str = "mallory";
/// In another's home.
const SECRET: &str = "secret.ipynb";
/// As large as what stopped the service once.
const LARGE: usize = 8 << 20;

/// See the module's words.
pub(super) struct Mallory {
    home: PathBuf,
    others: PathBuf,
    client: Client,
    address: SocketAddr,
}

/// Acts until then, and says what was done.
type Act = for<'a> fn(&'a Mallory, Instant) -> LocalBoxFuture<'a, anyhow::Result<String>>;

pub(super) const ACTS: [(&str, Act); 7] = [
    ("evil notebooks", |mallory, until| {
        Box::pin(mallory.evil(until))
    }),
    ("links and floods of files", |mallory, until| {
        Box::pin(mallory.files(until))
    }),
    ("folders exchanged for links", |mallory, until| {
        Box::pin(mallory.swaps(until))
    }),
    ("whole notebooks and restores", |mallory, until| {
        Box::pin(mallory.reads(until))
    }),
    ("idle connections", |mallory, until| {
        Box::pin(mallory.connections(until))
    }),
    ("begun sign-ins and wrong tokens", |mallory, until| {
        Box::pin(mallory.sign_ins(until))
    }),
    ("events and streams", |mallory, until| {
        Box::pin(mallory.events(until))
    }),
];

impl Mallory {
    pub(super) fn at(plan: &Plan) -> anyhow::Result<Self> {
        let home = plan.homes().join(NAME);
        fs::create_dir(&home)?;
        fs::write(home.join(NOTEBOOK), notebook("mallory's own"))?;
        let others = plan.homes().join(super::user(0));
        fs::write(others.join(SECRET), notebook("another's own"))?;
        Ok(Self {
            home,
            others,
            client: Client {
                address: plan.address()?,
                token: token_of(NAME),
            },
            address: plan.address()?,
        })
    }

    /// Saves a file and tells of it, whatever is answered.
    async fn save(&self, filename: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let path = self.home.join(filename);
        tokio::fs::write(&path, bytes).await?;
        let body = event::save(NAME, filename, &path.display().to_string(), None);
        // A refusal is what there should be.
        let _ = self.client.post("/events", &body).await;
        Ok(())
    }

    /// Every kind of notebook that takes more than it should, in all places at once.
    async fn evil(&self, until: Instant) -> anyhow::Result<String> {
        let mut count = 0;
        for (n, (_, make)) in notebooks_of_evil::generators()
            .into_iter()
            .cycle()
            .enumerate()
        {
            if Instant::now() >= until {
                break;
            }
            let made = tokio::task::spawn_blocking(move || make(LARGE)).await?;
            // On the notebook that everyone has, too.
            let name = if n % 3 == 0 {
                NOTEBOOK.to_owned()
            } else {
                format!("evil{}.ipynb", n % 20)
            };
            self.save(&name, made).await?;
            let path = format!("/api/notebook?filename={name}&user={NAME}");
            let _ = self.client.get(&path).await;
            count += 1;
        }
        Ok(format!("{count} of {} MiB", LARGE as u64 / MIB))
    }

    async fn files(&self, until: Instant) -> anyhow::Result<String> {
        let home = self.home.clone();
        let made = tokio::task::spawn_blocking(move || flood(&home, until)).await??;
        Ok(format!("{made} files and folders"))
    }

    /// A folder of one's own and a link to another's change places all the time.
    async fn swaps(&self, until: Instant) -> anyhow::Result<String> {
        let (home, others) = (self.home.clone(), self.others.clone());
        let swapping = move || -> anyhow::Result<usize> {
            let (folder, link) = (home.join("folder"), home.join("link"));
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(NOTEBOOK), notebook("in a folder"))?;
            symlink(others, &link)?;
            let mut count = 0;
            while Instant::now() < until {
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
            !seen.contains(SECRET),
            "mallory sees the names of others' files"
        );
        Ok(format!("{count} times"))
    }

    async fn reads(&self, until: Instant) -> anyhow::Result<String> {
        let cell = json!({"cell_type": "raw", "metadata": {}, "source": "x".repeat(LARGE)});
        let large = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4});
        self.save("large.ipynb", large.to_string().into()).await?;
        let mut asking = JoinSet::new();
        for n in 0..24 {
            let client = self.client.clone();
            asking.spawn(async move {
                let name = if n % 2 == 0 { "large.ipynb" } else { NOTEBOOK };
                let mut count = 0;
                while Instant::now() < until {
                    let of = format!("filename={name}&user={NAME}");
                    let _ = client.get(&format!("/api/notebook?{of}")).await;
                    let _ = client
                        .get(&format!("/api/history/changes?{of}&version=1"))
                        .await;
                    let restore = json!({"user": NAME, "filename": name, "version": n});
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

    async fn connections(&self, until: Instant) -> anyhow::Result<String> {
        let mut idle = Vec::new();
        while Instant::now() < until {
            // As many as a process may have, when that is fewer.
            match TcpStream::connect(self.address).await {
                Ok(mut one) if idle.len() < 3_000 => {
                    let heads = [
                        "",
                        "GET /events HTTP/1.1\r\n",
                        "POST /events HTTP/1.1\r\nHost: x\r\n",
                    ];
                    let head = heads[idle.len() % heads.len()];
                    // It may be one that had to go already.
                    let _ = one.write_all(head.as_bytes()).await;
                    idle.push(one);
                }
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        Ok(format!("{} at once", idle.len()))
    }

    async fn sign_ins(&self, until: Instant) -> anyhow::Result<String> {
        let mut asking = JoinSet::new();
        for n in 0..8 {
            let address = self.address;
            asking.spawn(async move {
                let mut count = 0;
                while Instant::now() < until {
                    let token = if n % 2 == 0 {
                        String::new()
                    } else {
                        format!("wrong-{n}-{count}")
                    };
                    let client = Client { address, token };
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

    async fn events(&self, until: Instant) -> anyhow::Result<String> {
        let token = token_of(NAME);
        let mut streams = Vec::new();
        for _ in 0..40 {
            // Beyond what one person may have it is refused.
            streams.extend(Stream::open(self.address, &token, None).await);
        }
        let mut count = 0;
        while Instant::now() < until {
            let name = format!("{}/{count}.ipynb", "x".repeat(2_000));
            let path = self.home.join(&name).display().to_string();
            let body = event::save(NAME, &name, &path, None);
            let _ = self.client.post("/events", &body).await;
            count += 1;
        }
        Ok(format!("{count} events, {} streams", streams.len()))
    }
}

/// A file with a hundred names, thousands of notebooks that come and go, and folders.
fn flood(home: &Path, until: Instant) -> anyhow::Result<usize> {
    let one = home.join("links.ipynb");
    fs::write(&one, notebook(&"all work and no play ".repeat(50_000 / 8)))?;
    for n in 0..99 {
        fs::hard_link(&one, home.join(format!("link{n}.ipynb")))?;
    }
    let mut made = 100;
    while Instant::now() < until {
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
