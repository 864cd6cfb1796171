//! The commands are killed at every request that they make, and go on.

use std::fs;

use crate::{
    account::KillAt,
    trainer::{ALPHA, DESTROY_ALPHA, Trainer},
};

/// Runs `arguments` and kills them at `kill_at`; whether they were killed.
async fn killed(trainer: &Trainer, arguments: &[&str], kill_at: KillAt) -> bool {
    {
        let mut account = trainer.account();
        account.requests.clear();
        account.kill_at = Some(kill_at);
    }
    let said = trainer.run(arguments).await;
    trainer.account().kill_at = None;
    assert!(said.is_ok || said.is_killed, "{kill_at:?}: {}", said.text);
    said.is_killed
}

async fn destroy_whatever_there_is(trainer: &Trainer) {
    if trainer.node("alpha").join("node.json").exists() {
        trainer.well(DESTROY_ALPHA).await;
    }
    trainer.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_was_killed_goes_on_and_makes_nothing_twice() {
    for is_after in [false, true] {
        for request in 1.. {
            let trainer = Trainer::new().await;
            let kill_at = KillAt { request, is_after };
            let was_killed = killed(&trainer, ALPHA, kill_at).await;
            trainer.well(ALPHA).await;
            assert_eq!(trainer.account().named("alpha").len(), 1, "{kill_at:?}");
            assert_eq!(
                trainer.account().pointing("alpha-lab").len(),
                1,
                "{kill_at:?}"
            );
            destroy_whatever_there_is(&trainer).await;
            if !was_killed {
                assert!(request > 8, "only {request} requests");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_was_killed_can_be_destroyed_at_once() {
    for is_after in [false, true] {
        for request in 1.. {
            let trainer = Trainer::new().await;
            let was_killed = killed(&trainer, ALPHA, KillAt { request, is_after }).await;
            destroy_whatever_there_is(&trainer).await;
            if !was_killed {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destruction_that_was_killed_goes_on() {
    for is_after in [false, true] {
        for request in 1.. {
            let trainer = Trainer::new().await;
            trainer.well(ALPHA).await;
            let was_killed = killed(&trainer, DESTROY_ALPHA, KillAt { request, is_after }).await;
            destroy_whatever_there_is(&trainer).await;
            if !was_killed {
                assert!(request > 4, "only {request} requests");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_was_killed_on_the_server_goes_on() {
    let trainer = Trainer::new().await;
    let result = trainer.at("server/cloud-init.result");
    // Until the test is over, and its folder gone.
    fs::write(trainer.at("server/hold"), "").unwrap();
    let hold = "echo waits > waiting; while [ -f hold ]; do sleep 0.1; done; exit 1\n";
    fs::write(&result, hold).unwrap();
    let run = trainer.run(ALPHA);
    let kill = async {
        let waiting = trainer.at("server/waiting");
        crate::common::eventually(async || waiting.exists().then_some(())).await;
        fs::remove_file(&result).unwrap();
        trainer.kill();
    };
    let (said, ()) = tokio::join!(run, kill);
    assert!(said.is_killed, "{}", said.text);
    trainer.well(ALPHA).await;
    assert_eq!(trainer.account().named("alpha").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_commands_at_once_on_one_node_are_refused() {
    let trainer = Trainer::new().await;
    let result = trainer.at("server/cloud-init.result");
    let wait = "echo waits > waiting; while [ ! -f go ]; do sleep 0.1; done\n";
    fs::write(&result, wait).unwrap();
    let first = trainer.well(ALPHA);
    let second = async {
        let waiting = trainer.at("server/waiting");
        crate::common::eventually(async || waiting.exists().then_some(())).await;
        let said = trainer.refused(DESTROY_ALPHA).await;
        assert!(
            said.contains("another pipalhub is at work on the node alpha"),
            "{said}"
        );
        fs::write(trainer.at("server/go"), "").unwrap();
    };
    tokio::join!(first, second);
}
