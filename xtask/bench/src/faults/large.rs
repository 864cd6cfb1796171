//! A class whose notebooks are all large, read all at once: what one of them takes is known, and
//! it must not be multiplied by how many there are.

use std::{fs, time::Duration};

use super::{Lab, Verdict, hostile::pictures};
use crate::drive::{LONG, TOKEN, service::Service, sse, until};

const NOTEBOOK: &str = "a.ipynb";
const CLASS: usize = 60;
const SAVES: usize = 2;
/// Of each.
const SIZE: usize = 16 << 20;
/// Of the service.
const MEMORY_KIB: u64 = 512 << 10;

/// They are there when the service starts, and everyone saves at once twice.
pub(super) async fn run(lab: &Lab) -> anyhow::Result<Verdict> {
    let plan = lab.plan()?;
    let file = pictures(SIZE >> 20, 1 << 20)?;
    let home = |n: usize| plan.homes().join(format!("p{n:02}"));
    for n in 0..CLASS {
        fs::create_dir(home(n))?;
        fs::write(home(n).join(NOTEBOOK), &file)?;
    }
    let service = Service::start(&plan).await?;
    let mut verdict = Verdict::default();
    for save in 0..=SAVES {
        let events = (CLASS * (save + 1)) as i64;
        let told =
            async || Ok((sse::newest(service.address, TOKEN).await? >= events).then_some(()));
        until("every save is told", LONG * 4, told).await?;
        if save < SAVES {
            // What is new of each is read in whole.
            for n in 0..CLASS {
                let mut file = file.clone();
                let at = file.len() - 200 - save;
                file.insert(at, b' ');
                fs::write(home(n).join(NOTEBOOK), file)?;
            }
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let usage = service.usage()?;
    verdict.figure(format!(
        "{CLASS} notebooks of {} MiB, saved by all at once: {} MiB at the peak, {} afterwards",
        SIZE >> 20,
        usage.peak_kib >> 10,
        usage.resident_kib >> 10
    ));
    verdict.must(usage.peak_kib <= MEMORY_KIB, "too much memory");
    Ok(verdict)
}
