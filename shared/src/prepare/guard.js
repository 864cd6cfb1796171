// Runs in a closed frame before the participant's output, and removes the functions that could
// open a connection without asking the policy. It keeps the functions that it needs later in
// constants, because the output may replace every other one.
(() => {
  "use strict";
  const { apply, getOwnPropertyNames, defineProperty } = {
    apply: Reflect.apply,
    getOwnPropertyNames: Object.getOwnPropertyNames,
    defineProperty: Object.defineProperty,
  };
  const forbiddenGlobals =
    /^(webkit|moz)?RTC|^WebTransport|^WebSocket|^EventSource$|Worker$|^Presentation|^Notification$|^PushManager$|^fetchLater$|^open$/;
  const removeProperty = (object, name) => {
    try {
      delete object[name];
      const nothing = { value: undefined, writable: false, configurable: false };
      defineProperty(object, name, nothing);
    } catch {
      // A property that cannot be removed was never usable.
    }
  };
  for (const name of getOwnPropertyNames(window)) {
    if (forbiddenGlobals.test(name)) removeProperty(window, name);
  }
  const ofNavigator = [
    "sendBeacon", "serviceWorker", "credentials", "mediaDevices", "getUserMedia",
    "webkitGetUserMedia", "mozGetUserMedia", "registerProtocolHandler", "presentation",
    "bluetooth", "usb", "hid", "serial", "xr", "requestMIDIAccess", "share",
  ];
  for (const name of ofNavigator) {
    removeProperty(Navigator.prototype, name);
    removeProperty(navigator, name);
  }

  // A frame would bring the removed functions back, and a `link` connects as soon as it is in the
  // document. Both are removed before a frame has loaded anything.
  const forbidden =
    "iframe,frame,frameset,fencedframe,portal,object,embed,link,base,meta[http-equiv]," +
    "script[type=speculationrules i]";
  const matches = Element.prototype.matches;
  const remove = Element.prototype.remove;
  // These objects have no prototype, in which a page could put missing properties.
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
  // Removes the host of a shadow root that `attachShadow` below did not make.
  const removeStranger = (element) => {
    const root = apply(shadow, element, []);
    if (root !== null && !apply(has, known, [root])) apply(remove, element, []);
  };
  const removeStrangers = (node) => {
    const type = apply(kind, node, []);
    if (type !== 1) return;
    removeStranger(node);
    const all = apply(select[type], node, ["*"]);
    for (let at = apply(lengthOf, all, []) - 1; at >= 0; at--) {
      removeStranger(apply(item, all, [at]));
    }
  };
  const onMutations = (records) => {
    for (let at = 0; at < records.length; at++) {
      const nodes = apply(added, records[at], []);
      for (let n = apply(lengthOf, nodes, []) - 1; n >= 0; n--) {
        const node = apply(item, nodes, [n]);
        clean(node);
        removeStrangers(node);
      }
      clean(apply(target, records[at], []));
    }
  };
  const observe = MutationObserver.prototype.observe;
  // All attributes are observed, because the page could change how a list of them is read.
  const observed = { __proto__: null, childList: true, subtree: true, attributes: true };
  const Observer = MutationObserver;
  const watch = (root) => apply(observe, new Observer(onMutations), [root, observed]);
  watch(document);

  // Shadow roots are watched as well; those that only markup can make are not made.
  const attach = Element.prototype.attachShadow;
  defineProperty(Element.prototype, "attachShadow", {
    value: function attachShadow(options) {
      const { mode, delegatesFocus, slotAssignment } = options;
      // Nothing would watch a clone of it.
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
  // Only a parser of a whole document makes shadow roots from markup. These functions start such a
  // parser, or continue this document's. The output's own markup was disarmed before
  // (`without_shadows`).
  for (const owner of [Document, Document.prototype, Element.prototype, ShadowRoot.prototype]) {
    for (const name of getOwnPropertyNames(owner)) {
      if (/Unsafe$|^write(ln)?$|^stream/.test(name)) removeProperty(owner, name);
    }
  }
  document.currentScript.remove();
})();
