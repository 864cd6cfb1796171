// Requests of the page to the participant's own server, which asks the service; see handlers.py.

// Longer than the server waits; a request without an answer is then aborted.
const TIMEOUT_MS = 60_000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until the page is looked at. */
export const visible = () =>
  new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });

/** A request as JupyterLab makes them. */
export function request(settings, path, options = {}) {
  const headers = { "Content-Type": "application/json" };
  const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie);
  if (xsrf) headers["X-XSRFToken"] = xsrf[1];
  if (settings.token) headers.Authorization = `token ${settings.token}`;
  return fetch(`${settings.baseUrl}pipalhub/${path}`, {
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers,
    ...options,
  });
}
