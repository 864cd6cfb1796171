// The two notes of a classroom, at the top of the panel: "I need help" and "I'm done". A press goes to
// the participant's own server, which sends it to the service; what comes of it, their place and who
// is coming, is told with the notices (notices.js). All texts are put in as text.

import { element } from "./elements.js";
import { Memory } from "./notices.js";
import { request } from "./requests.js";

// As the service has it.
const MAX_TEXT = 200;

const NOT_REACHED = "your own server does not answer";
const SIGNED_OUT = "you are signed out here; reload the page to sign in";

export class Help {
  /** The note of this participant; `shown` are the rounds of which a notification was shown. */
  constructor(app) {
    this.app = app;
    this.settings = app.serviceManager.serverSettings;
    const path = new URL(this.settings.baseUrl, location.href).pathname;
    this.shown = new Memory(`pipalhub:${path}:rounds`);
    // What the service says; null until it has, or when it has no help queue.
    this.mine = null;
    this.notification = null;
    // Why the last press was not sent.
    this.failure = "";
    this.makeNode();
    this.update();
  }

  /** The cursor to ask with. */
  get cursor() {
    return this.mine?.cursor ?? 0;
  }

  makeNode() {
    const button = (name, words, press) => {
      const made = element("button", { type: "button", className: `pipalhub-note ${name}` }, words);
      made.addEventListener("click", press);
      return made;
    };
    this.question = element("h3", {}, "Are you done?");
    this.help = button("pipalhub-note-help", "I need help", () => this.toggle("help"));
    this.done = button("pipalhub-note-done", "I'm done", () => this.toggle("done"));
    const notes = element("div", { className: "pipalhub-notes" }, this.help, this.done);
    this.state = element("p", { className: "pipalhub-place" });
    this.state.setAttribute("role", "status");
    this.text = element("input", { type: "text", maxLength: MAX_TEXT, placeholder: "What is it about? (optional)" });
    this.text.setAttribute("aria-label", "What is it about? (optional)");
    this.pause = element("button", { type: "button" });
    this.pause.addEventListener("click", () => this.put("help", { paused: !this.isPaused() }));
    this.form = element(
      "form",
      { className: "pipalhub-ask" },
      this.text,
      element("button", { type: "submit" }, "Send"),
      this.pause,
    );
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.put("help", { paused: this.isPaused(), text: this.text.value });
    });
    this.node = element("section", { className: "pipalhub-help" }, this.question, notes, this.state, this.form);
    this.node.setAttribute("aria-label", "Help");
  }

  isPaused() {
    return this.mine?.ticket?.state === "paused";
  }

  /** What the service says now. */
  take(mine) {
    const ticket = mine.ticket;
    if (ticket && ticket.id !== this.mine?.ticket?.id && !this.text.value) this.text.value = ticket.text;
    if (!ticket && this.mine?.ticket) this.text.value = "";
    // Another page has pressed what was not sent here, or what was pressed is over.
    if (mine.note !== this.mine?.note) this.failure = "";
    this.mine = mine;
    this.update();
    this.ask();
  }

  update() {
    const { note, ticket, round } = this.mine ?? {};
    this.node.hidden = this.mine === null;
    this.question.hidden = !round || round.answered;
    this.help.setAttribute("aria-pressed", String(note === "help"));
    this.done.setAttribute("aria-pressed", String(note === "done"));
    // What was written and not sent stays to be seen.
    this.form.hidden = !ticket && !(this.failure && this.text.value);
    this.pause.hidden = !ticket;
    this.pause.textContent = this.isPaused() ? "Now, please" : "Not now";
    const words = this.failure || this.words();
    // What does not change is not said again.
    if (this.state.textContent !== words) this.state.textContent = words;
  }

  words() {
    const { note, ticket } = this.mine ?? {};
    if (ticket?.state === "claimed") return `${ticket.helper ?? "Someone"} is coming.`;
    if (ticket?.state === "paused") return "Nobody comes just now. You keep your place.";
    if (ticket) return ticket.place ? `You are ${ordinal(ticket.place)} in the queue.` : "You are in the queue.";
    return note === "done" ? "You are done." : "";
  }

  toggle(note) {
    return this.put(this.mine?.note === note ? null : note, {});
  }

  /** Asks for help, unless that was done already: then what is pressed changes nothing. */
  async askForHelp() {
    if (this.mine?.note !== "help") await this.put("help", {});
    if (!this.form.hidden) this.text.focus();
  }

  /** Sends a note; what was not sent is said, and not sent later. */
  async put(note, { paused = false, text = null }) {
    const body = JSON.stringify({ note, paused, text, ...(note === "help" ? this.place() : {}) });
    try {
      const response = await request(this.settings, "help", { method: "PUT", body });
      const answer = await response.json().catch(() => ({}));
      if (response.ok) {
        this.failure = "";
        this.take(answer);
        return;
      }
      const isOut = response.status === 401 || response.status === 403;
      this.failed(isOut ? SIGNED_OUT : (answer.message ?? NOT_REACHED));
    } catch {
      this.failed(NOT_REACHED);
    }
  }

  failed(why) {
    this.failure = `That was not sent: ${why}. Press again.`;
    this.update();
  }

  /** The notebook that is open and the cell that is active in it. A private cell is not named, and if
   * it were, the service knows none. */
  place() {
    const { context, content } = this.app.shell.currentWidget ?? {};
    if (typeof context?.path !== "string") return {};
    // While several work in one notebook, its path is that of a drive.
    const path = this.app.serviceManager.contents.localPath(context.path);
    if (!path.endsWith(".ipynb")) return {};
    const active = content?.activeCell?.model;
    if (typeof active?.id !== "string" || isPrivate(active)) return { path };
    const shown = (content.widgets ?? []).map((cell) => cell.model).filter((cell) => !isPrivate(cell));
    const index = shown.indexOf(active);
    return { path, cell: index < 0 ? { id: active.id } : { id: active.id, index } };
  }

  /** Asks by a notification, once in a round and this browser, until it is answered. */
  async ask() {
    const round = this.mine?.round;
    if (!round || round.answered) {
      this.dismiss();
      return;
    }
    // Of an earlier service a round may have the same number, and be asked in the panel alone.
    const key = String(round.id);
    if (this.shown.has(key)) return;
    this.shown.add(key);
    this.dismiss();
    const action = (label, commandId) => ({ label, caption: label, commandId, args: {} });
    this.notification = await this.app.commands.execute("apputils:notify", {
      message: "Are you done?",
      type: "info",
      options: {
        autoClose: false,
        actions: [action("I'm done", "pipalhub:done"), action("I need help", "pipalhub:help")],
      },
    });
  }

  dismiss() {
    if (this.notification === null) return;
    this.app.commands.execute("apputils:dismiss-notification", { id: this.notification });
    this.notification = null;
  }
}

function isPrivate(cell) {
  const tags = cell.getMetadata?.("tags");
  return Array.isArray(tags) && tags.some((tag) => String(tag).trim().toLowerCase() === "private");
}

function ordinal(number) {
  const isTeen = number % 100 >= 11 && number % 100 <= 13;
  const ending = isTeen ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return `${number}${ending}`;
}
