//! Power loss cannot be tested here, and a killed process loses nothing that the kernel has. So
//! this row tests the order instead: each fdatasync is delayed, and no acknowledgement and no
//! message on the stream may come before the disk has answered.

use std::time::{Duration, Instant};

use super::{FaultSetup, Verdict, is_there, strace::Injection};
use crate::drive::{SERVICE_TOKEN, event, service::ServiceProcess, sse::SseStream};

const SYNC_DELAY: Duration = Duration::from_millis(100);
const POSTS: usize = 10;

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    if !is_there("strace") {
        return Ok(Verdict::untried("needs strace"));
    }
    let service = ServiceProcess::start(&setup.plan()?).await?;
    let client = service.client();
    let rule = format!("fdatasync,fsync:delay_enter={}", SYNC_DELAY.as_micros());
    let injection = Injection::begin(service.pid()?, &rule).await?;
    let mut stream = SseStream::open(service.address, SERVICE_TOKEN, None).await?;
    stream.next().await?;
    let mut verdict = Verdict::default();
    let (mut soonest_answer, mut soonest_message) = (Duration::MAX, Duration::MAX);
    for n in 0..POSTS {
        let body = event::exercise("ana", &n.to_string(), "/ana");
        let begun = Instant::now();
        let (reply, message) = tokio::join!(client.post("/events", &body), async {
            let message = stream.next().await;
            (message, begun.elapsed())
        });
        verdict.must(reply?.status == 201, "not stored");
        verdict.must(message.0?.is_some(), "not on the stream");
        soonest_message = soonest_message.min(message.1);
        soonest_answer = soonest_answer.min(begun.elapsed());
    }
    injection.end().await?;
    verdict.figure(format!(
        "with each fdatasync held up by {} ms: the first 201 after {:.1} ms, the first message \
         after {:.1} ms",
        SYNC_DELAY.as_millis(),
        soonest_answer.as_secs_f64() * 1e3,
        soonest_message.as_secs_f64() * 1e3,
    ));
    verdict.must(
        soonest_answer >= SYNC_DELAY,
        "acknowledged before it was on disk",
    );
    verdict.must(soonest_message >= SYNC_DELAY, "shown before it was on disk");
    Ok(verdict)
}
