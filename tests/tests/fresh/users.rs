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

    the_steward_starts_servers(&ask).await?;
    stopwatch.lap("six servers");

    // By hand, as trainers did it: everyone but the first goes.
    let users = server.run(&["head", "--lines=1", "/etc/jupyterhub/users.txt"])?;
    server.run(&[
        "sh",
        "-c",
        "printf %s \"$0\" >/etc/jupyterhub/users.txt",
        &users,
    ])?;
    // So many at once might be an accident.
    let apply = ["/opt/jupyterhub/bin/pipalhub", "users", "apply"];
    server.run(&apply)?;
    server.run(&["id", "student200"])?;
    server.run(&[&apply[..], &["--remove", "199"]].concat())?;
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

/// Has six servers started, who never signed in among them, and all stopped.
async fn the_steward_starts_servers(
    ask: &impl AsyncFn(Method, &str, Value) -> Result<Value>,
) -> Result<()> {
    let names: Vec<String> = (3..9).map(|at| format!("student{at}")).collect();
    ask(
        Method::POST,
        "users/servers",
        json!({"start": true, "usernames": names}),
    )
    .await?;
    let running = async || -> Result<usize> {
        let setup = ask(Method::GET, "api/setup", Value::Null).await?;
        let servers = setup["servers"].as_array().context("servers")?;
        Ok(servers.iter().filter(|it| it["state"] == "running").count())
    };
    until("six servers", async || {
        let list = ask(Method::GET, "users", Value::Null).await?;
        let failed = list["users"].as_array().context("users")?.iter();
        let failed: Vec<_> = failed
            .filter(|it| !it["server_failure"].is_null())
            .collect();
        ensure!(failed.is_empty(), "{failed:?}");
        Ok((list["servers_waiting"] == 0 && running().await? == 6).then_some(()))
    })
    .await?;
    ask(Method::POST, "users/servers", json!({"start": false})).await?;
    until("no server", async || {
        Ok((running().await? == 0).then_some(()))
    })
    .await
}

/// Checks that the service could make no account itself, and nobody else asks the steward.
fn the_service_has_no_rights(server: &PlainServer) -> Result<()> {
    let users = "/opt/jupyterhub/bin/pipalhub users list";
    let as_user = |user: &str| server.run(&["runuser", "--user", user, "--", "sh", "-c", users]);
    assert!(as_user("pipalhub")?.ends_with("\n0 users\n"));
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
