//! `poll.js` in a page of somebody's own, with a network that is well and one that is not.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    browser::Browser,
    notebooks::{notebook, save},
    proxy::{Mode, Proxy},
    standalone::Standalone,
    until,
};

use crate::NOTEBOOK;

/// Begins to wait and keeps what comes of it in `window.came`.
const WAIT: &str = "const [filters, interval] = arguments; \
    window.came = null; window.ending = new AbortController(); \
    waitForUpdate(filters, interval, {signal: ending.signal}) \
        .then((event) => (came = event.user), (error) => (came = `${error.name}: ${error.message}`))";
/// Longer than any test.
const NEVER: u32 = 3_600_000;

/// A page of the service's origin that is none of its own, with the script in it.
async fn page(service: &Standalone) -> Result<Browser> {
    page_at(service.link(), "").await
}

/// The same at this link, with another script before.
async fn page_at(link: &str, before: &str) -> Result<Browser> {
    let browser = Browser::start().await?;
    browser.goto(link).await?;
    browser.wait_for(".top-bar").await?;
    browser.ignore_policies().await?;
    let root = link.split('#').next().unwrap_or_default();
    browser.goto(&format!("{root}healthz")).await?;
    browser.run(before, vec![]).await?;
    let load = "const script = document.createElement('script'); \
        script.src = '/poll.js'; document.documentElement.append(script)";
    browser.run(load, vec![]).await?;
    until("the script", async || {
        let there = browser.run("return typeof waitForUpdate", vec![]).await?;
        Ok((there == "function").then_some(()))
    })
    .await?;
    Ok(browser)
}

/// Whether somebody waits with an open stream.
async fn wait_for_stream(browser: &Browser) -> Result<()> {
    let opened = "return performance.getEntriesByType('resource') \
        .some((entry) => entry.name.includes('events/stream')) || window.greeted";
    until("the stream", async || {
        let opened = browser.run(opened, vec![]).await?;
        Ok((opened == true).then_some(()))
    })
    .await
}

