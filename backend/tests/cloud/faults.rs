//! The API fails, and is told or survived.

use crate::{
    account::{ApiFault, FaultKind},
    trainer::{ALPHA, DESTROY_ALPHA, Trainer},
};

const DROPLETS: &str = "/v2/droplets";
const RECORDS: &str = "/v2/domains/pipal.in/records";

async fn with_fault(method: &'static str, path: &'static str, kind: FaultKind) -> Trainer {
    let trainer = Trainer::new().await;
    let fault = ApiFault { method, path, kind };
    trainer.account().faults.push_back(fault);
    trainer
}

fn assert_one_of_each(trainer: &Trainer) {
    assert_eq!(trainer.account().named("alpha").len(), 1);
    assert_eq!(trainer.account().pointing("alpha-lab").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_though_the_api_failed_is_not_made_again() {
    for path in [DROPLETS, RECORDS] {
        for kind in [FaultKind::Done(502), FaultKind::Silence] {
            let trainer = with_fault("POST", path, kind).await;
            trainer.well(ALPHA).await;
            assert_one_of_each(&trainer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_made_is_made_when_it_is_run_again() {
    for path in [DROPLETS, RECORDS] {
        let kind = FaultKind::Answer(500, &[], "Server was unable to give you a response.");
        let trainer = with_fault("POST", path, kind).await;
        let said = trainer.refused(ALPHA).await;
        assert!(said.contains("Server was unable"), "{said}");
        assert!(said.contains("run the same command again"), "{said}");
        trainer.well(ALPHA).await;
        assert_one_of_each(&trainer);
        trainer.well(DESTROY_ALPHA).await;
        trainer.assert_nothing_left();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_in_passing_is_tried_again() {
    for kind in [FaultKind::Answer(503, &[], "busy"), FaultKind::Silence] {
        let trainer = with_fault("GET", "/v2/droplets/", kind).await;
        let said = trainer.well(ALPHA).await;
        assert!(said.contains("trying again"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_waited_for_or_told() {
    let limit = FaultKind::Answer(429, &[("retry-after", "1")], "Too many requests");
    let trainer = with_fault("POST", DROPLETS, limit).await;
    let said = trainer.well(ALPHA).await;
    assert!(said.contains("asks to wait for 1 s"), "{said}");
    assert_one_of_each(&trainer);

    let limit = FaultKind::Answer(429, &[("ratelimit-reset", "4102444800")], "Too many");
    let trainer = with_fault("GET", RECORDS, limit).await;
    let said = trainer.refused(ALPHA).await;
    assert!(
        said.contains("takes no more calls of this account for"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_told_and_never_shown() {
    let mut trainer = Trainer::new().await;
    trainer.token = "another-token-canary";
    let said = trainer.refused(ALPHA).await;
    assert!(said.contains("refuses the token"), "{said}");
    assert!(said.contains("Unable to authenticate you"), "{said}");
    assert!(!said.contains("canary"), "{said}");
    trainer.token = " ";
    let said = trainer.refused(ALPHA).await;
    assert!(said.contains("there is no DIGITALOCEAN_TOKEN"), "{said}");
    trainer.token = "canary\nx";
    let said = trainer.refused(ALPHA).await;
    assert!(
        said.contains("is no token") && !said.contains("canary"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_refuses_is_told_in_its_words() {
    let kind = FaultKind::Answer(
        422,
        &[],
        "creating this/these droplet(s) will exceed your limit",
    );
    let trainer = with_fault("POST", DROPLETS, kind).await;
    let said = trainer.refused(ALPHA).await;
    assert!(said.contains("will exceed your limit"), "{said}");
    assert!(said.contains("there already: nothing"), "{said}");

    let trainer = Trainer::new().await;
    trainer.account().keys.clear();
    let said = trainer.refused(ALPHA).await;
    assert!(said.contains("no SSH key in the account"), "{said}");

    let trainer = Trainer::new().await;
    trainer.account().has_failing_action = true;
    let said = trainer.refused(ALPHA).await;
    assert!(said.contains("could not make the droplet"), "{said}");
}
