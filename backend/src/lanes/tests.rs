use std::sync::{
    atomic::{AtomicUsize, Ordering},
    mpsc::{self, Receiver, Sender},
};

use super::*;

/// Long enough for a job that does not hang, on a busy machine too.
const SHORT_TIMEOUTS: LaneTimeouts = LaneTimeouts {
    running: Duration::from_millis(300),
    waiting: Duration::from_secs(60),
};

/// A job that waits to be let go, and whether it has begun.
fn hanging() -> (impl FnOnce() + Send, Receiver<()>, Sender<()>) {
    let (begun, has_begun) = mpsc::channel();
    let (go, let_go) = mpsc::channel::<()>();
    let job = move || {
        begun.send(()).unwrap();
        // Also when the test has failed and dropped the other end.
        let _ = let_go.recv();
    };
    (job, has_begun, go)
}

#[test]
fn jobs_run_one_after_the_other_in_a_lane_and_side_by_side_in_two() {
    let lanes = PersonLanes::new(4, LaneTimeouts::default());
    let (job, begun, go) = hanging();
    let held = lanes.submit("ana", job);
    begun.recv().unwrap();
    let second = lanes.submit("ana", || 2);
    assert_eq!(lanes.submit("bo", || 3).wait(), Ok(3));
    assert!(second.now().is_none(), "it is not its turn yet");
    go.send(()).unwrap();
    assert_eq!(held.wait(), Ok(()));
    assert_eq!(second.wait(), Ok(2));
}

#[test]
fn a_disk_that_hangs_holds_up_no_other_lane() {
    // As many as there are threads, and more.
    let lanes = PersonLanes::new(2, SHORT_TIMEOUTS);
    let mut held = Vec::new();
    for n in 0..8 {
        let (job, begun, go) = hanging();
        let pending = lanes.submit(&format!("hung{n}"), job);
        held.push((pending, begun, go));
    }
    assert_eq!(lanes.submit("bo", || 1).wait(), Ok(1));
    for (n, (pending, begun, go)) in held.into_iter().enumerate() {
        begun.recv_timeout(Duration::from_secs(180)).unwrap();
        assert_eq!(pending.wait(), Err(LaneError::Late));
        // Further jobs of this lane are refused at once.
        let again = lanes.submit(&format!("hung{n}"), || 1);
        assert_eq!(again.now(), Some(Err(LaneError::Late)));
        drop(go);
        // And when the disk answers again all is as it was.
        let until = Instant::now() + Duration::from_secs(180);
        while lanes.submit(&format!("hung{n}"), || 1).wait() != Ok(1) {
            assert!(Instant::now() < until);
        }
    }
    let until = Instant::now() + Duration::from_secs(180);
    while lanes.pool.state.lock().threads > 2 {
        assert!(Instant::now() < until, "what is too many ends");
        thread::yield_now();
    }
}

#[tokio::test]
async fn a_task_waits_as_long_as_a_thread() {
    let lanes = PersonLanes::new(1, SHORT_TIMEOUTS);
    let (job, begun, go) = hanging();
    let pending = lanes.submit("ana", job);
    begun.recv().unwrap();
    assert_eq!(pending.answer().await, Err(LaneError::Late));
    assert_eq!(lanes.submit("bo", || 1).answer().await, Ok(1));
    drop(go);
}

#[test]
fn a_full_lane_refuses_the_next_job() {
    let lanes = PersonLanes::new(1, LaneTimeouts::default());
    let (job, begun, go) = hanging();
    let _held = lanes.submit("ana", job);
    begun.recv().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let more = || {
        let count = Arc::clone(&count);
        lanes.submit("ana", move || count.fetch_add(1, Ordering::SeqCst))
    };
    let mut waiting: Vec<_> = (0..MAX_WAITING_JOBS).map(|_| more()).collect();
    assert_eq!(more().now(), Some(Err(LaneError::Busy)));
    assert_eq!(lanes.submit("bo", || ()).now(), None);
    // Half of the callers give up, and their jobs are not done.
    waiting.truncate(MAX_WAITING_JOBS / 2);
    drop(go);
    for pending in waiting {
        pending.wait().unwrap();
    }
    lanes.submit("ana", || ()).wait().unwrap();
    assert_eq!(count.load(Ordering::SeqCst), MAX_WAITING_JOBS / 2);
}

#[test]
fn a_panicking_job_gives_an_error_and_ends_no_thread() {
    let lanes = PersonLanes::new(1, LaneTimeouts::default());
    let faulty = lanes.submit("ana", || panic!("a fault of ours"));
    assert_eq!(faulty.wait(), Err(LaneError::Fault));
    assert_eq!(lanes.submit("ana", || 1).wait(), Ok(1));
}

#[test]
fn large_files_wait_for_their_turn_and_small_files_do_not() {
    let lanes = PersonLanes::new(1, LaneTimeouts::default());
    let outside = lanes.turn(LARGE_FILE_BYTES).unwrap();
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let heavy: Vec<_> = (0..8)
        .map(|n| {
            let (lanes, now, most) = (lanes.clone(), Arc::clone(&now), Arc::clone(&most));
            let asking = lanes.clone();
            asking.submit(&format!("user{n}"), move || {
                let _turn = lanes.turn(LARGE_FILE_BYTES);
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    assert!(lanes.turn(LARGE_FILE_BYTES - 1).is_none());
    // There is one thread, and it waits.
    assert_eq!(lanes.submit("bo", || 1).wait(), Ok(1));
    drop(outside);
    for pending in heavy {
        pending.wait().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
}
