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
// had, the service is asked every so often. No request is waited for without end, and what
// fails is tried again after a pause that grows.
(function () {
  "use strict";

  const base = new URL(".", ownAddress());
  /** After so much silence a stream is dead: a living one says something every 8 seconds. */
  const SILENCE = 20_000;
  /** So long one request may take. */
  const DEADLINE = 20_000;
  /** Until a stream that ended is opened again, and at most when it fails again and again. */
  const AGAIN = 2_000;
  const SELDOM = 60_000;
  /** Whatever the service asks for, nothing waits longer: a browser's timer has an end. */
  const LONGEST = 300_000;

  /** Those who wait. */
  const waiting = new Set();
  let stream = null;
  let live = false;

  function ownAddress() {
    if (document.currentScript) return document.currentScript.src;
    // Imported as a module, which does not know the script it is.
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
    return loaded.findLast((name) => new URL(name).pathname.endsWith("/poll.js"));
  }

  /** An answer that is no success. */
  class Refused extends Error {
    constructor(message, response) {
      super(message);
      this.status = response.status;
      this.retryAfter = retryAfter(response);
    }
  }

  function retryAfter(response) {
    const asked = 1000 * (Number(response.headers.get("Retry-After")) || 0);
    return Math.min(asked, LONGEST);
  }

  async function get(path, parameters, signal) {
    const url = new URL(path, base);
    for (const [name, value] of Object.entries(parameters || {})) {
      url.searchParams.set(name, value);
    }
    return within(DEADLINE, signal, async (signal) => {
      const response = await fetch(url, { credentials: "same-origin", signal });
      if (!response.ok) {
        const answer = await response.json().catch(() => ({}));
        const message = `${url.pathname}: ${response.status} ${answer.message || ""}`.trim();
        throw new Refused(message, response);
      }
      return response.json();
    });
  }

  /** What `run` does with a signal that ends it after so many ms, or with `signal`. */
  async function within(ms, signal, run) {
    const ending = new AbortController();
    const end = () => ending.abort(signal.reason);
    const late = () => ending.abort(new DOMException("No answer in time", "TimeoutError"));
    const timer = setTimeout(late, ms);
    if (signal?.aborted) end();
    signal?.addEventListener("abort", end);
    try {
      return await run(ending.signal);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
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
   * waiting (when that is so at first, for what comes after it can). An AbortSignal as
   * `signal` ends it: then it rejects with the signal's reason.
   */
  async function waitForUpdate(filters, interval = 2000, { signal } = {}) {
    signal?.throwIfAborted();
    // Up to where nothing matched; null until the service has said where it is now.
    let cursor = null;
    // How often there was a reason to ask, and which of these the last answer is for.
    let reasons = 1;
    let answered = 0;
    let failures = 0;
    // What came before the stream began has to be asked for up to there.
    let begun = 0;
    // Before what the stream has told and was not asked for yet: the service's answer to where
    // it is may be from after that, and be here before.
    let told = Infinity;
    let wake = () => {};
    let stop = () => {};
    const waiter = {
      wants: (event) => matches(event, filters),
      ask() {
        reasons += 1;
        wake();
      },
      begins(at) {
        begun = at;
        waiter.ask();
      },
      tells(id) {
        told = Math.min(told, id - 1);
        waiter.ask();
      },
      passed(id) {
        if (reasons === answered) cursor = id;
      },
    };
    const ended = () => {
      wake();
      stop();
    };
    signal?.addEventListener("abort", ended);
    // Before anything is asked: what comes while an answer is on its way is told by the stream.
    join(waiter);
    try {
      for (;;) {
        const asking = reasons;
        const from = cursor === null ? null : Math.min(cursor, told);
        const used = from === null ? Infinity : told;
        let answer;
        try {
          const after = from === null ? {} : { after: from };
          answer = await get("api/updates", { ...filters, ...after }, signal);
        } catch (error) {
          signal?.throwIfAborted();
          // What is refused, such as an unknown field, rejects here at once.
          if (from === null && isFinal(error)) throw error;
          failures += 1;
          const seldom = Math.max(SELDOM, interval);
          await pause(pauseAfter(failures, interval, seldom, error), (done) => (stop = done));
          signal?.throwIfAborted();
          continue;
        }
        failures = 0;
        if (from !== null && answer.events.length) {
          return answer.events[answer.events.length - 1];
        }
        answered = asking;
        cursor = told < used ? Math.min(answer.cursor, told) : answer.cursor;
        told = Infinity;
        // There may be more than one answer holds. What is newer than the stream it tells: in a
        // class that saves all the time there is always something newer.
        if (from !== null && cursor !== from && cursor < begun) reasons += 1;
        while (reasons === answered) {
          await pause(interval, (done) => (wake = done));
          signal?.throwIfAborted();
          if (!live) reasons += 1;
        }
      }
    } finally {
      signal?.removeEventListener("abort", ended);
      leave(waiter);
    }
  }

  function isFinal(error) {
    const passing = [408, 425, 429];
    return error.status >= 400 && error.status < 500 && !passing.includes(error.status);
  }

  /** How long to wait after so many failures: twice as long each time, and not all at once. */
  function pauseAfter(failures, first, most, error) {
    const grown = Math.min(most, Math.max(first, 1) * 2 ** Math.min(failures - 1, 16));
    return Math.max(grown * (0.5 + Math.random() / 2), error?.retryAfter || 0);
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
    const same = ([name, value]) => {
      if (name === "timestamp") return true;
      if (name === "id") return event.id === Number(value);
      if (name === "filename" || name === "path") return plain(event[name]) === plain(value);
      return event[name] === String(value);
    };
    return Object.entries(filters || {}).every(same);
  }

  /** A path as the service compares it: `./a//b` is `a/b`. */
  function plain(path) {
    const parts = String(path).split("/");
    return parts.filter((part) => part && part !== ".").join("/");
  }

  function join(waiter) {
    waiting.add(waiter);
    if (stream) return;
    stream = new AbortController();
    follow(stream.signal);
  }

  function leave(waiter) {
    waiting.delete(waiter);
    if (waiting.size || !stream) return;
    stream.abort();
    stream = null;
    live = false;
  }

  /** Keeps a stream open until `signal`. */
  async function follow(signal) {
    let failures = 0;
    while (!signal.aborted) {
      const begun = performance.now();
      let error;
      try {
        await listen(signal);
      } catch (failed) {
        // Whoever waits asks meanwhile.
        error = failed;
      }
      if (signal.aborted) return;
      live = false;
      // One that ends as soon as it has begun has failed, too.
      failures = performance.now() - begun > SILENCE ? 1 : failures + 1;
      let stop = () => {};
      const end = () => stop();
      signal.addEventListener("abort", end);
      await pause(pauseAfter(failures, AGAIN, SELDOM, error), (done) => (stop = done));
      signal.removeEventListener("abort", end);
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
      if (!response.ok) throw new Refused(`${url.pathname}: ${response.status}`, response);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done || signal.aborted) return;
        clearTimeout(timer);
        timer = setTimeout(end, SILENCE);
        const messages = (text + value).split("\n\n");
        text = messages.pop();
        messages.forEach(heard);
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      // However it ended, nothing more of it is to come.
      end();
    }
  }

  /** One message of the stream. */
  function heard(message) {
    const field = (name) => {
      const line = message.split("\n").find((line) => line.startsWith(`${name}: `));
      return line && line.slice(name.length + 2);
    };
    const kind = field("event") || "message";
    const id = field("id");
    if (kind === "hello" || kind === "reset") {
      live = true;
      // What came before the stream is in no message of it.
      const { cursor } = JSON.parse(field("data") || "{}");
      for (const waiter of [...waiting]) waiter.begins(cursor || 0);
    } else if (kind === "message" && field("data")) {
      const event = JSON.parse(field("data"));
      for (const waiter of [...waiting]) if (waiter.wants(event)) waiter.tells(Number(id));
    }
    // Any message may say how far the stream has come, with an event or without. Who has
    // something to ask for asks from where they were.
    if (id) for (const waiter of waiting) waiter.passed(Number(id));
  }

  Object.assign(window, { waitForUpdate, isUpdateAvailable, getEvents });
})();
