// Runs in a closed frame before anything that a participant wrote, and takes away what
// could open a connection without asking the policy. Whatever it needs later it keeps for
// itself: what follows may replace everything else.
(() => {
  "use strict";
  const { apply, getOwnPropertyNames, defineProperty } = {
    apply: Reflect.apply,
    getOwnPropertyNames: Object.getOwnPropertyNames,
    defineProperty: Object.defineProperty,
  };
  const gone =
    /^(webkit|moz)?RTC|^WebTransport|^WebSocket|^EventSource$|Worker$|^Presentation|^Notification$|^PushManager$|^fetchLater$|^open$/;
  const take = (object, name) => {
    try {
      delete object[name];
      const nothing = { value: undefined, writable: false, configurable: false };
      defineProperty(object, name, nothing);
    } catch {
      // What cannot be taken away was never there to be used.
    }
  };
  for (const name of getOwnPropertyNames(window)) if (gone.test(name)) take(window, name);
  const ofNavigator = [
    "sendBeacon", "serviceWorker", "credentials", "mediaDevices", "getUserMedia",
    "webkitGetUserMedia", "mozGetUserMedia", "registerProtocolHandler", "presentation",
    "bluetooth", "usb", "hid", "serial", "xr", "requestMIDIAccess", "share",
  ];
  for (const name of ofNavigator) {
    take(Navigator.prototype, name);
    take(navigator, name);
  }

  // A frame would bring what was taken away, and a link connects by being there. Neither
  // is there for long: this runs before a frame has loaded anything.
  const forbidden =
    "iframe,frame,frameset,fencedframe,portal,object,embed,link,base,meta[http-equiv]," +
    "script[type=speculationrules i]";
  const matches = Element.prototype.matches;
  const remove = Element.prototype.remove;
  // Without a prototype: what is not in them must not be found in what everything has.
  const select = {
    __proto__: null,
    1: Element.prototype.querySelectorAll,
    9: Document.prototype.querySelectorAll,
    11: DocumentFragment.prototype.querySelectorAll,
  };
  const shadow = Object.getOwnPropertyDescriptor(Element.prototype, "shadowRoot").get;
  const kind = Object.getOwnPropertyDescriptor(Node.prototype, "nodeType").get;
  const lengthOf = Object.getOwnPropertyDescriptor(NodeList.prototype, "length").get;
  const item = NodeList.prototype.item;
  const added = Object.getOwnPropertyDescriptor(MutationRecord.prototype, "addedNodes").get;
  const target = Object.getOwnPropertyDescriptor(MutationRecord.prototype, "target").get;
  const known = new WeakSet();
  const { has, add } = WeakSet.prototype;
  const clean = (node) => {
    const type = apply(kind, node, []);
    if (!select[type]) return;
    if (type === 1 && apply(matches, node, [forbidden])) {
      apply(remove, node, []);
      return;
    }
    const found = apply(select[type], node, [forbidden]);
    for (let at = apply(lengthOf, found, []) - 1; at >= 0; at--) {
      apply(remove, apply(item, found, [at]), []);
    }
  };
  // A tree of its own that was not made by what is below has nothing to do here.
  const stranger = (element) => {
    const root = apply(shadow, element, []);
    if (root !== null && !apply(has, known, [root])) apply(remove, element, []);
  };
  const strangers = (node) => {
    const type = apply(kind, node, []);
    if (type !== 1) return;
    stranger(node);
    const all = apply(select[type], node, ["*"]);
    for (let at = apply(lengthOf, all, []) - 1; at >= 0; at--) stranger(apply(item, all, [at]));
  };
  const seen = (records) => {
    for (let at = 0; at < records.length; at++) {
      const nodes = apply(added, records[at], []);
      for (let n = apply(lengthOf, nodes, []) - 1; n >= 0; n--) {
        const node = apply(item, nodes, [n]);
        clean(node);
        strangers(node);
      }
      clean(apply(target, records[at], []));
    }
  };
  const observe = MutationObserver.prototype.observe;
  // All attributes, because a list of them would be read as the page says that lists are.
  const what = { __proto__: null, childList: true, subtree: true, attributes: true };
  const Watcher = MutationObserver;
  const watch = (root) => apply(observe, new Watcher(seen), [root, what]);
  watch(document);

  // A tree of its own is watched as well; one that only markup can make is not made.
  const attach = Element.prototype.attachShadow;
  defineProperty(Element.prototype, "attachShadow", {
    value: function attachShadow(options) {
      const { mode, delegatesFocus, slotAssignment } = options;
      // A copy of it would be watched by nobody.
      const safe = { __proto__: null, mode, clonable: false, serializable: false };
      if (delegatesFocus !== undefined) safe.delegatesFocus = delegatesFocus;
      if (slotAssignment !== undefined) safe.slotAssignment = slotAssignment;
      const root = apply(attach, this, [safe]);
      apply(add, known, [root]);
      watch(root);
      return root;
    },
    writable: false,
    configurable: false,
  });
  // Only a parser that reads a document makes one from markup: these begin one, or go on
  // with this one. What the markup of the output says itself is disarmed before it comes here.
  for (const owner of [Document, Document.prototype, Element.prototype, ShadowRoot.prototype]) {
    for (const name of getOwnPropertyNames(owner)) {
      if (/Unsafe$|^write(ln)?$|^stream/.test(name)) take(owner, name);
    }
  }
  document.currentScript.remove();
})();
