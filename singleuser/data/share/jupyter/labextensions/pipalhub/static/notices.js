// The instructor's notices: it asks the participant's server, which asks the service; see
// handlers.py. A hidden page sends no requests. What is new is told by JupyterLab's notifications, as
// plain text and once in this browser; all that stands is in the panel (panel.js), which is told of
// changes.

import { request, sleep, visible } from "./requests.js";

const MAX_REMEMBERED = 500;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 30_000;
// The shortest time between two requests.
const PACE_MS = 200;

/** Which notices, or rounds, this browser has shown to the participant of this server. */
export class Memory {
  constructor(name) {
    this.name = `${name}:shown`;
    // The notices shown before this page opened: later ones are shown in every open page,
    // because it is unknown which one the participant looks at.
    this.shown = new Set(this.read());
  }

  has(key) {
    return this.shown.has(key);
  }

  add(key) {
    this.shown.add(key);
    const all = [...new Set([...this.read(), key])];
    try {
      localStorage.setItem(this.name, JSON.stringify(all.slice(-MAX_REMEMBERED)));
    } catch {
      // Storage is full or forbidden: the notice is shown again after a reload.
    }
  }

  read() {
    try {
      const all = JSON.parse(localStorage.getItem(this.name));
      return Array.isArray(all) ? all : [];
    } catch {
      return [];
    }
  }
}

export class Notices {
  /** `manager` is JupyterLab's own of notifications. */
  constructor(app, manager) {
    this.commands = app.commands;
    this.settings = app.serviceManager.serverSettings;
    const name = `pipalhub:${new URL(this.settings.baseUrl, location.href).pathname}`;
    this.memory = new Memory(name);
    // Those that stand, by id.
    this.standing = new Map();
    // Why there may be newer ones: null, "asking", "away", "refused", "full", "signed-out" or
    // "no-server".
    this.trouble = "asking";
    // The notifications of this page, by the notice's id.
    this.notifications = new Map();
    this.changed = () => {};
    // What comes of the participant's note is told with the notices (help.js).
    this.help = null;
    // A notice that is read in one page of this browser is read in all.
    this.pages = new BroadcastChannel(name);
    this.pages.onmessage = ({ data }) => this.noteOpened(data);
    this.watchNotifications(manager);
  }

  /** Those that stand, newest first. */
  all() {
    return [...this.standing.values()].sort(
      (one, other) => other.created_at_ms - one.created_at_ms || other.id - one.id,
    );
  }

  /** How many were not read. */
  unread() {
    return this.all().filter((notice) => !notice.opened).length;
  }

  /** Asks as long as the page is open; ends when this server has no configured service. */
  async follow() {
    let after = 0;
    let delay = FIRST_DELAY_MS;
    for (;;) {
      await visible();
      try {
        const response = await request(
          this.settings,
          `notices?after=${after}&help=${this.help?.cursor ?? 0}`,
        );
        if (response.status === 404) return;
        if (!response.ok) throw new Error(troubleOf(response.status));
        const answer = await response.json();
        delay = FIRST_DELAY_MS;
        // Notices that came while the page was hidden are requested again.
        if (!document.hidden) {
          // The service counts anew.
          if (answer.cursor < after) this.standing.clear();
          for (const notice of answer.notices) await this.take(notice);
          after = answer.cursor;
          if (answer.help) this.help?.take(answer.help);
          // Before the service has answered for the first time there is no word of it.
          this.setTrouble(answer.trouble ?? (after === 0 ? this.trouble : null));
        }
        await sleep(PACE_MS);
      } catch (error) {
        this.setTrouble(TROUBLES.has(error.message) ? error.message : "no-server");
        await sleep(delay * (0.5 + Math.random() / 2));
        delay = Math.min(delay * 2, MAX_DELAY_MS);
      }
    }
  }

  setTrouble(trouble) {
    this.trouble = trouble;
    this.changed();
  }

  async take(notice) {
    if (notice.retracted) {
      this.remove(notice.id);
      return;
    }
    const known = this.standing.get(notice.id);
    const opened = notice.opened || (known?.opened ?? false);
    this.standing.set(notice.id, { ...notice, opened });
    // Longer than a timer allows counts as for ever.
    if (notice.remaining_ms !== null && notice.remaining_ms < 2 ** 31) {
      setTimeout(() => this.remove(notice.id), notice.remaining_ms);
    }
    // A service with a new database counts from one again.
    const key = `${notice.id}@${notice.created_at_ms}`;
    if (opened || this.memory.has(key)) return;
    this.memory.add(key);
    const notification = await this.commands.execute("apputils:notify", {
      message: notice.brief,
      type: "info",
      options: { autoClose: false, actions: actionsOf(notice) },
    });
    this.notifications.set(notice.id, notification);
    this.report(notice.id, "shown");
  }

  /** Closing a notification counts as seen, in the corner or in JupyterLab's list of them. */
  watchNotifications(manager) {
    manager.changed.connect((_, { type, notification }) => {
      if (type === "removed") this.closed(notification.id);
    });
    // The cross in the corner only moves it into that list, and tells nobody.
    const pressed = (event) => {
      const cross = event.target.closest?.(".jp-Notification-Toast-Close");
      this.closed(cross?.closest(".Toastify__toast")?.id);
    };
    document.addEventListener("click", pressed, { capture: true });
  }

  closed(notification) {
    for (const [id, shown] of this.notifications) {
      if (shown === notification) this.open(id);
    }
  }

  /** The participant has opened, read or closed a notice: that is said once. */
  open(id) {
    const notice = this.standing.get(id);
    if (notice && !notice.opened) {
      this.report(id, "opened");
      this.pages.postMessage(id);
    }
    this.noteOpened(id);
  }

  noteOpened(id) {
    const notice = this.standing.get(id);
    if (notice) notice.opened = true;
    this.dismiss(id);
    this.changed();
  }

  remove(id) {
    this.standing.delete(id);
    this.dismiss(id);
    this.changed();
  }

  dismiss(id) {
    const notification = this.notifications.get(id);
    if (notification === undefined) return;
    // First, because JupyterLab tells of its end.
    this.notifications.delete(id);
    this.commands.execute("apputils:dismiss-notification", { id: notification });
  }

  /** Nobody waits for it: a receipt that is lost is one that is missing, no more. */
  report(id, state) {
    const body = JSON.stringify({ state });
    request(this.settings, `notices/${id}/receipt`, { method: "POST", body }).catch(() => {});
  }
}

const TROUBLES = new Set(["signed-out", "full", "no-server"]);

function troubleOf(status) {
  if (status === 401 || status === 403) return "signed-out";
  return status === 429 ? "full" : "no-server";
}

/** The buttons of a notification. JupyterLab removes one when any is pressed. */
function actionsOf({ id, link, path }) {
  const actions = [
    { label: "Read", caption: "Read it in the panel", commandId: "pipalhub:read", args: { id } },
  ];
  if (link) {
    actions.push({
      label: link.label.slice(0, 40),
      caption: link.url,
      commandId: "pipalhub:open-link",
      args: { id, url: link.url },
    });
  }
  if (path) {
    actions.push({
      label: "Open file",
      caption: path,
      commandId: "pipalhub:open-file",
      args: { id, path },
    });
  }
  return actions;
}
