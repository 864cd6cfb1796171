// What whoever runs the server has put into everyone's page, custom.css and custom.js; see custom.py.

import { request } from "./requests.js";

/** Loads custom.css at once, and runs custom.js when the page is there. */
async function loadCustom(app) {
  const response = await request(app.serviceManager.serverSettings, "custom");
  // A server without the package has none.
  if (!response.ok) return;
  const { css, js } = await response.json();
  if (css) {
    const style = document.createElement("style");
    style.id = "pipalhub-custom-css";
    style.textContent = css;
    document.head.append(style);
  }
  if (!js) return;
  await app.restored;
  // It is given JupyterLab's application as `app`.
  new Function("app", `${js}\n//# sourceURL=custom.js`)(app);
}

export const custom = {
  id: "pipalhub:custom",
  description: "Loads custom.css and custom.js of whoever runs the server.",
  autoStart: true,
  activate(app) {
    // Not awaited: an error of theirs is in the console, and JupyterLab goes on.
    loadCustom(app).catch((error) => console.error("pipalhub: custom.css, custom.js:", error));
  },
};
