// The panel's links, and what is seen of the participant: which notebooks, since when, and what is
// kept private.

import { ago, element, link } from "./elements.js";
import { request } from "./requests.js";

export class Seen {
  constructor(settings) {
    this.settings = settings;
    this.links = element("ul", { className: "pipalhub-links" });
    this.summary = element("summary");
    this.content = element("div");
    this.details = element("details", { className: "pipalhub-seen" }, this.summary, this.content);
    this.node = element("div", { hidden: true }, this.links, this.details);
  }

  /** Asks once more; what the service does not say is not shown, or stays as it was. */
  async refresh() {
    const response = await request(this.settings, "workshop");
    if (!response.ok) return;
    const answer = await response.json();
    if (answer.known) this.update(answer);
  }

  update(answer) {
    const html = JSON.stringify([answer.page, answer.followed, answer.summaries]);
    // A link that has the focus keeps it.
    if (this.shownLinks !== html) this.links.replaceChildren(...linksOf(answer));
    this.shownLinks = html;
    this.summary.textContent = inShort(answer);
    this.content.replaceChildren(...inFull(answer));
    this.node.hidden = false;
  }
}

function linksOf({ page, followed, summaries }) {
  // A path is one of this host, or of the Hub's where services have another.
  const base = new URL(page, location.href);
  const at = (path) => new URL(path, base).href;
  const links = [];
  if (followed) {
    const name = element("small", {}, followed.filename);
    links.push(link(at("follow"), `Follow ${followed.user}`, name));
  }
  for (const filename of summaries) {
    const address = at(`document?notebook=${encodeURIComponent(filename)}`);
    links.push(link(address, "Everyone’s last cells", element("small", {}, filename)));
  }
  links.push(link(base.href, "Your page", element("small", {}, "what is seen of you, live")));
  return links.filter(Boolean).map((one) => element("li", {}, one));
}

function inShort({ notebooks, more, unseen }) {
  const waiting = notebooks.filter((notebook) => notebook.waits).length + unseen.length;
  const failing = notebooks.some((notebook) => notebook.problem);
  const number = notebooks.length + more;
  const words = [number === 1 ? "1 notebook of yours is seen" : `${number} notebooks of yours are seen`];
  if (failing) words.push("saves fail");
  else if (waiting > 0) words.push(`${waiting} on the way`);
  else if (number > 0) words.push(`saved ${ago(notebooks[0].saved_ago_ms)}`);
  return words.join(", ");
}

function inFull({ notebooks, more, unseen, private_tag }) {
  const rows = notebooks.map((notebook) =>
    element("li", {}, element("b", {}, notebook.filename), element("small", {}, stateOf(notebook))),
  );
  for (const filename of unseen) {
    rows.push(element("li", {}, element("b", {}, filename), element("small", {}, "on its way")));
  }
  if (more > 0) rows.push(element("li", {}, `and ${more} more`));
  return [
    rows.length > 0
      ? element("ul", {}, ...rows)
      : element("p", {}, "No notebook has come yet: save one, and it is here."),
    element(
      "p",
      {},
      "Instructors and their helpers see them as you have saved them. A cell with the tag ",
      element("code", {}, private_tag),
      " is not shown to anyone, and not kept.",
    ),
  ];
}

function stateOf({ saved_ago_ms, received_ago_ms, waits, problem }) {
  const words = [`saved ${ago(saved_ago_ms)}`];
  if (received_ago_ms !== null) words.push(`received ${ago(received_ago_ms)}`);
  if (problem) words.push(problem);
  else if (waits) words.push("a newer one is on its way");
  return words.join(", ");
}
