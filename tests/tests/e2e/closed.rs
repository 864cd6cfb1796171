//! The closed frame: what runs in it reaches nobody and holds up nothing.

use std::{collections::BTreeSet, net::SocketAddr};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    browser::Browser,
    ears::{Ears, Front},
    hostile::{self, WAYS_OUT},
    standalone::{Standalone, TOKEN},
    until,
};

/// Notes what frames say.
const LISTEN: &str = "window.__said = []; addEventListener('message', (event) => \
     event.data.said && window.__said.push(event.data.said))";

/// Opens every output that needs a script, and has none wait until it is scrolled to.
const OPEN_ALL: &str = "document.querySelectorAll('button.nb-show').forEach((b) => b.click()); \
     document.querySelectorAll('iframe').forEach((frame) => { frame.loading = 'eager' })";

fn notebook(outputs: &[String]) -> Value {
    let output = |html: &String| json!({"output_type": "display_data", "metadata": {}, "data": {"text/html": html}});
    let outputs: Vec<Value> = outputs.iter().map(output).collect();
    let cell = json!({"cell_type": "code", "metadata": {}, "execution_count": 1,
                      "source": "show()", "outputs": outputs});
    hostile::of_cells(&[&cell])
}

async fn said(browser: &Browser) -> Result<BTreeSet<String>> {
    let said = browser.run("return window.__said", vec![]).await?;
    Ok(serde_json::from_value(said)?)
}

/// A browser on the page of mallory's notebook at `origin`, no frame of which is open.
async fn ready(origin: &str) -> Result<Browser> {
    let browser = Browser::start().await?;
    browser.goto(&format!("{origin}/#token={TOKEN}")).await?;
    browser.wait_for(".top-bar").await?;
    let page = format!("{origin}/notebook?notebook=frame.ipynb&user=mallory");
    browser.goto(&page).await?;
    browser.wait_for("button.nb-show").await?;
    Ok(browser)
}

/// Where the service listens.
fn address(service: &Standalone) -> Result<SocketAddr> {
    let url = service.url("");
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    Ok(address.parse()?)
}

/// The same, all frames of which have run.
async fn opened(origin: &str, frames: usize) -> Result<Browser> {
    let browser = ready(origin).await?;
    let page = browser.url().await?;
    browser.run(LISTEN, vec![]).await?;
    browser.run(OPEN_ALL, vec![]).await?;
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

/// Every way out is closed, and every one of them is a way out where nothing closes it. The
/// open page is opened last: when it has reached everyone, the closed frames have had more
/// time than that.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn no_way_leads_out_of_a_closed_frame() -> Result<()> {
    let service = Standalone::start()?;
    let front = Front::before(address(&service)?)?;
    let closed: Vec<Ears> = WAYS_OUT
        .iter()
        .map(|_| Ears::open())
        .collect::<Result<_>>()?;
    let outputs: Vec<String> = WAYS_OUT
        .iter()
        .zip(&closed)
        .map(|(way, ears)| way.html(ears.ports(), &front.origin(), way.name))
        .collect();
    let path = service.home_path("mallory", "frame.ipynb");
    hostile::save(&path, &notebook(&outputs))?;
    let browser = opened(&front.origin(), WAYS_OUT.len()).await?;

    let open: Vec<Ears> = WAYS_OUT
        .iter()
        .map(|_| Ears::open())
        .collect::<Result<_>>()?;
    let ports: Vec<[u16; 2]> = open.iter().map(Ears::ports).collect();
    let control = Front::of(
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
    let unbound = Browser::start().await?;
    unbound.goto(&control.origin()).await?;
    let to_others = |name: &str| name.contains("another server");
    let mut silent: Vec<&str> = Vec::new();
    let all = until("every way out", async || {
        silent = WAYS_OUT
            .iter()
            .zip(&open)
            .filter(|(way, ears)| ears.heard() == 0 && !to_others(way.name))
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
        .filter(|(_, ears)| ears.heard() > 0)
        .map(|(way, ears)| format!("{}: {}", way.name, ears.heard()))
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

/// Where a browser knows no list of what may be connected to, what connects is not there.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn what_connects_is_gone_before_a_script_runs() -> Result<()> {
    const LOOK: &str = "<p>a</p><script>(async () => {
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
    hostile::save(&path, &notebook(&[LOOK.to_owned()]))?;
    let origin = service.url("").trim_end_matches('/').to_owned();
    let browser = opened(&origin, 1).await?;
    let said = said(&browser).await?;
    ensure!(said == BTreeSet::from(["nothing".to_owned()]), "{said:?}");
    Ok(())
}

/// A script that does not end holds up its own frame. The page around it goes on. Since a
/// driver waits for every frame, the page says so itself, by what it asks for.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_frame_that_never_ends_freezes_nothing_else() -> Result<()> {
    const GOES_ON: &str = "addEventListener('message', () => { let left = 100; \
         const next = () => left-- ? requestAnimationFrame(next) : fetch('/user/mallory/on'); \
         next() })";
    let service = Standalone::start()?;
    let front = Front::before(address(&service)?)?;
    let endless = "<script>top.postMessage({ said: 'begun' }, '*'); \
                   setTimeout(() => { for (;;); })</script>";
    let path = service.home_path("mallory", "frame.ipynb");
    hostile::save(&path, &notebook(&[endless.to_owned()]))?;
    let browser = ready(&front.origin()).await?;
    browser.run(GOES_ON, vec![]).await?;
    browser.run(OPEN_ALL, vec![]).await?;
    until("a hundred frames of the page", async || {
        Ok((front.requests() > 0).then_some(()))
    })
    .await
}
