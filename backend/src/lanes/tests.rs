use std::sync::{
    atomic::{AtomicUsize, Ordering},
    mpsc::{self, Receiver, Sender},
};

use super::*;

/// Long enough for what does not hang, on a busy machine too.
const SHORT: Patience = Patience {
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
fn one_after_the_other_in_a_lane_and_side_by_side_in_two() {
    let lanes = Lanes::new(4, Patience::default());
    let (job, begun, go) = hanging();
    let held = lanes.ask("ana", job);
    begun.recv().unwrap();
    let second = lanes.ask("ana", || 2);
    assert_eq!(lanes.ask("bo", || 3).wait(), Ok(3));
    assert!(second.now().is_none(), "it is not its turn yet");
    go.send(()).unwrap();
    assert_eq!(held.wait(), Ok(()));
    assert_eq!(second.wait(), Ok(2));
}

#[test]
fn a_disk_that_hangs_holds_up_nobody_else() {
    // As many as there are threads, and more.
    let lanes = Lanes::new(2, SHORT);
    let mut held = Vec::new();
    for n in 0..8 {
        let (job, begun, go) = hanging();
        let pending = lanes.ask(&format!("hung{n}"), job);
        held.push((pending, begun, go));
    }
    assert_eq!(lanes.ask("bo", || 1).wait(), Ok(1));
    for (n, (pending, begun, go)) in held.into_iter().enumerate() {
        begun.recv_timeout(Duration::from_secs(180)).unwrap();
        assert_eq!(pending.wait(), Err(Unread::Late));
        // Who asks for more of theirs does not wait.
        let again = lanes.ask(&format!("hung{n}"), || 1);
        assert_eq!(again.now(), Some(Err(Unread::Late)));
        drop(go);
        // And when the disk answers again all is as it was.
        let until = Instant::now() + Duration::from_secs(180);
        while lanes.ask(&format!("hung{n}"), || 1).wait() != Ok(1) {
            assert!(Instant::now() < until);
        }
    }
    let until = Instant::now() + Duration::from_secs(180);
    while lanes.inner.state.lock().threads > 2 {
        assert!(Instant::now() < until, "what is too many ends");
        thread::yield_now();
    }
}

#[tokio::test]
async fn a_task_waits_as_long() {
    let lanes = Lanes::new(1, SHORT);
    let (job, begun, go) = hanging();
    let pending = lanes.ask("ana", job);
    begun.recv().unwrap();
    assert_eq!(pending.answer().await, Err(Unread::Late));
    assert_eq!(lanes.ask("bo", || 1).answer().await, Ok(1));
    drop(go);
}

#[test]
fn who_asks_too_much_asks_again() {
    let lanes = Lanes::new(1, Patience::default());
    let (job, begun, go) = hanging();
    let _held = lanes.ask("ana", job);
    begun.recv().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let more = || {
        let count = Arc::clone(&count);
        lanes.ask("ana", move || count.fetch_add(1, Ordering::SeqCst))
    };
    let mut waiting: Vec<_> = (0..MOST_WAITING).map(|_| more()).collect();
    assert_eq!(more().now(), Some(Err(Unread::Busy)));
    assert_eq!(lanes.ask("bo", || ()).now(), None);
    // Half of them give up, and what they asked for is not done.
    waiting.truncate(MOST_WAITING / 2);
    drop(go);
    for pending in waiting {
        pending.wait().unwrap();
    }
    lanes.ask("ana", || ()).wait().unwrap();
    assert_eq!(count.load(Ordering::SeqCst), MOST_WAITING / 2);
}

#[test]
fn a_fault_is_told_and_ends_nothing() {
    let lanes = Lanes::new(1, Patience::default());
    let faulty = lanes.ask("ana", || panic!("a fault of ours"));
    assert_eq!(faulty.wait(), Err(Unread::Fault));
    assert_eq!(lanes.ask("ana", || 1).wait(), Ok(1));
}

#[test]
fn what_is_large_waits_for_its_turn_and_small_things_do_not() {
    let lanes = Lanes::new(1, Patience::default());
    let outside = lanes.turn(HEAVY).unwrap();
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let heavy: Vec<_> = (0..8)
        .map(|n| {
            let (lanes, now, most) = (lanes.clone(), Arc::clone(&now), Arc::clone(&most));
            let asking = lanes.clone();
            asking.ask(&format!("user{n}"), move || {
                let _turn = lanes.turn(HEAVY);
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    assert!(lanes.turn(HEAVY - 1).is_none());
    // There is one thread, and it waits.
    assert_eq!(lanes.ask("bo", || 1).wait(), Ok(1));
    drop(outside);
    for pending in heavy {
        pending.wait().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
}
