//! Headless Firefox with a profile of its own, driven by WebDriver BiDi, which it speaks itself.

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::{processes, until};

/// Without requests of the browser's own.
const PREFERENCES: &str = r#"
user_pref("app.normandy.enabled", false);
user_pref("browser.safebrowsing.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,#none");
"#;

/// One Firefox with an empty profile and one page.
pub struct TestFirefox {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    process: Child,
    profile: TempDir,
    page: String,
    last_id: u64,
    errors: Vec<String>,
}

impl TestFirefox {
    /// Starts Debian's Firefox, as found on the PATH.
    pub async fn start() -> Result<Self> {
        let profile = TempDir::with_prefix("pipalhub-firefox-")?;
        fs::write(profile.path().join("user.js"), PREFERENCES)?;
        let log = profile.path().join("log");
        let process = Command::new("firefox-esr")
            .args(["--headless", "--no-remote", "--remote-debugging-port=0"])
            .arg("--profile")
            .arg(profile.path())
            .arg("about:blank")
            // Its own files there, so that they go with it.
            .env("HOME", profile.path())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("firefox-esr cannot be started: is it installed?")?;
        let guard = FirefoxGuard(Some((process, profile)));
        let address = until("the address of Firefox", async || {
            let log = fs::read_to_string(&log)?;
            let address = log.lines().find_map(|line| line.split_once(" on ws://"));
            Ok(address.map(|(_, address)| format!("ws://{}/session", address.trim())))
        })
        .await?;
        let (socket, _) = connect_async(address).await?;
        let (process, profile) = guard.release()?;
        let mut firefox = Self {
            socket,
            process,
            profile,
            page: String::new(),
            last_id: 0,
            errors: Vec::new(),
        };
        firefox
            .send("session.new", json!({"capabilities": {}}))
            .await?;
        let events = json!({"events": ["log.entryAdded"]});
        firefox.send("session.subscribe", events).await?;
        let tree = firefox.send("browsingContext.getTree", json!({})).await?;
        let page = tree["contexts"][0]["context"].as_str();
        firefox.page = page.context("Firefox has a page")?.to_owned();
        Ok(firefox)
    }

    /// Opens an address.
    pub async fn goto(&mut self, url: &str) -> Result<()> {
        let to = json!({"context": self.page, "url": url, "wait": "complete"});
        self.send("browsingContext.navigate", to).await?;
        Ok(())
    }

    /// Shows the page in a window of this size.
    pub async fn size(&mut self, width: u32, height: u32) -> Result<()> {
        let viewport = json!({"width": width, "height": height});
        let of = json!({"context": self.page, "viewport": viewport});
        self.send("browsingContext.setViewport", of).await?;
        Ok(())
    }

    /// The value of an expression in the page.
    pub async fn run(&mut self, expression: &str) -> Result<Value> {
        let script = json!({
            "expression": format!("JSON.stringify({expression}) ?? 'null'"),
            "target": {"context": self.page},
            "awaitPromise": true,
        });
        let answer = self.send("script.evaluate", script).await?;
        let text = answer["result"]["value"].as_str();
        let text = text.with_context(|| format!("{expression}: {answer}"))?;
        Ok(serde_json::from_str(text)?)
    }

    /// Waits until an expression is true in the page.
    pub async fn wait_for(&mut self, expression: &str) -> Result<()> {
        until(expression, async || {
            Ok((self.run(expression).await? == true).then_some(()))
        })
        .await
    }

    /// Clicks in the middle of the element that fits `css`, as a hand does.
    pub async fn click(&mut self, css: &str) -> Result<()> {
        let element = json!(css);
        let middle = self
            .run(&format!(
                "(() => {{ const {{x, y, width, height}} = \
                 document.querySelector({element}).getBoundingClientRect(); \
                 return [Math.round(x + width / 2), Math.round(y + height / 2)]; }})()"
            ))
            .await?;
        let pointer = json!({
            "type": "pointer",
            "id": "mouse",
            "actions": [
                {"type": "pointerMove", "x": middle[0], "y": middle[1]},
                {"type": "pointerDown", "button": 0},
                {"type": "pointerUp", "button": 0},
            ],
        });
        let actions = json!({"context": self.page, "actions": [pointer]});
        self.send("input.performActions", actions).await?;
        Ok(())
    }

    /// What the console has had of errors, those of scripts and of content policies among them.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Saves a screenshot of the page in the folder of `PIPALHUB_SHOTS`, if that is set.
    pub async fn shot(&mut self, name: &str) -> Result<()> {
        let Some(folder) = crate::shots() else {
            return Ok(());
        };
        fs::create_dir_all(&folder)?;
        let of = json!({"context": self.page});
        let shot = self.send("browsingContext.captureScreenshot", of).await?;
        let picture = BASE64_STANDARD.decode(shot["data"].as_str().context("a picture")?)?;
        Ok(fs::write(folder.join(name), picture)?)
    }

    /// Sends a command and waits for its result; keeps the errors that are told meanwhile.
    async fn send(&mut self, method: &str, params: Value) -> Result<Value> {
        self.last_id += 1;
        let command = json!({"id": self.last_id, "method": method, "params": params});
        self.socket
            .send(Message::text(command.to_string()))
            .await
            .context("Firefox hears nothing any more")?;
        let answer = timeout(crate::WAIT_TIMEOUT, self.answer()).await;
        let mut answer = answer.with_context(|| format!("{method} had no answer"))??;
        ensure!(answer["type"] == "success", "{method}: {answer}");
        Ok(answer["result"].take())
    }

    /// The answer to the last command.
    async fn answer(&mut self) -> Result<Value> {
        loop {
            let message = self.socket.next().await.context("Firefox has ended")??;
            let Message::Text(text) = message else {
                continue;
            };
            let message: Value = serde_json::from_str(&text)?;
            let entry = &message["params"];
            if message["method"] == "log.entryAdded" && entry["level"] == "error" {
                self.errors.push(entry["text"].to_string());
            }
            if message["id"] == self.last_id {
                return Ok(message);
            }
        }
    }
}

impl Drop for TestFirefox {
    fn drop(&mut self) {
        processes::end(&mut self.process, processes::STOP_TIMEOUT);
        processes::kill_all_of(self.profile.path());
    }
}

/// Ends Firefox unless it was connected to.
struct FirefoxGuard(Option<(Child, TempDir)>);

impl FirefoxGuard {
    fn release(mut self) -> Result<(Child, TempDir)> {
        self.0.take().context("nobody else took it")
    }
}

impl Drop for FirefoxGuard {
    fn drop(&mut self) {
        if let Some((process, profile)) = &mut self.0 {
            processes::end(process, processes::STOP_TIMEOUT);
            processes::kill_all_of(profile.path());
        }
    }
}
