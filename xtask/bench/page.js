// Renders one notebook again and again, on one side, and reports the times to whoever
// served the page: `?side=ours|notebookjs|blank&notebook=NAME&runs=N`.

const query = new URLSearchParams(location.search);
const WARM_UP = 10;

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
  const { default: init, render } = await import("/wasm/bench.js");
  await init();
  return {
    extension: "prepared.json",
    string: (text) => render(text),
    insert: (text, host) => {
      host.className = "nb";
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
  const { extension, string, insert } = await side();
  const text = await (await fetch(`/notebooks/${query.get("notebook")}.${extension}`)).text();
  const runs = Number(query.get("runs"));
  const result = { string_ms: [], laid_out_ms: [], html: "" };
  for (let run = -WARM_UP; run < runs; run += 1) {
    const begun = performance.now();
    result.html = string(text);
    const elapsed = performance.now() - begun;
    if (run >= 0) result.string_ms.push(elapsed);
    await rest();
  }
  for (let run = -WARM_UP; run < runs; run += 1) {
    const host = document.createElement("main");
    document.body.append(host);
    const begun = performance.now();
    insert(text, host);
    // Asking for the height lays everything out.
    const { height } = host.getBoundingClientRect();
    const elapsed = performance.now() - begun;
    if (height === 0) throw new Error("nothing was laid out");
    if (run >= 0) result.laid_out_ms.push(elapsed);
    host.remove();
    await rest();
  }
  return result;
}

const report = (body) => fetch("/done", { method: "POST", body: JSON.stringify(body) });
measure().then(report, (error) => report({ error: String(error) }));
