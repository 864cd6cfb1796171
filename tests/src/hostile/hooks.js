// Runs in every document before any script of its own, and notes in the topmost one
// what a page that shows notebooks must never do. An id and a name are kept with it.
(() => {
  const canary = "canary.invalid";
  const own = window === window.top;
  const fired = [];
  const note = (what, detail) => {
    if (own) {
      fired.push([what, String(detail).slice(0, 300)]);
      return;
    }
    try {
      window.top.__note(what, detail);
    } catch {
      // A frame of another origin may not call, but it may send.
      window.parent.postMessage({ __note: [what, String(detail)] }, "*");
    }
  };
  const hidden = (name, value) =>
    Object.defineProperty(window, name, { value, writable: false, enumerable: false });
  hidden("__note", note);
  hidden("__fired", fired);

  for (const name of ["alert", "prompt", "confirm", "print", "open"]) {
    window[name] = (what) => note(name, what);
  }
  const asks = (address) => String(address).includes(canary);
  const fetches = window.fetch;
  window.fetch = function fetch(what, options) {
    const address = what && what.url ? what.url : what;
    if (asks(address)) {
      note("fetch", address);
      return Promise.reject(new TypeError("not in a test"));
    }
    return fetches.call(window, what, options);
  };
  const opens = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function open(method, address, ...rest) {
    if (asks(address)) note("XMLHttpRequest", address);
    return opens.call(this, method, address, ...rest);
  };
  const beacon = navigator.sendBeacon;
  navigator.sendBeacon = function sendBeacon(address, data) {
    if (asks(address)) note("sendBeacon", address);
    return beacon.call(navigator, address, data);
  };
  for (const [type, property] of [
    [HTMLImageElement, "src"],
    [HTMLImageElement, "srcset"],
    [HTMLScriptElement, "src"],
    [HTMLLinkElement, "href"],
    [HTMLIFrameElement, "src"],
  ]) {
    const was = Object.getOwnPropertyDescriptor(type.prototype, property);
    Object.defineProperty(type.prototype, property, {
      ...was,
      set(value) {
        if (asks(value)) note(`${type.name}.${property}`, value);
        was.set.call(this, value);
      },
    });
  }
  // Whatever else is asked for, by markup or by style, is a request.
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (asks(entry.name)) note("request", entry.name);
  }).observe({ type: "resource", buffered: true });
  document.addEventListener("securitypolicyviolation", (event) =>
    note("policy", `${event.effectiveDirective} ${event.blockedURI} ${event.sample}`),
  );
  window.addEventListener("message", (event) => {
    if (typeof event.data === "number") note("message", event.data);
    if (event.data && event.data.__note) note(...event.data.__note);
  });
})();
