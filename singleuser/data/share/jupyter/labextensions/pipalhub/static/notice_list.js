// The notices in the panel: each in full, those that were not read marked. One counts as read when
// its end has been in sight for a moment.

import { element, link } from "./elements.js";
import { sanitised } from "./sanitised.js";

// How long the end of a notice is in sight until it counts as read.
const READ_MS = 1_000;

// How long a button says that it has copied.
const COPIED_MS = 2_000;

export class NoticeList {
  /** `say` tells assistive technology something; `open` opens a file of the participant's. */
  constructor(notices, say, open) {
    this.notices = notices;
    this.say = say;
    this.openFile = open;
    this.node = element("div", { className: "pipalhub-notices" });
    // What is shown of each notice, by its id.
    this.shown = new Map();
    // The timers of the notices whose end is in sight.
    this.reading = new Map();
    this.sight = new IntersectionObserver((entries) => entries.forEach((it) => this.sees(it)));
    document.addEventListener("visibilitychange", () => this.lookAnew());
  }

  /** Shows the notices that stand now. What is shown already keeps its place and its focus. */
  update() {
    const all = this.notices.all();
    for (const [id, { article, end }] of this.shown) {
      if (all.some((notice) => notice.id === id && sameAs(notice, this.shown.get(id).notice))) continue;
      this.sight.unobserve(end);
      this.shown.delete(id);
      article.remove();
    }
    let before = null;
    for (const notice of all) {
      const { article, age } = this.shown.get(notice.id) ?? this.add(notice);
      article.classList.toggle("pipalhub-unread", !notice.opened);
      age.textContent = this.heading(notice);
      const place = before ? before.nextSibling : this.node.firstChild;
      if (place !== article) this.node.insertBefore(article, place);
      before = article;
    }
  }

  heading({ opened, created_at_ms }) {
    const at = new Date(created_at_ms);
    const age = Date.now() - created_at_ms;
    const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const when = age < 86_400_000 ? time : `${at.toLocaleDateString()}, ${time}`;
    return opened ? when : `${when} · not read`;
  }

  add(notice) {
    const { id, title, html, text, link: leads, path } = notice;
    const age = element("p", { className: "pipalhub-age" });
    const end = element("div", { className: "pipalhub-end" });
    const content = element("div", { className: "pipalhub-text" });
    if (html) content.append(sanitised(html));
    else content.append(element("p", { className: "pipalhub-plain" }, text ?? ""));
    for (const code of content.querySelectorAll("pre")) this.addCopyButton(code);
    const article = element(
      "article",
      { tabIndex: -1 },
      age,
      title ? element("h3", {}, title) : null,
      content,
      this.actions(id, leads, path),
      end,
    );
    article.setAttribute("aria-label", title || notice.brief);
    article.dataset.id = id;
    const shown = { notice, article, age, end };
    this.shown.set(id, shown);
    this.sight.observe(end);
    return shown;
  }

  actions(id, leads, path) {
    const parts = [];
    const followed = leads && link(leads.url, leads.label);
    if (followed) {
      followed.addEventListener("click", () => this.notices.open(id));
      parts.push(followed);
    }
    if (path) {
      const button = element("button", { type: "button" }, `Open ${path}`);
      button.addEventListener("click", () => {
        this.openFile(path);
        this.notices.open(id);
      });
      parts.push(button);
    }
    return parts.length === 0 ? null : element("p", { className: "pipalhub-actions" }, ...parts);
  }

  addCopyButton(code) {
    const button = element("button", { type: "button", className: "pipalhub-copy" }, "Copy");
    button.setAttribute("aria-label", "Copy the code");
    // Without the button, and the mark of its last line.
    const text = code.textContent.replace(/\n$/, "");
    button.addEventListener("click", async () => {
      const done = (await copied(text)) ? "Copied" : "Not copied";
      button.textContent = done;
      this.say(done);
      setTimeout(() => (button.textContent = "Copy"), COPIED_MS);
    });
    const frame = element("div", { className: "pipalhub-code" });
    code.replaceWith(frame);
    frame.append(code, button);
    // A keyboard scrolls it.
    code.tabIndex = 0;
    code.setAttribute("role", "group");
    code.setAttribute("aria-label", "Code");
  }

  /** Brings a notice into sight, with the focus. */
  show(id) {
    const article = this.shown.get(id)?.article;
    article?.scrollIntoView({ block: "start" });
    article?.focus({ preventScroll: true });
  }

  sees({ target, isIntersecting }) {
    const id = Number(target.closest("article").dataset.id);
    clearTimeout(this.reading.get(id));
    this.reading.delete(id);
    if (!isIntersecting || document.hidden) return;
    this.reading.set(id, setTimeout(() => this.notices.open(id), READ_MS));
  }

  /** A page that is looked at again tells of what is in sight. */
  lookAnew() {
    for (const { end } of this.shown.values()) {
      this.sight.unobserve(end);
      this.sight.observe(end);
    }
  }
}

function sameAs(one, other) {
  const content = ({ title, html, text, link, path, created_at_ms }) =>
    JSON.stringify([title, html, text, link, path, created_at_ms]);
  return content(one) === content(other);
}

/** Copies a text; whether that went well. Over plain HTTP a page has no clipboard but a selection. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const before = document.activeElement;
    const field = element("textarea", { value: text, className: "pipalhub-unseen" });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    before?.focus();
    return done;
  }
}
