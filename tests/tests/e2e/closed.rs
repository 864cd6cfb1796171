//! The closed frame of outputs: its scripts reach no server and hold up no other page.

use std::{collections::BTreeSet, net::SocketAddr};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    hostile::{self, WAYS_OUT},
    listeners::{CountingProxy, PortListeners},
    standalone::{Standalone, TOKEN},
    until,
};

/// Records the messages of frames.
const LISTEN_SCRIPT: &str = "window.__said = []; addEventListener('message', (event) => \
     event.data.said && window.__said.push(event.data.said))";

/// Opens every output that needs a script, without lazy loading.
const OPEN_ALL_SCRIPT: &str = "document.querySelectorAll('button.nb-show').forEach((b) => b.click()); \
     document.querySelectorAll('iframe').forEach((frame) => { frame.loading = 'eager' })";

fn notebook(outputs: &[String]) -> Value {
    let output = |html: &String| json!({"output_type": "display_data", "metadata": {}, "data": {"text/html": html}});
    let outputs: Vec<Value> = outputs.iter().map(output).collect();
    let cell = json!({"cell_type": "code", "metadata": {}, "execution_count": 1,
                      "source": "show()", "outputs": outputs});
    hostile::of_cells(&[&cell])
}

async fn said(browser: &TestBrowser) -> Result<BTreeSet<String>> {
    let said = browser.run("return window.__said", vec![]).await?;
    Ok(serde_json::from_value(said)?)
}

/// A browser on the page of mallory's notebook at `origin`, without an open frame.
async fn ready(origin: &str) -> Result<TestBrowser> {
    let browser = TestBrowser::start().await?;
    browser.goto(&format!("{origin}/#token={TOKEN}")).await?;
    browser.wait_for(".top-bar").await?;
    let page = format!("{origin}/notebook?notebook=frame.ipynb&user=mallory");
    browser.goto(&page).await?;
    browser.wait_for("button.nb-show").await?;
    Ok(browser)
}

/// The address of the service.
fn address(service: &Standalone) -> Result<SocketAddr> {
    let url = service.url("");
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    Ok(address.parse()?)
}

/// The same after all frames were opened and have run.
async fn opened(origin: &str, frames: usize) -> Result<TestBrowser> {
    let browser = ready(origin).await?;
    let page = browser.url().await?;
    browser.run(LISTEN_SCRIPT, vec![]).await?;
    browser.run(OPEN_ALL_SCRIPT, vec![]).await?;
    let mut there = BTreeSet::new();
    let all = until("every frame", async || {
        there = said(&browser).await?;
        Ok((there.len() == frames).then_some(()))
    })
    .await;
    all.with_context(|| format!("only these have run: {there:?}"))?;
    ensure!(browser.url().await? == page, "the page has moved");
    Ok(browser)
}

/// Every way out is closed in the frames, and every one works on an open page. The open page comes
/// last: when its ways have reached their ports, those of the closed frames have had more time
/// than that.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn no_way_leads_out_of_a_closed_frame() -> Result<()> {
    let service = Standalone::start()?;
    let front = CountingProxy::before(address(&service)?)?;
    let closed: Vec<PortListeners> = WAYS_OUT
        .iter()
        .map(|_| PortListeners::open())
        .collect::<Result<_>>()?;
    let outputs: Vec<String> = WAYS_OUT
        .iter()
        .zip(&closed)
        .map(|(way, listeners)| way.html(listeners.ports(), &front.origin(), way.name))
        .collect();
    let path = service.home_path("mallory", "frame.ipynb");
    hostile::save(&path, &notebook(&outputs))?;
    let browser = opened(&front.origin(), WAYS_OUT.len()).await?;

    let open: Vec<PortListeners> = WAYS_OUT
        .iter()
        .map(|_| PortListeners::open())
        .collect::<Result<_>>()?;
    let ports: Vec<[u16; 2]> = open.iter().map(PortListeners::ports).collect();
    let control =
        CountingProxy::of(
            move |path| match path.trim_start_matches('/').parse::<usize>() {
                Ok(at) => format!(
                    "<!doctype html>{}",
                    WAYS_OUT[at].html(ports[at], "", WAYS_OUT[at].name)
                ),
                Err(_) if path == "/" => (0..WAYS_OUT.len())
                    .map(|at| format!("<iframe src=/{at}></iframe>"))
                    .collect(),
                Err(_) => "there".to_owned(),
            },
        )?;
    let unbound = TestBrowser::start().await?;
    unbound.goto(&control.origin()).await?;
    let to_others = |name: &str| name.contains("another server");
    let mut silent: Vec<&str> = Vec::new();
    let all = until("every way out", async || {
        silent = WAYS_OUT
            .iter()
            .zip(&open)
            .filter(|(way, listeners)| listeners.contacts() == 0 && !to_others(way.name))
            .map(|(way, _)| way.name)
            .collect();
        let others = WAYS_OUT.iter().filter(|way| to_others(way.name)).count();
        Ok((silent.is_empty() && control.requests() >= others).then_some(()))
    })
    .await;
    all.with_context(|| format!("these reach nobody anywhere: {silent:#?}"))?;

    let heard: Vec<_> = WAYS_OUT
        .iter()
        .zip(&closed)
        .filter(|(_, listeners)| listeners.contacts() > 0)
        .map(|(way, listeners)| format!("{}: {}", way.name, listeners.contacts()))
        .collect();
    ensure!(heard.is_empty(), "these led out: {heard:#?}");
    ensure!(
        front.requests() == 0,
        "{} requests to a participant's server",
        front.requests()
    );
    drop(browser);
    Ok(())
}

