//! Users on a Hub of the machine's own accounts: the steward makes them for the service, which is
//! a user without rights, and they sign in by PAM.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    documents::code_block,
    fresh::{HubMachine, PlainServer},
    hub::INSTRUCTOR,
    stopwatch::Stopwatch,
    until,
};

use crate::wheels::{class_on, install_from_the_readme};

/// People of a large class.
const CLASS: usize = 200;

#[tokio::test]
#[ignore = "needs root, images and the packages: cargo xtask dist"]
async fn a_class_of_200_is_imported_signs_in_and_goes() -> Result<()> {
    let mut stopwatch = Stopwatch::start();
    let server = PlainServer::start("PIPALHUB_FRESH_PLAIN").await?;
    install_from_the_readme(&server).await?;
    server.follow("useradd --system --shell /usr/sbin/nologin pipalhub")?;
    server.follow("chown -R pipalhub: /var/lib/pipalhub")?;
    let python = code_block("docs/users.md", "The steward", "python")?;
    server.configure(&python).await?;
    server.wait_for_service().await?;
    let class = class_on(server, &[]).await?;
    let server = &class.server;
    the_service_has_no_rights(server)?;
    stopwatch.lap("the Hub with a steward");

    let mut text = String::from("name\n");
    for at in 1..=CLASS {
        writeln!(text, "student{at}")?;
    }
    let ask = async |method: Method, path: &str, body: Value| -> Result<Value> {
        let request = server.with_token(&class.token, method, path).json(&body);
        let answer = request.send().await?;
        ensure!(answer.status().is_success(), "{path}: {answer:?}");
        Ok(answer.json().await.unwrap_or_default())
    };
    let preview = ask(Method::POST, "users/import/preview", json!({"text": text})).await?;
    let body = json!({"users": preview["users"]});
    let change = ask(Method::POST, "users/import", body).await?;
    let added = change["added"].as_array().context("users")?;
    assert_eq!((added.len(), &change["refused"]), (CLASS, &json!([])));
    stopwatch.lap("200 users");

    let page = TestBrowser::start().await?;
    for at in [0, CLASS - 1] {
        let [name, password] = ["username", "password"].map(|it| added[at][it].as_str());
        let (name, password) = (name.context("a name")?, password.context("a password")?);
        signs_in(&page, server, name, password).await?;
    }
    stopwatch.lap("two sign in");

    // By hand, as trainers did it: everyone but the first goes.
    let users = server.run(&["head", "--lines=1", "/etc/jupyterhub/users.txt"])?;
    server.run(&[
        "sh",
        "-c",
        "printf %s \"$0\" >/etc/jupyterhub/users.txt",
        &users,
    ])?;
    until("the end of 199 accounts", async || {
        let group = server.run(&["getent", "group", "pipalhub-participants"])?;
        Ok(group.trim().ends_with(":student1").then_some(()))
    })
    .await?;
    server.run(&["test", "-d", "/home/student200"])?;
    ensure!(server.run(&["id", "student200"]).is_err());
    stopwatch.lap("199 go");
    Ok(())
}

/// Checks that the service could make no account itself, and nobody else asks the steward.
fn the_service_has_no_rights(server: &PlainServer) -> Result<()> {
    let users = "/opt/jupyterhub/bin/pipalhub users list";
    let as_user = |user: &str| server.run(&["runuser", "--user", user, "--", "sh", "-c", users]);
    assert_eq!(as_user("pipalhub")?, "0 users\n");
    let refused = as_user(INSTRUCTOR);
    ensure!(
        refused.is_err_and(|error| format!("{error:#}").contains("takes no requests of this user")),
        "another user of the machine is refused"
    );
    let alone = "useradd mallory";
    ensure!(
        server
            .run(&["runuser", "--user", "pipalhub", "--", "sh", "-c", alone])
            .is_err()
    );
    Ok(())
}

/// Signs in on the Hub's own page, which starts the server.
async fn signs_in(
    page: &TestBrowser,
    server: &PlainServer,
    name: &str,
    password: &str,
) -> Result<()> {
    page.goto(&server.url("hub/logout")).await?;
    page.goto(&server.url("hub/login?next=%2Fhub%2Ftoken"))
        .await?;
    page.sign_in(name, password).await?;
    page.wait_for_text("body", name).await?;
    Ok(())
}
