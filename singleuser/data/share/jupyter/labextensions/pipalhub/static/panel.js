// The panel *Workshop* in the sidebar: the participant's own note first, and the notices as the most part. What was not read is
// counted on its icon, and in Notebook 7, whose sidebar has none, on a button above the page.

import { element } from "./elements.js";
import { NoticeList } from "./notice_list.js";
import { Seen } from "./seen.js";
import { sleep, visible } from "./requests.js";

export const PANEL = "pipalhub-workshop";

// How often it is asked what is seen, while the panel is open.
const SEEN_INTERVAL_MS = 15_000;

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
<path class="jp-icon3" fill="#616161" d="M4 4h16v11H4zm2 2v7h12V6zm5 9h2v2h4l1 3H6l1-3h4zM8 8h8v1.5H8zm0 2.5h5V12H8z"/></svg>`;

// What is said of a state in which there may be newer notices.
const TROUBLES = {
  asking: "Asking for notices…",
  away: "The workshop does not answer at the moment. What is here may be old; it is tried again by itself.",
  refused:
    "The workshop does not know this server. Stop it and start it again: File, Hub Control Panel. " +
    "If that does not help, tell your instructor.",
  full: "So many pages of your server are open that this one gets no new notices: close some.",
  "signed-out": "You are signed out here. Save what you have open, and reload the page to sign in.",
  "no-server": "Your own server does not answer. What is here may be old; it is tried again by itself.",
};

const NOTHING =
  "No notices. What your instructor tells participants appears here, and stays until it is taken back.";

/** The panel of these parts of JupyterLab's: its widgets, icons and application. */
export function makePanel({ Widget, LabIcon, app, notices, help }) {
  class Panel extends Widget {
    constructor() {
      super();
      this.id = PANEL;
      this.addClass("pipalhub-panel");
      this.node.setAttribute("role", "region");
      this.node.setAttribute("aria-label", "Workshop");
      // Here, because JupyterLab asks for it before the style is loaded.
      this.node.style.minWidth = "280px";
      // The keyboard scrolls what has the focus.
      this.node.tabIndex = 0;
      this.title.icon = new LabIcon({ name: "pipalhub:workshop", svgstr: ICON });
      this.fill();
    }

    fill() {
      const open = (path) => app.commands.execute("docmanager:open", { path });
      this.state = element("p", { className: "pipalhub-state" });
      this.state.setAttribute("role", "status");
      this.said = element("p", { className: "pipalhub-unseen" });
      this.said.setAttribute("role", "status");
      this.list = new NoticeList(notices, (text) => (this.said.textContent = text), open);
      this.seen = new Seen(app.serviceManager.serverSettings);
      const heading = element("h2", {}, "Workshop");
      this.node.append(heading, help.node, this.seen.node, this.state, this.list.node, this.said);
    }

    /** Shows the notices as they are now, and counts those that were not read. */
    refresh() {
      const unread = notices.unread();
      const words = [];
      if (notices.trouble) words.push(TROUBLES[notices.trouble]);
      if (unread > 0) words.push(unread === 1 ? "1 notice not read." : `${unread} notices not read.`);
      else if (!notices.trouble && notices.all().length === 0) words.push(NOTHING);
      // What does not change is not said again.
      const text = words.join(" ");
      if (this.state.textContent !== text) this.state.textContent = text;
      this.list.update();
      const caption = unread > 0 ? `Workshop: ${unread} not read` : "Workshop";
      const count = unread > 0 ? { "pipalhub-unread": String(Math.min(unread, 99)) } : {};
      this.title.caption = caption;
      this.title.dataset = { id: PANEL, jpTabLabel: "Workshop", ...count };
    }

    onActivateRequest() {
      this.node.focus({ preventScroll: true });
    }

    onAfterShow() {
      this.ask();
    }

    ask() {
      // What is seen can wait: it is asked for again.
      this.seen.refresh().catch(() => {});
    }

    async keepAsking() {
      while (!this.isDisposed) {
        await visible();
        if (this.isVisible) this.ask();
        await sleep(SEEN_INTERVAL_MS);
      }
    }

    /** Brings a notice into sight once the panel is. */
    async showNotice(id) {
      await new Promise(requestAnimationFrame);
      this.list.show(id);
    }
  }
  return new Panel();
}

/** A button that opens the panel, and counts what was not read. */
export function makeButton({ Widget, notices, open }) {
  const count = element("span", { className: "pipalhub-count" });
  const button = element("button", { type: "button", className: "pipalhub-button" }, "Workshop", count);
  button.addEventListener("click", open);
  const widget = new Widget({ node: element("div", {}, button) });
  widget.id = "pipalhub-button";
  return {
    widget,
    refresh() {
      const unread = notices.unread();
      count.hidden = unread === 0;
      count.textContent = String(Math.min(unread, 99));
      button.title = unread > 0 ? `Workshop: ${unread} not read` : "Workshop";
      button.setAttribute("aria-label", button.title);
    },
  };
}
