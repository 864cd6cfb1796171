// Saves that fail: JupyterLab shows a dialog for each, which with autosave would be one every five
// seconds. While saves fail, autosave runs every two minutes.

// Seconds between autosaves while saves fail.
const SLOW = 120;

/** Keeps the pace of autosaves: slow while the last save of any open document failed. */
class Autosave {
  constructor(documents) {
    this.documents = documents;
    this.failing = new Set();
    this.known = new WeakSet();
    // The participant's setting, while autosave is slowed down.
    this.usual = null;
  }

  follow(context) {
    if (this.known.has(context)) return;
    this.known.add(context);
    context.saveState.connect((_, state) => {
      if (state === "failed") this.failing.add(context);
      if (state === "completed") this.failing.delete(context);
      this.keepPace();
    });
    context.disposed.connect(() => {
      this.failing.delete(context);
      this.keepPace();
    });
  }

  keepPace() {
    const now = this.documents.autosaveInterval;
    if (this.failing.size > 0) {
      if (now >= SLOW) return;
      this.usual = now;
      this.set(SLOW);
    } else if (this.usual !== null) {
      // Unless the participant has changed the setting meanwhile.
      if (now === SLOW) this.set(this.usual);
      this.usual = null;
    }
  }

  set(seconds) {
    // JupyterLab would store a change that it is notified of as the participant's setting. This
    // is not the participant's, so the change is made without a notification.
    const signal = this.documents.stateChanged;
    signal.emit = () => {};
    try {
      this.documents.autosaveInterval = seconds;
    } finally {
      delete signal.emit;
    }
  }
}

export const saves = (token) => ({
  id: "pipalhub:saves",
  description: "Saves less often while saves fail.",
  autoStart: true,
  requires: [token],
  activate(app, documents) {
    const autosave = new Autosave(documents);
    for (const widget of ["Notebook", "Editor"]) {
      app.docRegistry.addWidgetExtension(widget, {
        createNew: (_, context) => autosave.follow(context),
      });
    }
  },
});
