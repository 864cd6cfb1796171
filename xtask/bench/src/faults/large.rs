//! A class whose notebooks are all large, read all at once: the memory for one of them must not be
//! multiplied by their number.

use std::{fs, time::Duration};

use super::{FaultSetup, Verdict, hostile::pictures};
use crate::drive::{HANG_TIMEOUT, SERVICE_TOKEN, poll_until, service::ServiceProcess, sse};

const NOTEBOOK: &str = "a.ipynb";
const CLASS_SIZE: usize = 60;
const SAVES: usize = 2;
/// The size of each notebook.
const NOTEBOOK_BYTES: usize = 16 << 20;
/// The memory limit of the service.
const MAX_MEMORY_KIB: u64 = 512 << 10;

/// The notebooks are there when the service starts, and then every participant saves at once,
/// twice.
pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let plan = setup.plan()?;
    let file = pictures(NOTEBOOK_BYTES >> 20, 1 << 20)?;
    let home = |n: usize| plan.homes().join(format!("p{n:02}"));
    for n in 0..CLASS_SIZE {
        fs::create_dir(home(n))?;
        fs::write(home(n).join(NOTEBOOK), &file)?;
    }
    let service = ServiceProcess::start(&plan).await?;
    let mut verdict = Verdict::default();
    for save in 0..=SAVES {
        let events = (CLASS_SIZE * (save + 1)) as i64;
        let all_noticed = async || {
            Ok((sse::newest(service.address, SERVICE_TOKEN).await? >= events).then_some(()))
        };
        poll_until("every save is told", HANG_TIMEOUT * 4, all_noticed).await?;
        if save < SAVES {
            // Every changed file is read as a whole.
            for n in 0..CLASS_SIZE {
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
        "{CLASS_SIZE} notebooks of {} MiB, saved by all at once: {} MiB at the peak, {} afterwards",
        NOTEBOOK_BYTES >> 20,
        usage.peak_kib >> 10,
        usage.resident_kib >> 10
    ));
    verdict.must(usage.peak_kib <= MAX_MEMORY_KIB, "too much memory");
    Ok(verdict)
}
