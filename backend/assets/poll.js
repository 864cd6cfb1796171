// For pages of your own: wait until something happens in the class.
//
//   <script src="/services/dashboard/poll.js"></script>
//   <script>
//     waitForUpdate({type: "save-notebook", filename: "day1.ipynb"}).then(showUpdate);
//   </script>
//
// The service's address is the one this file was loaded from. What is new is decided by
// the service's own count of events, so a wrong clock in the browser does no harm.
(function () {
  "use strict";

  const base = new URL(".", document.currentScript.src);

  async function get(path, parameters) {
    const url = new URL(path, base);
    for (const [name, value] of Object.entries(parameters || {})) {
      url.searchParams.set(name, value);
    }
    const response = await fetch(url, { credentials: "same-origin" });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) {
      throw new Error(`${url.pathname}: ${response.status} ${answer.message || ""}`.trim());
    }
    return answer;
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
   * Resolves with the newest matching event that came after this call, asking every
   * `interval` milliseconds. While the service cannot be reached it goes on asking.
   */
  async function waitForUpdate(filters, interval = 2000) {
    // One that the service refuses, such as an unknown field, rejects here at once.
    let { cursor } = await get("api/updates", filters);
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, interval));
      let answer;
      try {
        answer = await get("api/updates", { ...filters, after: cursor });
      } catch {
        continue;
      }
      cursor = answer.cursor;
      if (answer.events.length) {
        return answer.events[answer.events.length - 1];
      }
    }
  }

  Object.assign(window, { waitForUpdate, isUpdateAvailable, getEvents });
})();
