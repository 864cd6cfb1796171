//! Wrong clocks: events are ordered by sequence number, and no age is negative.

use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use anyhow::Context;
use serde_json::Value;

use super::{FaultSetup, Verdict};
use crate::drive::{SERVICE_TOKEN, event, service::ServiceProcess, sse};

/// The timestamps that clients send, in this order.
const CLIENT_TIMESTAMPS: [&str; 6] = [
    "2100-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "2022-11-14T16:00:00.511+14:00",
    "2022-11-14T16:00:00.511-12:00",
    "2099-12-31T23:59:59.999999Z",
    "1999-12-31T23:59:59Z",
];

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let plan = setup.plan()?;
    let home = plan.homes().join("ana");
    fs::create_dir(&home)?;
    let notebook = "{\"cells\": [], \"metadata\": {}, \"nbformat\": 4, \"nbformat_minor\": 4}";
    let ahead = SystemTime::now() + Duration::from_secs(3 * 3600);
    for (name, modified) in [("ahead", ahead), ("behind", SystemTime::UNIX_EPOCH)] {
        let path = home.join(name).with_extension("ipynb");
        fs::write(&path, notebook)?;
        File::options()
            .write(true)
            .open(&path)?
            .set_modified(modified)?;
    }
    let service = ServiceProcess::start(&plan).await?;
    let client = service.client();
    let mut verdict = Verdict::default();
    let before = sse::newest(service.address, SERVICE_TOKEN).await?;
    for (n, timestamp) in CLIENT_TIMESTAMPS.iter().enumerate() {
        let body = event::save("ben", &n.to_string(), &format!("/ben/{n}"), Some(timestamp));
        let status = client.post("/events", &body).await?.status;
        verdict.must(status == 201, format!("{timestamp} got {status}"));
    }
    let journal = sse::journal_after(service.address, SERVICE_TOKEN, before).await?;
    let order: Vec<&str> = journal
        .iter()
        .filter(|(_, received)| received.user == "ben")
        .map(|(_, received)| received.filename.as_str())
        .collect();
    verdict.must(
        order == ["0", "1", "2", "3", "4", "5"],
        format!("in the order {order:?}"),
    );
    let list = client.get_json("/events?user=ben").await?;
    let list = list.as_array().context("a list")?;
    let kept = list
        .iter()
        .map(|received| received["filename"].as_str().unwrap_or_default());
    verdict.must(
        kept.eq(order.iter().copied()),
        "the list is in another order",
    );
    verdict.figure(format!(
        "{} clients of 1970 to 2100: in the order they came",
        CLIENT_TIMESTAMPS.len()
    ));

    let mut ages = Vec::new();
    let overview = client.get_json("/api/notebooks").await?;
    ages.extend(ages_of(
        &overview,
        overview["notebooks"].as_array().context("a list")?,
    ));
    for name in ["ahead", "behind"] {
        let wall = client
            .get_json(&format!("/api/wall?filename={name}.ipynb"))
            .await?;
        ages.extend(ages_of(&wall, wall["tiles"].as_array().context("a list")?));
    }
    verdict.must(ages.len() == 4, format!("{} ages", ages.len()));
    let youngest = ages.iter().min().copied().unwrap_or_default();
    verdict.figure(format!(
        "a file 3 h ahead and one of 1970: no age below {youngest} ms"
    ));
    verdict.must(youngest >= 0, "an age is negative");
    Ok(verdict)
}

fn ages_of(answer: &Value, of: &[Value]) -> Vec<i64> {
    let now = answer["now_ms"].as_i64().unwrap_or_default();
    let saved = of.iter().filter_map(|one| one["saved_at_ms"].as_i64());
    saved.map(|saved| now - saved).collect()
}
