// For pages of your own: wait until something happens in the class.
//
//   <script src="/services/dashboard/poll.js"></script>
//   <script>
//     waitForUpdate({type: "save-notebook", filename: "day1.ipynb"}).then(showUpdate);
//   </script>
//
// The service's address is the one this file was loaded from. What is new is decided by
// the service's own count of events, so a wrong clock in the browser does no harm. While
// somebody waits one event stream is open, for all who wait in this page; where none can be
// had, the service is asked every so often.
(function () {
  "use strict";

  const base = new URL(".", ownAddress());
  /** After so much silence a stream is dead: a living one says something every 8 seconds. */
  const SILENCE = 20_000;
  /** Until a stream that ended is opened again. */
  const AGAIN = 2_000;

  /** Those who wait: each is told of an event, or with none that it has to ask. */
  const waiting = new Set();
  let stream = null;
  let live = false;

  function ownAddress() {
    if (document.currentScript) return document.currentScript.src;
    // Imported as a module, which does not know the script it is.
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
    return loaded.findLast((name) => new URL(name).pathname.endsWith("/poll.js"));
  }

  async function get(path, parameters, signal) {
    const url = new URL(path, base);
    for (const [name, value] of Object.entries(parameters || {})) {
      url.searchParams.set(name, value);
    }
    const response = await fetch(url, { credentials: "same-origin", signal });
    if (!response.ok) {
      const answer = await response.json().catch(() => ({}));
      throw new Error(`${url.pathname}: ${response.status} ${answer.message || ""}`.trim());
    }
    return response.json();
  }

  /** The latest events that match the filters; rejects on an answer that is not a success. */
  function getEvents(filters) {
    return get("events", filters);
  }

  /**
   * Whether an event that matches is newer than `lastFetched`: a Date, or a text such as
   * an event's own timestamp. Resolves with {available, event}, the newest such event.
   */
  async function isUpdateAvailable(filters, lastFetched) {
    const since = new Date(lastFetched).getTime();
    if (Number.isNaN(since)) {
      throw new TypeError("lastFetched must be a Date or a timestamp");
    }
    const time = (event) => new Date(event.timestamp).getTime();
    const newer = (await getEvents(filters)).filter((event) => time(event) > since);
    newer.sort((a, b) => time(a) - time(b));
    const event = newer.length ? newer[newer.length - 1] : null;
    return { available: event !== null, event };
  }

  /**
   * Resolves with the newest matching event that came after this call. Without a stream the
   * service is asked every `interval` milliseconds; while it cannot be reached this goes on
   * waiting. An AbortSignal as `signal` ends it: then it rejects with the signal's reason.
   */
  async function waitForUpdate(filters, interval = 2000, { signal } = {}) {
    // One that the service refuses, such as an unknown field, rejects here at once.
    let { cursor } = await get("api/updates", filters, signal);
    let news = false;
    let wake = () => {};
    const told = (event) => {
      if (!event || matches(event, filters)) {
        news = true;
        wake();
      }
    };
    const ended = () => wake();
    signal?.addEventListener("abort", ended);
    join(told);
    try {
      for (;;) {
        if (!news) await pause(interval, (done) => (wake = done));
        signal?.throwIfAborted();
        if (!news && live) continue;
        news = false;
        let answer;
        try {
          answer = await get("api/updates", { ...filters, after: cursor }, signal);
        } catch {
          signal?.throwIfAborted();
          await pause(interval, (done) => (wake = done));
          news = true;
          continue;
        }
        if (answer.events.length) {
          return answer.events[answer.events.length - 1];
        }
        // There may be more than one answer holds.
        news = news || answer.cursor !== cursor;
        cursor = answer.cursor;
      }
    } finally {
      signal?.removeEventListener("abort", ended);
      leave(told);
    }
  }

  function pause(ms, early) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      early?.(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Whether this can be meant: a time is written in several ways, and the service knows. */
  function matches(event, filters) {
    const same = ([name, value]) => name === "timestamp" || String(event[name]) === String(value);
    return Object.entries(filters || {}).every(same);
  }

  function join(told) {
    waiting.add(told);
    if (stream) return;
    stream = new AbortController();
    follow(stream.signal);
  }

  function leave(told) {
    waiting.delete(told);
    if (waiting.size) return;
    stream.abort();
    stream = null;
    live = false;
  }

  function tell(event) {
    for (const told of [...waiting]) told(event);
  }

  /** Keeps a stream open until `signal`. */
  async function follow(signal) {
    while (!signal.aborted) {
      try {
        await listen(signal);
      } catch {
        // Whoever waits asks meanwhile.
      }
      if (signal.aborted) return;
      live = false;
      await pause(AGAIN);
    }
  }

  async function listen(signal) {
    const quiet = new AbortController();
    const end = () => quiet.abort();
    signal.addEventListener("abort", end);
    let timer = setTimeout(end, SILENCE);
    try {
      const url = new URL("events/stream", base);
      const options = { credentials: "same-origin", signal: quiet.signal };
      const response = await fetch(url, options);
      if (!response.ok) return;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(end, SILENCE);
        const messages = (text + value).split("\n\n");
        text = messages.pop();
        messages.forEach(heard);
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
    }
  }

  /** One message of the stream. */
  function heard(message) {
    const field = (name) => {
      const line = message.split("\n").find((line) => line.startsWith(`${name}: `));
      return line && line.slice(name.length + 2);
    };
    const kind = field("event") || "message";
    if (kind === "hello" || kind === "reset") {
      live = true;
      // What came before the stream is in no message of it.
      tell(null);
    } else if (kind === "message" && field("data")) {
      tell(JSON.parse(field("data")));
    }
  }

  Object.assign(window, { waitForUpdate, isUpdateAvailable, getEvents });
})();
