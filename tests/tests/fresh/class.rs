//! A class on a fresh server, and what it must be able to do however the service was installed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    WAIT_TIMEOUT,
    browser::TestBrowser,
    fresh::{FreshServer, HubMachine},
    hub::{INSTRUCTOR, PASSWORD},
    notebooks::notebook,
    remote::ParticipantServer,
    until, until_within,
};

pub(crate) const FOLDER: &str = "module1";
pub(crate) const NOTEBOOK: &str = "module1/day1.ipynb";

/// The server, and the instructor's token.
pub(crate) struct FreshClass<S = FreshServer> {
    pub(crate) server: S,
    pub(crate) token: String,
}

impl<S: HubMachine> FreshClass<S> {
    pub(crate) async fn get(&self, path: &str) -> Result<String> {
        let request = self.server.with_token(&self.token, Method::GET, path);
        let answer = request.send().await?.error_for_status()?;
        Ok(String::from_utf8_lossy(&answer.bytes().await?).into_owned())
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<StatusCode> {
        Ok(self.post_for_text(path, body).await?.0)
    }

    /// The same of a request without a body.
    pub(crate) async fn request_for_text(
        &self,
        method: Method,
        path: &str,
    ) -> Result<(StatusCode, String)> {
        let request = self.server.with_token(&self.token, method, path);
        let answer = request.send().await?;
        Ok((answer.status(), answer.text().await?))
    }

    /// The status of the answer, and its body.
    pub(crate) async fn post_for_text(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<(StatusCode, String)> {
        let request = self.server.with_token(&self.token, Method::POST, path);
        let answer = request.json(body).send().await?;
        Ok((answer.status(), answer.text().await?))
    }

    /// Waits until a participant's tile shows the text.
    pub(crate) async fn see(&self, user: &str, filename: &str, text: &str) -> Result<()> {
        self.see_within(WAIT_TIMEOUT, user, filename, text).await
    }

    pub(crate) async fn see_within(
        &self,
        patience: Duration,
        user: &str,
        filename: &str,
        text: &str,
    ) -> Result<()> {
        let path = format!("api/tile?filename={filename}&user={user}");
        until_within(patience, (user, filename, text), async || {
            Ok(self.get(&path).await?.contains(text).then_some(()))
        })
        .await
    }

    /// The numbers of the versions of a participant's notebook, newest first.
    pub(crate) async fn versions(&self, user: &str) -> Result<Vec<i64>> {
        let path = format!("api/history?filename={NOTEBOOK}&user={user}");
        let history: Value = serde_json::from_str(&self.get(&path).await?)?;
        let versions = history["versions"].as_array().context("versions")?;
        let numbers = versions.iter().map(|version| version["version"].as_i64());
        numbers.collect::<Option<_>>().context("numbers")
    }
}

pub(crate) async fn save(server: &ParticipantServer, notebook: &Value) -> Result<()> {
    let status = server.save(NOTEBOOK, notebook).await?;
    ensure!(status.is_success(), "{status}");
    Ok(())
}

/// Checks that what a participant saves is built and is shown to the instructor, who signs in with a
/// browser, and that a version of it is restored.
pub(crate) async fn a_class_works(
    class: &FreshClass<impl HubMachine>,
    user: &str,
    server: &ParticipantServer,
) -> Result<()> {
    server.make_folder(FOLDER).await?;
    save(server, &notebook(&[&format!("x = 'first of {user}'")])).await?;
    class
        .see(user, NOTEBOOK, &format!("first of {user}"))
        .await?;
    a_version_is_restored(class, user, server).await?;
    let export = format!("build/module1/day1/{user}.html");
    until(("the export of", user), async || {
        let built = class.get(&export).await?;
        Ok(built.contains(&format!("second of {user}")).then_some(()))
    })
    .await?;
    let page = TestBrowser::start().await?;
    // Not the newest notebook, which is the restored one.
    let path = format!("?notebook={NOTEBOOK}");
    page.goto(&class.server.service(&path)).await?;
    page.sign_in(INSTRUCTOR, PASSWORD).await?;
    let tile = format!("[data-testid=tile][data-user={user}]");
    page.wait_for_text(&tile, &format!("second of {user}"))
        .await
}

/// Checks that versions are kept byte for byte, and that a version is restored as a new file of the
/// participant's, beside their notebook, which has been saved once.
pub(crate) async fn a_version_is_restored(
    class: &FreshClass<impl HubMachine>,
    user: &str,
    server: &ParticipantServer,
) -> Result<()> {
    let path = class.server.path_in_home(user, NOTEBOOK)?;
    let first = class.server.run(&["cat", &path])?;
    let more = [
        format!("x = 'first of {user}'"),
        format!("y = 'second of {user}'"),
    ];
    save(server, &notebook(&more.each_ref().map(String::as_str))).await?;
    class
        .see(user, NOTEBOOK, &format!("second of {user}"))
        .await?;
    let second = class.server.run(&["cat", &path])?;
    let versions = until("two versions", async || {
        let versions = class.versions(user).await?;
        Ok((versions.len() == 2).then_some(versions))
    })
    .await?;
    let of_user = format!("filename={NOTEBOOK}&user={user}");
    for (version, bytes) in versions.iter().zip([&second, &first]) {
        let path = format!("api/history/download?{of_user}&version={version}");
        assert_eq!(&class.get(&path).await?, bytes, "version {version}");
    }

    let folder = class.server.path_in_home(user, FOLDER)?;
    let files = || -> Result<Vec<String>> {
        let names = class.server.run(&["ls", &folder])?;
        Ok(names.lines().map(str::to_owned).collect())
    };
    let before = files()?;
    let request = json!({"user": user, "filename": NOTEBOOK, "version": versions[1]});
    let (status, text) = class.post_for_text("api/history/restore", &request).await?;
    assert!(status.is_success(), "{status}: {text}");
    let restored = until("the restored file", async || {
        Ok(files()?.into_iter().find(|name| !before.contains(name)))
    })
    .await?;
    let restored = format!("{folder}/{restored}");
    assert_eq!(class.server.run(&["cat", &restored])?, first);
    let owners = ["stat", "--format=%u", &path, &restored];
    let owners = class.server.run(&owners)?;
    let owners: Vec<&str> = owners.lines().collect();
    assert!(owners[0] == owners[1] && owners[0] != "0", "{owners:?}");
    assert_eq!(
        class.server.run(&["cat", &path])?,
        second,
        "theirs is as it was"
    );
    Ok(())
}
