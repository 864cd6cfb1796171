//! Headless Chromium with a profile of its own, driven by chromedriver.
//!
//! It has what every test needs: to open addresses and to wait for elements.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{PageLoadStrategy, WindowHandle, prelude::*};

use crate::{ports, processes, until};

/// Headless, and without requests of the browser's own.
const CHROMIUM_FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1000",
];

/// One browser with an empty profile.
pub struct TestBrowser {
    driver: WebDriver,
    chromedriver: Child,
    profile: TempDir,
}

impl TestBrowser {
    /// Starts chromedriver and through it Chromium, both as found on the PATH.
    pub async fn start() -> Result<Self> {
        Self::start_loading(PageLoadStrategy::Normal, &[]).await
    }

    /// The same, in which a name leads to an address, whose certificate may be of an authority that
    /// nobody knows.
    pub async fn start_for(name: &str, address: &str) -> Result<Self> {
        let flags = [
            format!("--host-resolver-rules=MAP {name} {address}"),
            "--ignore-certificate-errors".to_owned(),
        ];
        Self::start_loading(PageLoadStrategy::Normal, &flags).await
    }

    /// The same, which does not wait for pages to be loaded: for a page that leads to a server
    /// that does not answer.
    pub async fn start_without_waiting() -> Result<Self> {
        Self::start_loading(PageLoadStrategy::None, &[]).await
    }

