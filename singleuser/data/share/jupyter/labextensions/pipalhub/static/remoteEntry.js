// Three plugins for JupyterLab 4 and Notebook 7. Written by hand and served as they are: this file is
// loaded with the page, and loads the modules beside it.
//
// * workshop.js: the instructor's notices, and the panel that shows them
// * autosave.js: while saves fail, JupyterLab saves less often
// * custom.js: what whoever runs the server has put into everyone's page
(() => {
  "use strict";

  const here = document.currentScript.src;

  /** A module beside this file. */
  const load = (name) => import(new URL(name, here).href);

  /** What one of JupyterLab's own packages exports, of those that it shares; else null. */
  async function shared(name) {
    const versions = Object.values(scope?.[name] ?? {});
    return versions.length === 0 ? null : (await versions[0].get())();
  }

  async function plugins() {
    const [{ custom }, { saves }, { workshop }] = await Promise.all(
      ["custom.js", "autosave.js", "workshop.js"].map(load),
    );
    const [docmanager, apputils, application, components, widgets] = await Promise.all(
      [
        "@jupyterlab/docmanager",
        "@jupyterlab/apputils",
        "@jupyterlab/application",
        "@jupyterlab/ui-components",
        "@lumino/widgets",
      ].map((name) => shared(name).catch(() => null)),
    );
    const all = [custom];
    if (docmanager) all.push(saves(docmanager.IDocumentManager));
    if (apputils && application && components && widgets) {
      all.push(workshop({ apputils, application, components, widgets }));
    }
    return all;
  }

  // A module federation container for one module without shared dependencies.
  let scope = null;
  globalThis._JUPYTERLAB ??= {};
  globalThis._JUPYTERLAB.pipalhub = {
    init(shares) {
      scope = shares;
    },
    get: async () => {
      const all = await plugins();
      return () => ({ __esModule: true, default: all });
    },
  };
})();