async fn came(browser: &Browser) -> Result<Value> {
    until("what is waited for", async || {
        let came = browser.run("return window.came", vec![]).await?;
        Ok((!came.is_null()).then_some(came))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_page_of_ones_own_hears_of_a_save_at_once() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    // Notes when a stream has greeted: an open one is no entry of the browser's yet.
    let note = "const fetches = window.fetch; window.fetch = async (...of) => { \
        const response = await fetches(...of); \
        if (String(of[0]).includes('events/stream')) window.greeted = true; \
        return response; }";
    browser.run(note, vec![]).await?;
    let filters = json!({"type": "save-notebook", "user": "bob"});
    browser.run(WAIT, vec![filters, json!(NEVER)]).await?;
    wait_for_stream(&browser).await?;
    // Nothing that does not match, and then by the stream alone.
    for user in ["alice", "bob"] {
        let path = service.home_path(user, NOTEBOOK);
        save(&path, &notebook(&["'hello'"]))?;
    }
    ensure!(came(&browser).await? == "bob");

    let run = "const done = arguments[arguments.length - 1]; (async () => { \
        const events = await getEvents({user: 'alice'}); \
        const [event] = events; \
        const before = new Date(new Date(event.timestamp) - 1000); \
        const newer = await isUpdateAvailable({user: 'alice'}, before); \
        const none = await isUpdateAvailable({user: 'alice'}, event.timestamp); \
        const refused = await waitForUpdate({color: 'red'}).catch((error) => error.message); \
        done([events.length, newer.available, newer.event.user, none, refused.includes('400')]); \
    })()";
    let told = browser.run_until_called(run, vec![]).await?;
    let none = json!({"available": false, "event": null});
    ensure!(told == json!([1, true, "alice", none, true]), "{told}");

    // An end of the reader's own, at any time.
    browser.run(WAIT, vec![json!({}), json!(NEVER)]).await?;
    browser.run("ending.abort()", vec![]).await?;
    let ended = came(&browser).await?.to_string();
    ensure!(ended.contains("AbortError"), "{ended}");
    // Now while the service is asked, as it is when the stream has begun.
    let end = "const fetches = window.fetch; window.fetch = (what, ...more) => { \
        if (String(what).includes('after=')) ending.abort(); \
        return fetches(what, ...more); }";
    browser.run(end, vec![]).await?;
    browser.run(WAIT, vec![json!({}), json!(NEVER)]).await?;
    let ended = came(&browser).await?.to_string();
    ensure!(ended.contains("AbortError"), "{ended}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn without_a_stream_the_service_is_asked() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    let cut = "const fetches = window.fetch; window.asked = 0; window.fetch = (what, ...more) => { \
        const url = String(what); \
        if (url.includes('events/stream')) return Promise.reject(new TypeError('cut')); \
        if (url.includes('after=')) window.asked += 1; \
        return fetches(what, ...more); }";
    browser.run(cut, vec![]).await?;
    let filters = json!({"filename": NOTEBOOK});
    browser.run(WAIT, vec![filters, json!(50)]).await?;
    until("a question", async || {
        let asked = browser.run("return window.asked > 1", vec![]).await?;
        Ok((asked == true).then_some(()))
    })
    .await?;
    let path = service.home_path("alice", NOTEBOOK);
    save(&path, &notebook(&["'hello'"]))?;
    ensure!(came(&browser).await? == "alice");
    Ok(())
}

/// A clock that runs fifty times as fast, and notes how long somebody wanted to wait.
const FAST: &str = "const timer = window.setTimeout; window.waits = []; \
    window.setTimeout = (run, ms = 0, ...more) => { \
        waits.push(ms); return timer(run, ms / 50, ...more); }";

/// A page whose requests go through a proxy, on that clock.
async fn page_through(service: &Standalone, clock: &str) -> Result<(Proxy, Browser)> {
    let proxy = Proxy::before(service.link())?;
    let browser = page_at(&proxy.instead_of(service.link())?, clock).await?;
    Ok((proxy, browser))
}

/// Begins to wait under a name and keeps what comes of it in `window.all`.
async fn wait_as(browser: &Browser, name: &str, filters: Value, interval: u32) -> Result<()> {
    let wait = "const [name, filters, interval] = arguments; window.all ??= {}; \
        waitForUpdate(filters, interval) \
            .then((event) => (all[name] = event.user), (error) => (all[name] = error.message))";
    browser
        .run(wait, vec![json!(name), filters, json!(interval)])
        .await?;
    Ok(())
}

async fn came_to(browser: &Browser, name: &str) -> Result<Value> {
    until(format!("what {name} waits for"), async || {
        let came = browser
            .run("return window.all[arguments[0]] ?? null", vec![json!(name)])
            .await?;
        Ok((!came.is_null()).then_some(came))
    })
    .await
}

/// Waits until this many requests came whose targets contain `part`.
async fn wait_for_requests(proxy: &Proxy, part: &str, count: usize) -> Result<()> {
    until(format!("{count} requests of {part}"), async || {
        Ok((proxy.requests(part) >= count).then_some(()))
    })
    .await
}

fn save_of_bob(service: &Standalone) -> Result<()> {
    let path = service.home_path("bob", NOTEBOOK);
    save(&path, &notebook(&["'hello'"]))
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn what_comes_while_somebody_joins_is_not_missed() -> Result<()> {
    let service = Standalone::start()?;
    let (proxy, browser) = page_through(&service, "").await?;
    // One who waits for ever keeps the stream open; it has greeted, so it was asked again.
    wait_as(&browser, "nobody", json!({"user": "nobody"}), NEVER).await?;
    wait_for_requests(&proxy, "after=", 1).await?;
    // When another hears by it, so would the second.
    wait_as(&browser, "first", json!({"user": "bob"}), NEVER).await?;
    wait_for_requests(&proxy, "api/updates?user=bob", 1).await?;
    until("nobody to ask", async || {
        Ok((proxy.open("api/updates") == 0).then_some(()))
    })
    .await?;
    // The service says to the second where it is, and that takes long to arrive.
    let second = "api/updates?type=save-notebook";
    proxy.only(second, Mode::HoldAnswer);
    let filters = json!({"type": "save-notebook", "user": "bob"});
    wait_as(&browser, "second", filters, NEVER).await?;
    until("the answer to the second", async || {
        Ok((proxy.held(second) == 1).then_some(()))
    })
    .await?;
    save_of_bob(&service)?;
    ensure!(came_to(&browser, "first").await? == "bob");
    proxy.all(Mode::Pass);
    ensure!(came_to(&browser, "second").await? == "bob");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn what_is_never_answered_is_asked_again() -> Result<()> {
    let service = Standalone::start()?;
    let (proxy, browser) = page_through(&service, FAST).await?;
    // Where the service is, the stream, and what is new: each is held, and given up.
    proxy.all(Mode::Hold);
    wait_as(&browser, "bob", json!({"user": "bob"}), 100).await?;
    wait_for_requests(&proxy, "api/updates?user=bob", 3).await?;
    wait_for_requests(&proxy, "events/stream", 3).await?;
    ensure!(proxy.open("api/updates") <= 1, "{:?}", proxy.targets());
    proxy.all(Mode::Pass);
    proxy.only("after=", Mode::Hold);
    wait_for_requests(&proxy, "after=", 3).await?;
    proxy.all(Mode::Pass);
    save_of_bob(&service)?;
    ensure!(came_to(&browser, "bob").await? == "bob");
    // One that is asked for by itself ends with an error instead.
    proxy.all(Mode::Hold);
    let run = "const done = arguments[arguments.length - 1]; \
        getEvents({}).catch((error) => done(error.name))";
    let ended = browser.run_until_called(run, vec![]).await?;
    ensure!(ended == "TimeoutError", "{ended}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn what_fails_is_asked_for_less_and_less_often() -> Result<()> {
    let service = Standalone::start()?;
    let (proxy, browser) = page_through(&service, FAST).await?;
    for mode in [Mode::Drop, Mode::Status(503)] {
        let before = [
            proxy.requests("api/updates"),
            proxy.requests("events/stream"),
        ];
        proxy.all(mode);
        browser.run("window.waits.length = 0", vec![]).await?;
        let name = format!("{mode:?}");
        wait_as(&browser, &name, json!({"user": "bob"}), 100).await?;
        wait_for_requests(&proxy, "api/updates", before[0] + 10).await?;
        wait_for_requests(&proxy, "events/stream", before[1] + 5).await?;
        // But for the time limits, what was waited for are the pauses: of those that began by
        // 100 ms and by 2 s, the tenth and the fifth are at least so long.
        let waits = browser.run("return window.waits", vec![]).await?;
        let waits = waits.as_array().into_iter().flatten();
        let waits: Vec<f64> = waits.filter_map(Value::as_f64).collect();
        let longest = waits.iter().filter(|ms| **ms != 20_000.0);
        let longest = longest.fold(0.0, |most: f64, ms| most.max(*ms));
        ensure!(longest >= 100.0 * 128.0, "{mode:?}: {waits:?}");
        // It asks what is new once the service has said where it is.
        let before = proxy.requests("after=");
        proxy.all(Mode::Pass);
        wait_for_requests(&proxy, "after=", before + 1).await?;
        save_of_bob(&service)?;
        ensure!(came_to(&browser, &name).await? == "bob");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn who_waits_for_long_asks_from_where_the_stream_is() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    // A service that says what the test says.
    let scripted = "window.asked = []; window.fetch = async (what) => { \
        const url = new URL(what); \
        if (url.pathname.endsWith('events/stream')) { \
            const body = new ReadableStream({start: (to) => (window.stream = to)}); \
            return new Response(body); \
        } \
        asked.push(url.searchParams.get('after')); \
        const came = url.searchParams.get('after') === '903'; \
        const events = came ? [{user: 'bob'}] : []; \
        return Response.json({cursor: Number(url.searchParams.get('after') ?? 5), events}); }; \
        window.say = (text) => stream.enqueue(new TextEncoder().encode(text))";
    browser.run(scripted, vec![]).await?;
    let filters = json!({"user": "bob", "filename": "./m1//a.ipynb"});
    wait_as(&browser, "bob", filters, NEVER).await?;
    let asked = async |count: usize| {
        until(format!("{count} questions"), async || {
            let asked = browser.run("return window.asked", vec![]).await?;
            let asked = asked.as_array().cloned().unwrap_or_default();
            Ok((asked.len() == count).then_some(asked))
        })
        .await
    };
    asked(1).await?;
    let said = "say('event: hello\\nid: 7\\ndata: {}\\n\\n')";
    browser.run(said, vec![]).await?;
    ensure!(asked(2).await? == [Value::Null, json!("5")]);
    // Another's event, a beat without one, and then what is waited for, by its plain name.
    let said = "const event = (id, user) => `id: ${id}\\ndata: ${JSON.stringify( \
            {user, filename: 'm1/a.ipynb'})}\\n\\n`; \
        say(event(900, 'alice')); \
        say(':\\nevent: beat\\nid: 903\\ndata: 8000\\n\\n'); \
        say(event(904, 'bob'))";
    browser.run(said, vec![]).await?;
    ensure!(came_to(&browser, "bob").await? == "bob");
    ensure!(asked(3).await?[2] == "903");
    Ok(())
}

/// A service that says what the test says: `events` is what an answer tells of what is newer
/// than `after`, the stream is told by `say`, and each answer is from after ten more events.
const BUSY: &str = "window.asked = []; window.newest = 0; window.events = () => []; \
    window.answered = Promise.resolve(); window.fetch = async (what) => { \
        const url = new URL(what); \
        if (url.pathname.endsWith('events/stream')) { \
            const body = new ReadableStream({start: (to) => (window.stream = to)}); \
            return new Response(body); \
        } \
        const after = url.searchParams.get('after'); \
        asked.push(after); \
        await new Promise((done) => setTimeout(done, 1)); \
        await answered; \
        newest += 10; \
        return Response.json({cursor: newest, events: events(after)}); }; \
    window.say = (text) => stream.enqueue(new TextEncoder().encode(text)); \
    window.event = (id, user) => `id: ${id}\\ndata: ${JSON.stringify({user})}\\n\\n`";

async fn wait_until(browser: &Browser, what: &str) -> Result<()> {
    until(what.to_owned(), async || {
        let holds = browser.run(&format!("return {what}"), vec![]).await?;
        Ok((holds == true).then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_class_that_saves_all_the_time_is_not_asked_all_the_time() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    browser.run(BUSY, vec![]).await?;
    wait_as(&browser, "bob", json!({"user": "bob"}), NEVER).await?;
    wait_until(&browser, "asked.length === 1 && Boolean(window.stream)").await?;
    // What came until the stream began takes two answers, and then it is for the stream.
    let hello = "say('event: hello\\nid: 25\\ndata: {\"cursor\": 25}\\n\\n')";
    browser.run(hello, vec![]).await?;
    wait_until(&browser, "asked.length >= 3").await?;
    let pause = "const done = arguments[arguments.length - 1]; setTimeout(done, 500)";
    browser.run_until_called(pause, vec![]).await?;
    let said = "window.events = () => [{user: 'bob'}]; say(event(1000, 'bob'))";
    browser.run(said, vec![]).await?;
    ensure!(came_to(&browser, "bob").await? == "bob");
    let asked = browser.run("return window.asked", vec![]).await?;
    ensure!(asked == json!([null, "10", "20", "30"]), "{asked}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn what_comes_before_the_first_answer_is_not_missed() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    browser.run(BUSY, vec![]).await?;
    let late = "window.answered = new Promise((done) => (window.answer = done)); \
        window.events = (after) => Number(after) < 4 ? [{user: 'bob'}] : []";
    browser.run(late, vec![]).await?;
    wait_as(&browser, "bob", json!({"user": "bob"}), NEVER).await?;
    wait_until(&browser, "asked.length === 1 && Boolean(window.stream)").await?;
    let hello = "say('event: hello\\nid: 3\\ndata: {\"cursor\": 3}\\n\\n' + event(4, 'bob'))";
    browser.run(hello, vec![]).await?;
    // The answer is from after it: it says 10.
    browser.run("answer()", vec![]).await?;
    ensure!(came_to(&browser, "bob").await? == "bob");
    // The same when the answer is here before it.
    browser
        .run("asked.length = newest = 0; stream = null", vec![])
        .await?;
    wait_as(&browser, "again", json!({"user": "bob"}), NEVER).await?;
    wait_until(&browser, "asked.length === 1 && Boolean(window.stream)").await?;
    let hello = "say('event: hello\\nid: 3\\ndata: {\"cursor\": 3}\\n\\n')";
    browser.run(hello, vec![]).await?;
    wait_until(&browser, "asked.length === 2").await?;
    browser.run("say(event(4, 'bob'))", vec![]).await?;
    ensure!(came_to(&browser, "again").await? == "bob");
    Ok(())
}
