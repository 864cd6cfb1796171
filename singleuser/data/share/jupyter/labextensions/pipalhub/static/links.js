// Addresses from outside, and links to them.

/** The address if it is one of another page, and runs no script; else null. */
export function webAddress(text, base = undefined) {
  try {
    const url = new URL(text, base);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** Makes a link lead to another page, which does not know from where. */
export function linkTo(link, address) {
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
}
