// The workshop in JupyterLab: the notices, the participant's note, the panel that shows both, and their
// commands.

import { Help } from "./help.js";
import { Notices } from "./notices.js";
import { PANEL, makeButton, makePanel } from "./panel.js";

export const workshop = ({ apputils, application, widgets, components }) => ({
  id: "pipalhub:notices",
  description: "Shows the instructor's notices, and what is seen of the participant.",
  autoStart: true,
  optional: [apputils.ICommandPalette, application.ILayoutRestorer],
  activate(app, palette, restorer) {
    const { Widget } = widgets;
    const notices = new Notices(app, apputils.Notification.manager);
    const help = new Help(app);
    notices.help = help;
    const panel = makePanel({ Widget, LabIcon: components.LabIcon, app, notices, help });
    const parts = addParts(app, Widget, panel, notices);
    // A panel that was open is open after a reload.
    restorer?.add(panel, PANEL);
    for (const command of ["pipalhub:workshop", "pipalhub:help", "pipalhub:done"]) {
      palette?.addItem({ command, category: "Workshop" });
    }
    // Not awaited, so that JupyterLab does not wait for it.
    run(app, panel, notices, parts);
  },
});

/** Adds the panel, and what counts on the page; returns both, to be told of changes. */
function addParts(app, Widget, panel, notices) {
  const parts = [panel];
  loadStyle();
  app.shell.add(panel, "right", { rank: 900, type: "Workshop" });
  const open = () => {
    app.shell.activateById(PANEL);
    // The list of commands gives the focus back to where it was when it closes.
    setTimeout(() => panel.activate());
  };
  if (app.name === "Jupyter Notebook") {
    const button = makeButton({ Widget, notices, open });
    app.shell.add(button.widget, "top", { rank: 900 });
    parts.push(button);
  }
  notices.changed = () => parts.forEach((part) => part.refresh());
  notices.changed();
  addCommands(app, notices, panel, open);
  addNoteCommands(app, notices.help, open);
  return parts;
}

async function run(app, panel, notices, parts) {
  await app.restored;
  panel.keepAsking();
  await notices.follow();
  // This server has no service.
  parts.forEach((part) => (part.widget ?? part).dispose());
}

function addCommands(app, notices, panel, open) {
  const { commands } = app;
  commands.addCommand("pipalhub:workshop", { label: "Show the Workshop", execute: open });
  commands.addCommand("pipalhub:read", {
    label: "Read a notice",
    execute: async ({ id }) => {
      notices.open(id);
      app.shell.activateById(PANEL);
      await panel.showNotice(id);
    },
  });
  commands.addCommand("pipalhub:open-link", {
    label: "Open the link of a notice",
    execute: ({ id, url }) => {
      window.open(url, "_blank", "noopener");
      notices.open(id);
    },
  });
  commands.addCommand("pipalhub:open-file", {
    label: "Open the file of a notice",
    execute: async ({ id, path }) => {
      notices.open(id);
      await commands.execute("docmanager:open", { path });
    },
  });
}

function addNoteCommands({ commands }, help, open) {
  commands.addCommand("pipalhub:help", {
    label: "Ask for help",
    isEnabled: () => help.mine !== null,
    execute: async () => {
      open();
      await help.askForHelp();
    },
  });
  commands.addCommand("pipalhub:done", {
    label: "Say that you are done",
    isEnabled: () => help.mine !== null,
    execute: () => help.put("done", {}),
  });
  // JupyterLab itself has nothing there, and neither have browsers.
  commands.addKeyBinding({ command: "pipalhub:help", keys: ["Alt Shift H"], selector: "body" });
}

function loadStyle() {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("panel.css", import.meta.url).href;
  document.head.append(link);
}
