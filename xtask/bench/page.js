// Renders one notebook again and again, on one side, and reports the times to the server of the
// page: `?side=ours|notebookjs|blank&notebook=NAME&runs=N`.

const query = new URLSearchParams(location.search);
const WARM_UP = 5;

/** Runs a classic script, as a page of today would include it. */
function script(src) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = src;
    element.onload = resolve;
    element.onerror = () => reject(new Error(`${src} cannot be loaded`));
    document.head.append(element);
  });
}

function stylesheet(href) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("link");
    element.rel = "stylesheet";
    element.href = href;
    element.onload = resolve;
    element.onerror = () => reject(new Error(`${href} cannot be loaded`));
    document.head.append(element);
  });
}

/** The renderer of the page: cells as the service sends them, to HTML. */
async function ours() {
  await stylesheet("/css/notebook.css");
  await stylesheet("/frontend/style.css");
  const { default: init, render, render_each: renderEach } = await import("/wasm/bench.js");
  await init();
  return {
    extension: "prepared.json",
    string: (text) => render(text),
    // As the page of a notebook does it: what is out of sight is laid out later.
    insert: (text, host) => {
      const slots = renderEach(text).map((html) => {
        const slot = document.createElement("div");
        slot.className = "nb-slot";
        slot.innerHTML = html;
        return slot;
      });
      host.append(...slots);
    },
    insertInFull: (text, host) => {
      host.innerHTML = render(text);
    },
  };
}

/** notebookjs set up as its documentation says, with all that it can make use of. */
async function notebookjs() {
  globalThis.Prism = { manual: true };
  await stylesheet("/npm/prismjs/themes/prism.css");
  await script("/npm/prismjs/prism.js");
  await script("/npm/prismjs/components/prism-python.js");
  await script("/npm/marked/lib/marked.umd.js");
  await script("/npm/dompurify/dist/purify.min.js");
  const { AnsiUp } = await import("/npm/ansi_up/ansi_up.js");
  await script("/npm/notebookjs/notebook.min.js");
  const { nb } = globalThis;
  nb.ansi = (escaped) => {
    // A new one each time: colours do not run from one output into the next.
    const ansi = new AnsiUp();
    ansi.escape_html = false;
    return ansi.ansi_to_html(escaped);
  };
  nb.highlighter = (escaped, pre, code, language) => {
    const grammar = globalThis.Prism.languages[language];
    if (!grammar) return escaped;
    // notebookjs escapes first and Prism escapes again.
    const plain = escaped.replaceAll("&lt;", "<").replaceAll("&gt;", ">");
    return globalThis.Prism.highlight(plain, grammar, language);
  };
  return {
    extension: "ipynb",
    string: (text) => nb.parse(JSON.parse(text)).render().outerHTML,
    insert: (text, host) => host.append(nb.parse(JSON.parse(text)).render()),
  };
}

/** Lets the browser paint, decode and collect what the last run left. */
const rest = () => new Promise((resolve) => setTimeout(resolve, 5));

async function measure() {
  const side = { ours, notebookjs }[query.get("side")];
  if (!side) return {};
  const { extension, string, insert, insertInFull } = await side();
  const text = await (await fetch(`/notebooks/${query.get("notebook")}.${extension}`)).text();
  const result = { html: string(text) };
  result.string_ms = await times(() => string(text));
  result.laid_out_ms = await times(() => layOut((host) => insert(text, host)));
  result.in_full_ms = insertInFull
    ? await times(() => layOut((host) => insertInFull(text, host)))
    : result.laid_out_ms;
  return result;
}

async function times(work) {
  const samples = [];
  for (let run = -WARM_UP; run < Number(query.get("runs")); run += 1) {
    const begun = performance.now();
    work();
    const elapsed = performance.now() - begun;
    if (run >= 0) samples.push(elapsed);
    document.querySelector("main")?.remove();
    await rest();
  }
  return samples;
}

function layOut(fill) {
  const main = document.createElement("main");
  main.className = "notebook-main";
  const host = document.createElement("div");
  host.className = "nb";
  main.append(host);
  document.body.append(main);
  fill(host);
  // Asking for the height lays everything out.
  if (host.getBoundingClientRect().height === 0) throw new Error("nothing was laid out");
}

const report = (body) => fetch("/done", { method: "POST", body: JSON.stringify(body) });
measure().then(report, (error) => report({ error: String(error) }));
