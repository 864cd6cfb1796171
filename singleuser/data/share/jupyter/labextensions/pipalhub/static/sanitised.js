// HTML of a notice for the page. The service has sanitised it, but between it and this page are a
// proxy and the participant's own server, and what is put into JupyterLab runs with all rights. So
// no markup is taken over: it is parsed where nothing runs or loads, and what is known is built
// anew, element by element. What is not known is its text, or nothing.

import { linkTo, webAddress } from "./links.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const HTML = "http://www.w3.org/1999/xhtml";

// Deeper elements are their text.
const MAX_DEPTH = 60;

const words = (text) => new Set(text.split(/\s+/));

const ELEMENTS = words(
  `a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em figcaption
   figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub summary
   sup table tbody td tfoot th thead tr u ul var`,
);

const MATHS = words(
  `math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms
   mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none`,
);

// What is no text for a reader goes with all that is in it.
const DROPPED = words(
  `annotation annotation-xml audio base button canvas embed form frame frameset head iframe input link
   math meta noembed noframes noscript object option script select style svg template textarea title
   video xmp`,
);

// A word or a number, as attributes of formulas have them.
const PLAIN = /^[\w .,%+-]{0,60}$/;

// The attributes that are taken over, and what their values may be.
const ATTRIBUTES = {
  alt: /^[^]{0,1000}$/,
  title: /^[^]{0,1000}$/,
  colspan: /^\d{1,3}$/,
  rowspan: /^\d{1,3}$/,
  start: /^\d{1,6}$/,
  value: /^\d{1,6}$/,
  scope: /^(row|col)$/,
  dir: /^(ltr|rtl|auto)$/,
  lang: /^[A-Za-z0-9-]{1,20}$/,
};

const MATHS_ATTRIBUTES = words(
  `accent accentunder columnalign columnspacing depth display displaystyle fence height linethickness
   lspace mathvariant maxsize minsize notation rowspacing rspace scriptlevel separator stretchy
   symmetric voffset width`,
);

// The classes of the service's own renderer.
const CLASS = /^(nb|tok)-[a-z-]{1,20}$/;

const IMAGE = /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*$/;

/** A part of a document that shows `html`, and can do nothing. */
export function sanitised(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const fragment = document.createDocumentFragment();
  copyChildren(parsed.body, fragment, 0);
  return fragment;
}

function copyChildren(from, to, depth) {
  for (const node of from.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) to.append(node.data);
    if (node.nodeType !== Node.ELEMENT_NODE) continue;
    if (depth >= MAX_DEPTH) to.append(node.textContent);
    else copyElement(node, to, depth + 1);
  }
}

function copyElement(element, to, depth) {
  const name = element.localName;
  const copy = copyOf(element, name);
  if (copy) {
    to.append(copy);
    copyChildren(element, copy, depth);
  } else if (!DROPPED.has(name)) {
    copyChildren(element, to, depth);
  }
}

function copyOf(element, name) {
  if (element.namespaceURI === HTML && ELEMENTS.has(name)) {
    const copy = document.createElement(name);
    copyAttributes(element, copy);
    return copy;
  }
  if (element.namespaceURI === MATHML && MATHS.has(name)) {
    const copy = document.createElementNS(MATHML, name);
    for (const { name, value } of element.attributes) {
      if (MATHS_ATTRIBUTES.has(name) && PLAIN.test(value)) copy.setAttribute(name, value);
    }
    return copy;
  }
  return null;
}

function copyAttributes(element, copy) {
  for (const [name, allowed] of Object.entries(ATTRIBUTES)) {
    const value = element.getAttribute(name);
    if (value !== null && allowed.test(value)) copy.setAttribute(name, value);
  }
  const classes = [...element.classList].filter((name) => CLASS.test(name));
  if (classes.length > 0) copy.className = classes.join(" ");
  if (copy.localName === "img") {
    const source = element.getAttribute("src") ?? "";
    if (IMAGE.test(source)) copy.src = source;
  }
  if (copy.localName === "a") {
    // A relative address would lead into JupyterLab.
    const address = webAddress(element.getAttribute("href") ?? "");
    if (address) linkTo(copy, address);
  }
}