    async fn start_loading(strategy: PageLoadStrategy, flags: &[String]) -> Result<Self> {
        let [port] = ports::free()?;
        let profile = TempDir::with_prefix("pipalhub-browser-")?;
        let chromedriver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            // The browser's processes without the profile in their arguments have it here.
            .env("TMPDIR", profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver cannot be started: is it installed?")?;
        // From here on an error must end chromedriver.
        let mut guard = ChromedriverGuard(Some(chromedriver));
        let url = format!("http://127.0.0.1:{port}");
        until("chromedriver", async || {
            Ok(Some(reqwest::get(format!("{url}/status")).await?))
        })
        .await?;

        let mut capabilities = DesiredCapabilities::chrome();
        capabilities.set_page_load_strategy(strategy)?;
        for flag in CHROMIUM_FLAGS {
            capabilities.add_arg(flag)?;
        }
        for flag in flags {
            capabilities.add_arg(flag)?;
        }
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
        let driver = WebDriver::new(&url, capabilities).await?;
        Ok(Self {
            driver,
            chromedriver: guard.0.take().context("nobody else took it")?,
            profile,
        })
    }

    /// Opens an address.
    pub async fn goto(&self, url: &str) -> Result<()> {
        Ok(self.driver.goto(url).await?)
    }

    /// Opens an address in a new tab and switches to it; returns the tab before.
    pub async fn open_tab(&self, url: &str) -> Result<WindowHandle> {
        let before = self.driver.window().await?;
        let tab = self.driver.new_tab().await?;
        self.driver.switch_to_window(tab).await?;
        self.goto(url).await?;
        Ok(before)
    }

    /// Switches to another tab; returns the tab before.
    pub async fn switch_to(&self, tab: &WindowHandle) -> Result<WindowHandle> {
        let before = self.driver.window().await?;
        self.driver.switch_to_window(tab.clone()).await?;
        Ok(before)
    }

    /// Switches to the frame that matches `css`, until the next page.
    pub async fn enter_frame(&self, css: &str) -> Result<()> {
        Ok(self.wait_for(css).await?.enter_frame().await?)
    }

    /// Closes this tab and switches to another.
    pub async fn close_tab(&self, then: &WindowHandle) -> Result<()> {
        self.driver.close_window().await?;
        Ok(self.driver.switch_to_window(then.clone()).await?)
    }

    /// The address of the page.
    pub async fn url(&self) -> Result<String> {
        Ok(self.driver.current_url().await?.to_string())
    }

    /// Waits until an element that fits `css` is visible.
    pub async fn wait_for(&self, css: &str) -> Result<WebElement> {
        self.explain(
            until(css, async || {
                let element = self.driver.find(By::Css(css)).await?;
                Ok(element.is_displayed().await?.then_some(element))
            })
            .await,
        )
        .await
    }

    /// Waits until an element that fits `css` contains `text`, whether it is scrolled
    /// into view or not.
    pub async fn wait_for_text(&self, css: &str, text: &str) -> Result<()> {
        let found = until((css, text), async || {
            let all = self.texts(css).await?;
            Ok(all
                .iter()
                .any(|content| content.contains(text))
                .then_some(()))
        })
        .await;
        self.explain(found).await
    }

    /// The text of every element that fits `css`.
    pub async fn texts(&self, css: &str) -> Result<Vec<String>> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)";
        let answer = self.driver.execute(script, vec![json!(css)]).await?;
        Ok(answer.convert()?)
    }

    /// The value of an attribute in every element that fits `css`.
    pub async fn attributes(&self, css: &str, name: &str) -> Result<Vec<String>> {
        let script = "return [...document.querySelectorAll(arguments[0])]\
             .map(e => e.getAttribute(arguments[1]) || '')";
        let answer = self
            .driver
            .execute(script, vec![json!(css), json!(name)])
            .await?;
        Ok(answer.convert()?)
    }

    /// Follows the first link in the element that fits `css`.
    pub async fn open(&self, css: &str) -> Result<()> {
        let link = format!("{css} a[href], {css}:is(a)");
        Ok(self.wait_for(&link).await?.click().await?)
    }

    /// Clicks into the element that fits `css` and types.
    pub async fn type_into(&self, css: &str, text: &str) -> Result<()> {
        let element = self.wait_for(css).await?;
        // A page that is still being put together may cover it for a moment.
        until((css, "to be clicked"), async || {
            element.click().await?;
            Ok(Some(()))
        })
        .await?;
        Ok(element.send_keys(text).await?)
    }

    /// Presses keys one after the other, wherever the focus is: letters, and keys by the letters
    /// that `WebDriver` has for them.
    pub async fn press_keys(&self, keys: &str) -> Result<()> {
        let pressed = self.driver.action_chain().send_keys(keys).perform().await;
        pressed.with_context(|| format!("the keys {keys:?}"))
    }

    /// What assistive technology is told of the page: its nodes, without those that it passes over.
    pub async fn accessibility_tree(&self) -> Result<Vec<AccessibleNode>> {
        let method = "Accessibility.getFullAXTree";
        let tree = self.driver.cdp().send_raw(method, json!({})).await?;
        let nodes = tree["nodes"].as_array().context("the tree has nodes")?;
        let nodes = nodes.iter().filter(|node| node["ignored"] != json!(true));
        Ok(nodes.map(AccessibleNode::read).collect())
    }

    /// Chooses the option with this value of the `<select>` that matches `css`.
    pub async fn select(&self, css: &str, value: &str) -> Result<()> {
        self.wait_for(css).await?;
        let option = format!("{css} option[value=\"{value}\"]");
        Ok(self.wait_for(&option).await?.click().await?)
    }

    /// Chooses a notebook on the wall.
    pub async fn choose_notebook(&self, filename: &str) -> Result<()> {
        self.wait_for("[data-testid=notebook-picker]")
            .await?
            .click()
            .await?;
        let link = format!("#notebooks a[data-notebook=\"{filename}\"]");
        Ok(self.wait_for(&link).await?.click().await?)
    }

    /// Moves the pointer to the middle of the element that fits `css`, or to the corner of the page.
    pub async fn point_at(&self, css: Option<&str>) -> Result<()> {
        let chain = self.driver.action_chain();
        let moved = match css {
            Some(css) => chain.move_to_element_center(&self.wait_for(css).await?),
            None => chain.move_to(0, 0),
        };
        Ok(moved.perform().await?)
    }

    /// Runs a script at the beginning of every document from now on, before the
    /// document's own.
    pub async fn run_first(&self, script: &str) -> Result<()> {
        let source = json!({ "source": script });
        let method = "Page.addScriptToEvaluateOnNewDocument";
        self.driver.cdp().send_raw(method, source).await?;
        Ok(())
    }

    /// Runs a script in the page and returns its result.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        Ok(self.driver.execute(script, arguments).await?.json().clone())
    }

    /// Runs a script in the page that calls its last argument with its answer.
    pub async fn run_until_called(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        self.driver.set_script_timeout(crate::WAIT_TIMEOUT).await?;
        let answer = self.driver.execute_async(script, arguments).await?;
        Ok(answer.json().clone())
    }

    /// The memory of the browser's processes, in bytes.
    pub fn memory(&self) -> u64 {
        processes::memory_of_all(self.profile.path())
    }

    /// The processor time of the browser's processes so far.
    pub fn processor_time(&self) -> Duration {
        processes::time_of_all(self.profile.path())
    }

    /// Leaves a mark in the page that a reload would wipe out.
    pub async fn mark(&self) -> Result<()> {
        self.driver.execute("window.__mark = true", vec![]).await?;
        Ok(())
    }

    /// Whether the page is still the one that was marked.
    pub async fn is_marked(&self) -> Result<bool> {
        let answer = self
            .driver
            .execute("return window.__mark === true", vec![])
            .await?;
        Ok(answer.convert()?)
    }

    /// Fills the Hub's own sign-in page, and sends it.
    pub async fn sign_in(&self, user: &str, password: &str) -> Result<()> {
        self.wait_for("#username_input")
            .await?
            .send_keys(user)
            .await?;
        self.wait_for("#password_input")
            .await?
            .send_keys(password)
            .await?;
        self.wait_for("#login_submit").await?.click().await?;
        Ok(())
    }

    /// Emulates a screen of this size.
    pub async fn size(&self, width: u32, height: u32) -> Result<()> {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true
        });
        let method = "Emulation.setDeviceMetricsOverride";
        self.driver.cdp().send_raw(method, metrics).await?;
        Ok(())
    }

    /// The width of the page: more than that of the screen when something does not fit. The
    /// emulated screen shows such a page whole, so that the page's own `innerWidth` grows with it.
    pub async fn page_width(&self) -> Result<u32> {
        let script = "return document.documentElement.scrollWidth";
        Ok(self.driver.execute(script, vec![]).await?.convert()?)
    }

    /// Emulates a preference for `light` or `dark`.
    pub async fn prefer_color_scheme(&self, scheme: &str) -> Result<()> {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.driver
            .cdp()
            .send_raw("Emulation.setEmulatedMedia", features)
            .await?;
        Ok(())
    }

    /// Shows the page as it is printed, or as it is on a screen again.
    pub async fn print_media(&self, is_print: bool) -> Result<()> {
        let media = if is_print { "print" } else { "" };
        let method = "Emulation.setEmulatedMedia";
        self.driver
            .cdp()
            .send_raw(method, json!({"media": media}))
            .await?;
        Ok(())
    }

    /// Sends at most so many bytes a second from now on; at full speed again without a number.
    pub async fn slow_uploads(&self, bytes_a_second: Option<u32>) -> Result<()> {
        let upload = bytes_a_second.map_or(-1, i64::from);
        let conditions = json!({
            "offline": false,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": upload,
        });
        let cdp = self.driver.cdp();
        cdp.send_raw("Network.enable", json!({})).await?;
        cdp.send_raw("Network.emulateNetworkConditions", conditions)
            .await?;
        Ok(())
    }

    /// Ignores content policies from the next page on, for a test that puts a script of its own
    /// into a page.
    pub async fn ignore_policies(&self) -> Result<()> {
        let method = "Page.setBypassCSP";
        let enabled = json!({"enabled": true});
        self.driver.cdp().send_raw(method, enabled).await?;
        Ok(())
    }

    /// Lets the pages of this browser save files, in this folder and without asking.
    pub async fn save_downloads_in(&self, folder: &Path) -> Result<()> {
        let method = "Browser.setDownloadBehavior";
        let behavior = json!({"behavior": "allow", "downloadPath": folder});
        self.driver.cdp().send_raw(method, behavior).await?;
        Ok(())
    }

    /// Goes back in the history, to a page that the browser may have cached.
    pub async fn back(&self) -> Result<()> {
        Ok(self.driver.back().await?)
    }

    /// Saves a screenshot of the page in the folder of `PIPALHUB_SHOTS`, if that is set.
    pub async fn shot(&self, name: &str) -> Result<()> {
        if let Some(folder) = crate::shots() {
            std::fs::create_dir_all(&folder)?;
            // Without a focus ring, which is for keyboards and not for pictures.
            let blur = "document.activeElement?.blur()";
            self.driver.execute(blur, vec![]).await?;
            self.driver.screenshot(&folder.join(name)).await?;
        }
        Ok(())
    }

    async fn visible_text(&self) -> Result<String> {
        let script = "return document.body.innerText";
        Ok(self.driver.execute(script, vec![]).await?.convert()?)
    }

    /// Adds the address and the text of the page to a failure.
    async fn explain<T>(&self, result: Result<T>) -> Result<T> {
        let Err(error) = result else { return result };
        let _ = self.shot("failure.png").await;
        let page = self.visible_text().await.unwrap_or_default();
        let page: String = page.split_whitespace().collect::<Vec<_>>().join(" ");
        let page: String = page.chars().take(600).collect();
        let url = self.url().await.unwrap_or_default();
        Err(error.context(format!("at {url}, which shows: {page}")))
    }
}

