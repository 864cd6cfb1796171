// Touches everything in the notebooks of a page as somebody would, then tells what
// is wrong with them. The first argument selects the notebooks, the second what their
// ids begin with, the third the places no notebook may cover. This only begins it:
// `__audit.step(ms)` goes on for so long and returns how much is left, and when that is
// nothing, `__audit.end(done)` has `done` called with the findings. So no request of a test
// takes long, however slow the machine is.
const [notebooks, prefix, covered] = arguments;
const roots = [...document.querySelectorAll(notebooks)];
const wrong = [];
const say = (what, element) => {
  if (wrong.length < 40) wrong.push(`${what}: ${element.outerHTML.slice(0, 300)}`);
};

const never =
  "script,style,link,meta,base,object,embed,applet,form,input:not([type=checkbox][disabled])," +
  "textarea,select,template,video,audio,source,frame,frameset,foreignObject,animate,set,use," +
  "dialog,marquee,portal,title,noscript,iframe:not([sandbox]),[popover],[ping],[srcset]," +
  "[background],[formaction],[contenteditable],[autofocus],[is],[slot],[part]";
const addresses = ["href", "src", "action", "data", "poster", "xlink:href", "cite"];

function inspect(element) {
  if (element.matches(never)) say("an element that may not be there", element);
  for (const { name, value } of element.attributes) {
    if (/^on/i.test(name)) say(`the handler ${name}`, element);
    if (name === "name") say("a name of its own", element);
    if (name === "style" && /url|@|position|expression/i.test(value)) say("a style", element);
    if (name === "id" && !value.startsWith(prefix)) say("an id of its own", element);
    if (addresses.includes(name)) address(element, name, value);
  }
  if (["fixed", "sticky"].includes(getComputedStyle(element).position)) {
    if (!element.matches("[class^=nb-], [class*=' nb-']")) say("a place of its own", element);
  }
}

function address(element, name, value) {
  if (name === "src" && /^data:image\//i.test(value)) return;
  // A place in the notebook, which below a <base> has to name the page too.
  const within = element.hash && element.hash.startsWith("#" + prefix);
  if (name === "href" && within && /^(notebook\?[^#]*)?#/.test(value)) return;
  const protocol = element.protocol || "";
  const rel = element.getAttribute("rel") || "";
  const leadsAway = ["http:", "https:", "mailto:"].includes(protocol);
  const relative = !/^(https?:|mailto:)/i.test(value);
  if (name !== "href" || !leadsAway || relative) say(`the address ${value}`, element);
  else if (!rel.includes("noopener")) say("a link without noopener", element);
}

// A link that leads away would end the test, as would a tile, which opens its notebook; a link that
// is a program must run.
const stay = (event) => {
  const link = event.target.closest && event.target.closest("a, area");
  if (!link || /^(https?|mailto):/.test(link.protocol || "")) event.preventDefault();
};
document.addEventListener("click", stay, true);
const events = ["pointerover", "mouseover", "mouseenter", "mousemove", "pointerdown", "mousedown",
  "focusin", "keydown", "input", "change", "animationstart", "transitionend", "wheel", "toggle"];

function touch(element) {
  for (const name of events) element.dispatchEvent(new Event(name, { bubbles: true }));
  if (element.focus && element.tabIndex >= 0) element.focus({ preventScroll: true });
  if (element.matches("a, area")) element.click();
  if (element.matches("p, b, x, i, span, td") && element.attributes.length) element.click();
}

const left = [];
for (const root of roots) {
  for (const details of root.querySelectorAll("details")) details.open = true;
  left.push(...root.querySelectorAll("*"));
}
left.reverse();

function step(ms) {
  const until = performance.now() + ms;
  while (left.length && performance.now() < until) {
    const element = left.pop();
    inspect(element);
    touch(element);
  }
  return left.length;
}

function end(done) {
  document.removeEventListener("click", stay, true);
  if (document.activeElement) document.activeElement.blur();

  // What lies over the page's own parts must not come from a notebook.
  for (const selector of covered) {
    for (const part of document.querySelectorAll(selector)) {
      const box = part.getBoundingClientRect();
      for (const x of [0.02, 0.5, 0.98]) {
        const top = document.elementFromPoint(box.left + box.width * x, box.top + box.height / 2);
        if (top && roots.some((root) => root.contains(top))) say(`lies over ${selector}`, top);
      }
    }
  }

  // Every global of the page, by its kind. Names of elements are none of them.
  const kinds = {};
  for (const [owner, object] of [["window", window], ["document", document]]) {
    const keys = new Set(Object.getOwnPropertyNames(object));
    for (const key in object) keys.add(key);
    for (const key of keys) {
      if (/^\d+$|^__|^cdc_|^\$cdc_/.test(key)) continue;
      let value;
      try {
        value = object[key];
      } catch {
        // Storage, in a file.
        continue;
      }
      const element = value instanceof Element || value instanceof HTMLCollection;
      kinds[`${owner}.${key}`] = element ? `an element ${value.tagName || ""}` : typeof value;
    }
  }
  // After two frames, what was started by touching has had its chance.
  requestAnimationFrame(() =>
    requestAnimationFrame(() =>
      setTimeout(() =>
        done({
          fired: window.__fired,
          wrong,
          globals: kinds,
          notebooks: roots.length,
          cells: document.querySelectorAll(`${notebooks} .nb-cell`).length,
          frames: window.length,
          base: [...document.querySelectorAll("base")].map((base) => base.href),
          title: document.title,
        }),
      ),
    ),
  );
}

window.__audit = { step, end };
