//! `poll.js` in a page of its user, with a network that is well and one that is not.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    notebooks::{notebook, save},
    proxy::{Mode, Proxy},
    standalone::Standalone,
    until,
};

use crate::NOTEBOOK;

/// Begins to wait and stores the result in `window.came`.
const WAIT_SCRIPT: &str = "const [filters, interval] = arguments; \
    window.came = null; window.ending = new AbortController(); \
    waitForUpdate(filters, interval, {signal: ending.signal}) \
        .then((event) => (came = event.user), (error) => (came = `${error.name}: ${error.message}`))";
/// An interval that is longer than any test.
const NEVER_MS: u32 = 3_600_000;

/// A foreign page of the service's origin, with the script in it.
async fn page(service: &Standalone) -> Result<TestBrowser> {
    page_at(service.link(), "").await
}

/// The same at this link, with another script before it.
async fn page_at(link: &str, before: &str) -> Result<TestBrowser> {
    let browser = TestBrowser::start().await?;
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

/// Waits until a waiter has an open stream.
async fn wait_for_stream(browser: &TestBrowser) -> Result<()> {
    let opened = "return performance.getEntriesByType('resource') \
        .some((entry) => entry.name.includes('events/stream')) || window.greeted";
    until("the stream", async || {
        let opened = browser.run(opened, vec![]).await?;
        Ok((opened == true).then_some(()))
    })
    .await
}

async fn came(browser: &TestBrowser) -> Result<Value> {
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
    // Records the greeting of a stream, since the browser has no entry of an open stream yet.
    let note = "const fetches = window.fetch; window.fetch = async (...of) => { \
        const response = await fetches(...of); \
        if (String(of[0]).includes('events/stream')) window.greeted = true; \
        return response; }";
    browser.run(note, vec![]).await?;
    let filters = json!({"type": "save-notebook", "user": "bob"});
    browser
        .run(WAIT_SCRIPT, vec![filters, json!(NEVER_MS)])
        .await?;
    wait_for_stream(&browser).await?;
    // An event that does not match is ignored; then one comes by the stream alone.
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

    // An `AbortSignal` ends the wait at any time.
    browser
        .run(WAIT_SCRIPT, vec![json!({}), json!(NEVER_MS)])
        .await?;
    browser.run("ending.abort()", vec![]).await?;
    let ended = came(&browser).await?.to_string();
    ensure!(ended.contains("AbortError"), "{ended}");
    // Now during a request, such as the one when the stream has begun.
    let end = "const fetches = window.fetch; window.fetch = (what, ...more) => { \
        if (String(what).includes('after=')) ending.abort(); \
        return fetches(what, ...more); }";
    browser.run(end, vec![]).await?;
    browser
        .run(WAIT_SCRIPT, vec![json!({}), json!(NEVER_MS)])
        .await?;
    let ended = came(&browser).await?.to_string();
    ensure!(ended.contains("AbortError"), "{ended}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn the_service_is_polled_without_a_stream() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    let cut = "const fetches = window.fetch; window.asked = 0; window.fetch = (what, ...more) => { \
        const url = String(what); \
        if (url.includes('events/stream')) return Promise.reject(new TypeError('cut')); \
        if (url.includes('after=')) window.asked += 1; \
        return fetches(what, ...more); }";
    browser.run(cut, vec![]).await?;
    let filters = json!({"filename": NOTEBOOK});
    browser.run(WAIT_SCRIPT, vec![filters, json!(50)]).await?;
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

/// A clock that runs fifty times as fast, and records the waits that were asked for.
const FAST_CLOCK_SCRIPT: &str = "const timer = window.setTimeout; window.waits = []; \
    window.setTimeout = (run, ms = 0, ...more) => { \
        waits.push(ms); return timer(run, ms / 50, ...more); }";

/// A page with that clock whose requests go through a proxy.
async fn page_through(service: &Standalone, clock: &str) -> Result<(Proxy, TestBrowser)> {
    let proxy = Proxy::before(service.link())?;
    let browser = page_at(&proxy.instead_of(service.link())?, clock).await?;
    Ok((proxy, browser))
}

/// Begins to wait under a name and stores the result in `window.all`.
async fn wait_as(browser: &TestBrowser, name: &str, filters: Value, interval: u32) -> Result<()> {
    let wait = "const [name, filters, interval] = arguments; window.all ??= {}; \
        waitForUpdate(filters, interval) \
            .then((event) => (all[name] = event.user), (error) => (all[name] = error.message))";
    browser
        .run(wait, vec![json!(name), filters, json!(interval)])
        .await?;
    Ok(())
}

async fn came_to(browser: &TestBrowser, name: &str) -> Result<Value> {
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
async fn an_event_is_not_missed_while_a_waiter_joins() -> Result<()> {
    let service = Standalone::start()?;
    let (proxy, browser) = page_through(&service, "").await?;
    // A waiter without end keeps the stream open; the stream has greeted, so the service was
    // polled again.
    wait_as(&browser, "nobody", json!({"user": "nobody"}), NEVER_MS).await?;
    wait_for_requests(&proxy, "after=", 1).await?;
    // When another waiter gets an event by it, so would the second.
    wait_as(&browser, "first", json!({"user": "bob"}), NEVER_MS).await?;
    wait_for_requests(&proxy, "api/updates?user=bob", 1).await?;
    until("nobody to ask", async || {
        Ok((proxy.open("api/updates") == 0).then_some(()))
    })
    .await?;
    // The service sends the cursor to the second, and that takes long to arrive.
    let second = "api/updates?type=save-notebook";
    proxy.only(second, Mode::HoldAnswer);
    let filters = json!({"type": "save-notebook", "user": "bob"});
    wait_as(&browser, "second", filters, NEVER_MS).await?;
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
async fn an_unanswered_request_is_sent_again() -> Result<()> {
    let service = Standalone::start()?;
    let (proxy, browser) = page_through(&service, FAST_CLOCK_SCRIPT).await?;
    // The requests for the cursor, the stream and the updates are each held, and given up.
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
    // A single request ends with an error instead.
    proxy.all(Mode::Hold);
    let run = "const done = arguments[arguments.length - 1]; \
        getEvents({}).catch((error) => done(error.name))";
    let ended = browser.run_until_called(run, vec![]).await?;
    ensure!(ended == "TimeoutError", "{ended}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_failing_request_is_sent_less_and_less_often() -> Result<()> {
    let service = Standalone::start()?;
    let (proxy, browser) = page_through(&service, FAST_CLOCK_SCRIPT).await?;
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
        // The waits, but for the time limits, are the pauses: those that began with 100 ms and
        // with 2 s are at least so long at the tenth and at the fifth.
        let waits = browser.run("return window.waits", vec![]).await?;
        let waits = waits.as_array().into_iter().flatten();
        let waits: Vec<f64> = waits.filter_map(Value::as_f64).collect();
        let longest = waits.iter().filter(|ms| **ms != 20_000.0);
        let longest = longest.fold(0.0, |most: f64, ms| most.max(*ms));
        ensure!(longest >= 100.0 * 128.0, "{mode:?}: {waits:?}");
        // It requests updates once it has the cursor of the service.
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
async fn a_long_wait_resumes_from_the_cursor_of_the_stream() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    // A fake service whose stream the test writes.
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
    wait_as(&browser, "bob", filters, NEVER_MS).await?;
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
    // The event of another user, a beat without one, and then the awaited event.
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

/// A fake service: `events` returns the events of an answer after `after`, `say` writes to the
/// stream, and ten more events come before each answer.
const BUSY_SERVICE_SCRIPT: &str = "window.asked = []; window.newest = 0; window.events = () => []; \
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

async fn wait_until(browser: &TestBrowser, what: &str) -> Result<()> {
    until(what.to_owned(), async || {
        let holds = browser.run(&format!("return {what}"), vec![]).await?;
        Ok((holds == true).then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_busy_class_is_not_polled_all_the_time() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    browser.run(BUSY_SERVICE_SCRIPT, vec![]).await?;
    wait_as(&browser, "bob", json!({"user": "bob"}), NEVER_MS).await?;
    wait_until(&browser, "asked.length === 1 && Boolean(window.stream)").await?;
    // The events before the stream began take two answers; later ones come by the stream.
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
async fn an_event_before_the_first_answer_is_not_missed() -> Result<()> {
    let service = Standalone::start()?;
    let browser = page(&service).await?;
    browser.run(BUSY_SERVICE_SCRIPT, vec![]).await?;
    let late = "window.answered = new Promise((done) => (window.answer = done)); \
        window.events = (after) => Number(after) < 4 ? [{user: 'bob'}] : []";
    browser.run(late, vec![]).await?;
    wait_as(&browser, "bob", json!({"user": "bob"}), NEVER_MS).await?;
    wait_until(&browser, "asked.length === 1 && Boolean(window.stream)").await?;
    let hello = "say('event: hello\\nid: 3\\ndata: {\"cursor\": 3}\\n\\n' + event(4, 'bob'))";
    browser.run(hello, vec![]).await?;
    // The answer is newer: its cursor is 10.
    browser.run("answer()", vec![]).await?;
    ensure!(came_to(&browser, "bob").await? == "bob");
    // The same when the answer arrives before it.
    browser
        .run("asked.length = newest = 0; stream = null", vec![])
        .await?;
    wait_as(&browser, "again", json!({"user": "bob"}), NEVER_MS).await?;
    wait_until(&browser, "asked.length === 1 && Boolean(window.stream)").await?;
    let hello = "say('event: hello\\nid: 3\\ndata: {\"cursor\": 3}\\n\\n')";
    browser.run(hello, vec![]).await?;
    wait_until(&browser, "asked.length === 2").await?;
    browser.run("say(event(4, 'bob'))", vec![]).await?;
    ensure!(came_to(&browser, "again").await? == "bob");
    Ok(())
}
