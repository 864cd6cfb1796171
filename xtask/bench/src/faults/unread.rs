//! Readers request large answers and then read next to nothing of them, so that the answers wait in
//! memory.

use std::{fs, time::Duration};

use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpSocket, task::JoinSet};

use super::{FaultSetup, Verdict, hostile::pictures};
use crate::drive::{
    HANG_TIMEOUT,
    http::{HttpConnection, raw_get, request},
    hub::{FakeHubApi, INSTRUCTOR, token_of},
    poll_until,
    service::ServiceProcess,
};

const NOTEBOOK: &str = "a.ipynb";
/// How many participants do it together.
const READERS: usize = 12;
/// How many requests each sends, in turns to each address.
const REQUESTS: usize = 60;
/// The memory limit of the service, with all that it has read.
const MAX_MEMORY_KIB: u64 = 512 << 10;

/// A tile of three megabytes and a page of twenty, requested again and again and not read.
pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let hub = FakeHubApi::start().await?;
    let plan = setup.plan()?.under(&hub)?;
    let small = json!({"cells": [{"cell_type": "raw", "metadata": {}, "source": "x"}],
                       "metadata": {}, "nbformat": 4, "nbformat_minor": 4});
    let home = |user: &str| plan.homes().join(user);
    for user in (0..READERS).map(reader).chain(["ana".to_owned()]) {
        fs::create_dir(home(&user))?;
        let file = match user.as_str() {
            "ana" => small.to_string(),
            _ => String::from_utf8(pictures(6, 3 << 20)?)?,
        };
        fs::write(home(&user).join(NOTEBOOK), file)?;
    }
    let service = ServiceProcess::start(&plan).await?;
    let instructor = service.client_of(&token_of(INSTRUCTOR));
    let mut verdict = Verdict::default();
    for user in (0..READERS).map(reader) {
        let path = format!("/api/tile?user={user}&filename={NOTEBOOK}");
        let whole = async || Ok((instructor.get(&path).await?.body.len() > 2 << 20).then_some(()));
        poll_until("a large tile", HANG_TIMEOUT, whole).await?;
    }
    let before = service.usage()?.resident_kib;
    let mut held = JoinSet::new();
    for n in 0..READERS * REQUESTS {
        let user = reader(n % READERS);
        let what = ["tile", "notebook", "wall"][n / READERS % 3];
        let path = format!("/api/{what}?user={user}&filename={NOTEBOOK}");
        let (address, request) = (service.address, raw_get(&path, &token_of(&user)));
        held.spawn(async move {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(4096)?;
            let mut stream = socket.connect(address).await?;
            stream.write_all(&request).await?;
            anyhow::Ok(stream)
        });
    }
    let mut open = Vec::new();
    while let Some(stream) = held.join_next().await {
        open.push(stream??);
    }
    // A later request of another participant is answered all the same.
    let mut ana = HttpConnection::open(service.address).await?;
    let tile = format!("/api/tile?user=ana&filename={NOTEBOOK}");
    let tile = request("GET", &tile, &token_of("ana"), None);
    let mut most = 0;
    for _ in 0..20 {
        let status = ana.exchange(&tile).await?.status;
        verdict.must(status == 200, format!("ana's own small tile got {status}"));
        most = most.max(service.usage()?.resident_kib);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    verdict.figure(format!(
        "{} requests of {READERS} for 3 to 20 MB, not read: {} MiB before, {} then",
        open.len(),
        before >> 10,
        most >> 10
    ));
    verdict.must(most <= MAX_MEMORY_KIB, "too much memory");
    Ok(verdict)
}

fn reader(n: usize) -> String {
    format!("mallory-{n:02}")
}