/// In a browser without connection allowlists, the APIs and elements that connect are removed.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn connecting_apis_are_gone_before_a_script_runs() -> Result<()> {
    const LOOK_SCRIPT: &str = "<p>a</p><script>(async () => {
        const there = ['RTCPeerConnection', 'webkitRTCPeerConnection', 'RTCDataChannel',
            'WebTransport', 'WebSocket', 'EventSource', 'Worker', 'SharedWorker', 'open']
            .filter((name) => name in window && window[name] !== undefined);
        if (navigator.sendBeacon) there.push('sendBeacon');
        if (navigator.serviceWorker) there.push('serviceWorker');
        const host = document.createElement('div');
        const shadow = host.attachShadow({ mode: 'closed' });
        document.body.append(host);
        for (const place of [document.body, shadow]) {
            for (const name of ['iframe', 'object', 'embed', 'link', 'base']) {
                place.append(document.createElement(name));
            }
            const around = document.createElement('div');
            around.innerHTML = '<p><iframe></iframe></p><meta http-equiv=refresh>';
            place.append(around);
        }
        try {
            Object.defineProperty(window, 'RTCPeerConnection', { value: 1 });
            there.push('it can be put back');
        } catch {}
        await null;
        await new Promise((resolve) => setTimeout(resolve));
        const rest = 'iframe, object, embed, link, base, meta[http-equiv]';
        for (const place of [document, shadow]) {
            for (const element of place.querySelectorAll(rest)) there.push(element.localName);
        }
        top.postMessage({ said: there.join(' ') || 'nothing' }, '*');
    })()</script>";
    let service = Standalone::start()?;
    let path = service.home_path("mallory", "frame.ipynb");
    hostile::save(&path, &notebook(&[LOOK_SCRIPT.to_owned()]))?;
    let origin = service.url("").trim_end_matches('/').to_owned();
    let browser = opened(&origin, 1).await?;
    let said = said(&browser).await?;
    ensure!(said == BTreeSet::from(["nothing".to_owned()]), "{said:?}");
    Ok(())
}

/// An endless script holds up its own frame only. Since a driver waits for every frame, the page
/// shows by a request that it goes on.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_frame_with_an_endless_script_freezes_no_page() -> Result<()> {
    const GO_ON_SCRIPT: &str = "addEventListener('message', () => { let left = 100; \
         const next = () => left-- ? requestAnimationFrame(next) : fetch('/user/mallory/on'); \
         next() })";
    let service = Standalone::start()?;
    let front = CountingProxy::before(address(&service)?)?;
    let endless = "<script>top.postMessage({ said: 'begun' }, '*'); \
                   setTimeout(() => { for (;;); })</script>";
    let path = service.home_path("mallory", "frame.ipynb");
    hostile::save(&path, &notebook(&[endless.to_owned()]))?;
    let browser = ready(&front.origin()).await?;
    browser.run(GO_ON_SCRIPT, vec![]).await?;
    browser.run(OPEN_ALL_SCRIPT, vec![]).await?;
    until("a hundred frames of the page", async || {
        Ok((front.requests() > 0).then_some(()))
    })
    .await
}
