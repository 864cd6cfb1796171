(async () => {
  const tries = {
    parent: () => parent.document.title,
    top: () => {
      const before = top.location.href;
      top.location = "about:blank#" + before;
    },
    cookie: () => document.cookie,
    storage: () => localStorage.length,
    fetch: () => fetch("../api/session", { credentials: "include" }),
    image: () =>
      new Promise((resolve, reject) => {
        const image = new Image();
        image.onload = resolve;
        image.onerror = reject;
        image.src = "../favicon.svg";
      }),
    popup: () => {
      if (!open("about:blank")) throw new Error("blocked");
    },
  };
  const said = [];
  for (const [what, attempt] of Object.entries(tries)) {
    try {
      await attempt();
      said.push(`${what}: done`);
    } catch {
      said.push(`${what}: refused`);
    }
  }
  top.postMessage({ said }, "*");
})();
