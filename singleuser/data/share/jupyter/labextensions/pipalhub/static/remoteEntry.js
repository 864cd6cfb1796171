// Three plugins for JupyterLab 4 and Notebook 7. Written by hand and served as it is.
//
// The instructor's notices: it asks the participant's server, which asks the service; see
// handlers.py. A hidden page sends no requests. Each notice is shown as plain text by JupyterLab's
// notifications, once in this browser, and removed when it is retracted or expired.
//
// Saves that fail: JupyterLab shows a dialog for each, which with autosave would be one every five
// seconds. While saves fail, autosave runs every two minutes.
//
// Custom: what whoever runs the server has put into everyone's page, custom.css and custom.js; see
// custom.py.
(() => {
  "use strict";

  // JupyterLab cuts longer texts without an ellipsis.
  const MAX_MESSAGE = 140;
  const MAX_REMEMBERED = 500;
  const FIRST_DELAY_MS = 1_000;
  const MAX_DELAY_MS = 30_000;
  // Longer than the server waits; a request without an answer is then aborted.
  const TIMEOUT_MS = 60_000;
  // The shortest time between two requests.
  const PACE_MS = 200;

  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  const visible = () =>
    new Promise((resolve) => {
      const look = () => {
        if (document.hidden) return;
        document.removeEventListener("visibilitychange", look);
        resolve();
      };
      document.addEventListener("visibilitychange", look);
      look();
    });

  /** A request to the participant's own server, as JupyterLab makes them. */
  function request(settings, path, options = {}) {
    const headers = { "Content-Type": "application/json" };
    const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie);
    if (xsrf) headers["X-XSRFToken"] = xsrf[1];
    if (settings.token) headers.Authorization = `token ${settings.token}`;
    return fetch(`${settings.baseUrl}pipalhub/${path}`, {
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers,
      ...options,
    });
  }

  /** Which notices this browser has shown to the participant of this server. */
  class Memory {
    constructor(baseUrl) {
      this.name = `pipalhub:shown:${new URL(baseUrl, location.href).pathname}`;
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

  function messageOf({ title, text }) {
    const message = title ? `${title}\n${text}` : text;
    const characters = [...message.trim()];
    if (characters.length <= MAX_MESSAGE) return characters.join("");
    return `${characters.slice(0, MAX_MESSAGE - 1).join("").trimEnd()}…`;
  }

  class Notices {
    constructor(app) {
      this.commands = app.commands;
      this.settings = app.serviceManager.serverSettings;
      this.memory = new Memory(this.settings.baseUrl);
      // The notifications of this page, by the notice's id.
      this.notifications = new Map();
      this.addCommands();
    }

    addCommands() {
      this.commands.addCommand("pipalhub:open-link", {
        label: "Open the link of a notice",
        execute: ({ id, url }) => {
          window.open(url, "_blank", "noopener");
          this.report(id, "opened");
        },
      });
      this.commands.addCommand("pipalhub:open-file", {
        label: "Open the file of a notice",
        execute: async ({ id, path }) => {
          await this.commands.execute("docmanager:open", { path });
          this.report(id, "opened");
        },
      });
      this.commands.addCommand("pipalhub:dismiss", {
        label: "Dismiss a notice",
        // A click on any action of a notification removes it.
        execute: ({ id }) => this.report(id, "opened"),
      });
    }

    /** Asks as long as the page is open. */
    async follow() {
      let after = 0;
      let delay = FIRST_DELAY_MS;
      for (;;) {
        await visible();
        try {
          const response = await request(this.settings, `notices?after=${after}`);
          // This server has no configured service.
          if (response.status === 404) return;
          if (!response.ok) throw new Error(`HTTP ${response.status}`);
          const answer = await response.json();
          delay = FIRST_DELAY_MS;
          // Notices that came while the page was hidden are requested again.
          if (!document.hidden) {
            for (const notice of answer.notices) await this.take(notice);
            after = answer.cursor;
          }
          await sleep(PACE_MS);
        } catch {
          await sleep(delay * (0.5 + Math.random() / 2));
          delay = Math.min(delay * 2, MAX_DELAY_MS);
        }
      }
    }

    async take(notice) {
      if (notice.retracted) {
        await this.remove(notice.id);
        return;
      }
      // A service with a new database counts from one again.
      const key = `${notice.id}@${notice.created_at_ms}`;
      if (this.memory.has(key)) return;
      this.memory.add(key);
      const notification = await this.commands.execute("apputils:notify", {
        message: messageOf(notice),
        type: "info",
        options: { autoClose: false, actions: this.actionsOf(notice) },
      });
      this.notifications.set(notice.id, notification);
      this.report(notice.id, "shown");
      // Longer than a timer allows counts as for ever.
      if (notice.remaining_ms !== null && notice.remaining_ms < 2 ** 31) {
        setTimeout(() => this.remove(notice.id), notice.remaining_ms);
      }
    }

    actionsOf({ id, link, path }) {
      const actions = [];
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
      actions.push({ label: "Dismiss", commandId: "pipalhub:dismiss", args: { id } });
      return actions;
    }

    async remove(id) {
      const notification = this.notifications.get(id);
      if (notification === undefined) return;
      this.notifications.delete(id);
      await this.commands.execute("apputils:dismiss-notification", { id: notification });
    }

    /** Nobody waits for it: a receipt that is lost is one that is missing, no more. */
    report(id, state) {
      const body = JSON.stringify({ state });
      request(this.settings, `notices/${id}/receipt`, { method: "POST", body }).catch(() => {});
    }
  }

  // Seconds between autosaves while saves fail.
  const SLOW = 120;

  /** Keeps the pace of autosaves: slow while the last save of any open document failed. */
  class Autosave {
    constructor(documents) {
      this.documents = documents;
      this.failing = new Set();
      this.known = new WeakSet();
      // The participant's setting, while autosave is slowed down.
      this.usual = null;
    }

    follow(context) {
      if (this.known.has(context)) return;
      this.known.add(context);
      context.saveState.connect((_, state) => {
        if (state === "failed") this.failing.add(context);
        if (state === "completed") this.failing.delete(context);
        this.keepPace();
      });
      context.disposed.connect(() => {
        this.failing.delete(context);
        this.keepPace();
      });
    }

    keepPace() {
      const now = this.documents.autosaveInterval;
      if (this.failing.size > 0) {
        if (now >= SLOW) return;
        this.usual = now;
        this.set(SLOW);
      } else if (this.usual !== null) {
        // Unless the participant has changed the setting meanwhile.
        if (now === SLOW) this.set(this.usual);
        this.usual = null;
      }
    }

    set(seconds) {
      // JupyterLab would store a change that it is notified of as the participant's setting. This
      // is not the participant's, so the change is made without a notification.
      const signal = this.documents.stateChanged;
      signal.emit = () => {};
      try {
        this.documents.autosaveInterval = seconds;
      } finally {
        delete signal.emit;
      }
    }
  }

  const saves = (token) => ({
    id: "pipalhub:saves",
    description: "Saves less often while saves fail.",
    autoStart: true,
    requires: [token],
    activate(app, documents) {
      const autosave = new Autosave(documents);
      for (const widget of ["Notebook", "Editor"]) {
        app.docRegistry.addWidgetExtension(widget, {
          createNew: (_, context) => autosave.follow(context),
        });
      }
    },
  });

  /** What one of JupyterLab's own packages exports, of those that it shares. */
  async function shared(name) {
    const versions = Object.values(scope?.[name] ?? {});
    return versions.length === 0 ? null : (await versions[0].get())();
  }

  const notices = {
    id: "pipalhub:notices",
    description: "Shows the instructor's notices.",
    autoStart: true,
    activate(app) {
      // Not awaited, so that JupyterLab does not wait for it.
      app.restored.then(() => new Notices(app).follow());
    },
  };

  /** Loads custom.css at once, and runs custom.js when the page is there. */
  async function loadCustom(app) {
    const response = await request(app.serviceManager.serverSettings, "custom");
    // A server without the package has none.
    if (!response.ok) return;
    const { css, js } = await response.json();
    if (css) {
      const style = document.createElement("style");
      style.id = "pipalhub-custom-css";
      style.textContent = css;
      document.head.append(style);
    }
    if (!js) return;
    await app.restored;
    // It is given JupyterLab's application as `app`.
    new Function("app", `${js}\n//# sourceURL=custom.js`)(app);
  }

  const custom = {
    id: "pipalhub:custom",
    description: "Loads custom.css and custom.js of whoever runs the server.",
    autoStart: true,
    activate(app) {
      // Not awaited: an error of theirs is in the console, and JupyterLab goes on.
      loadCustom(app).catch((error) => console.error("pipalhub: custom.css, custom.js:", error));
    },
  };

  async function plugins() {
    const documents = await shared("@jupyterlab/docmanager").catch(() => null);
    const all = [notices, custom];
    return documents ? [...all, saves(documents.IDocumentManager)] : all;
  }

  // A module federation container for one module without shared dependencies.
  let scope = null;
  globalThis._JUPYTERLAB ??= {};
  globalThis._JUPYTERLAB.pipalhub = {
    init(shares) {
      scope = shares;
    },
    get: async () => {
      const all = await plugins();
      return () => ({ __esModule: true, default: all });
    },
  };
})();