impl Drop for TestBrowser {
    fn drop(&mut self) {
        // `quit` is asynchronous and this is not; the processes end either way.
        let _ = self.driver.clone().leak();
        processes::end(&mut self.chromedriver, processes::STOP_TIMEOUT);
        processes::kill_all_of(self.profile.path());
    }
}

/// An element as assistive technology is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessibleNode {
    /// Its role, as `button`.
    pub role: String,
    /// Its name.
    pub name: String,
    /// What describes it besides.
    pub description: String,
    /// Whether the focus is there.
    pub is_focused: bool,
}

impl AccessibleNode {
    fn read(node: &Value) -> Self {
        let text = |field: &str| {
            let text = node[field]["value"].as_str().unwrap_or_default();
            text.to_owned()
        };
        let properties = node["properties"].as_array();
        let is_focused = properties.is_some_and(|all| {
            let focused = all.iter().find(|it| it["name"] == json!("focused"));
            focused.is_some_and(|it| it["value"]["value"] == json!(true))
        });
        Self {
            role: text("role"),
            name: text("name"),
            description: text("description"),
            is_focused,
        }
    }
}

/// Ends chromedriver unless the browser was started.
struct ChromedriverGuard(Option<Child>);

impl Drop for ChromedriverGuard {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            processes::end(child, processes::STOP_TIMEOUT);
        }
    }
}
