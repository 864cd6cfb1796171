// Small parts of the panel's documents: elements, links, ages in words.

import { linkTo, webAddress } from "./links.js";

/** An element with these properties and children; a text is one. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A link to a page of its own; null where the address is none of a page. */
export function link(address, ...children) {
  const checked = webAddress(address);
  if (!checked) return null;
  const made = element("a", {}, ...children);
  linkTo(made, checked);
  return made;
}

/** How long ago something was. */
export function ago(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `on ${new Date(Date.now() - ms).toLocaleDateString()}`;
}
