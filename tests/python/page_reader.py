"""The service's page in headless Chromium, which says when it has shown a save."""

import http.client
import json
import subprocess
import tempfile
import time
import urllib.parse

from counting_proxy import free_port, wait_for

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1000",
]
PATIENCE_S = 60

# Resolves with the time, in ms since 1970, when a frame with the text in alice's tile is painted.
EXPECT = """
const text = arguments[0];
window.seen = new Promise(resolve => {
    const look = () => {
        const tile = document.querySelector('[data-testid=tile][data-user=alice]');
        if (!tile || !tile.textContent.includes(text)) return;
        observer.disconnect();
        requestAnimationFrame(() => {
            const {port1, port2} = new MessageChannel();
            port1.onmessage = () => resolve(performance.timeOrigin + performance.now());
            port2.postMessage(null);
        });
    };
    const observer = new MutationObserver(look);
    observer.observe(document, {subtree: true, childList: true, characterData: true});
    look();
});
"""
WAIT = "const done = arguments[0]; window.seen.then(done);"


class PageReader:
    """An instructor's Wall of one notebook; there is a Hub whose codes are names of users."""

    def __init__(self, url, filename):
        self._profile = tempfile.TemporaryDirectory()
        self._port = free_port()
        self._chromedriver = subprocess.Popen(
            ["chromedriver", f"--port={self._port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._port)
        options = {"args": [*FLAGS, f"--user-data-dir={self._profile.name}"]}
        capabilities = {"alwaysMatch": {"goog:chromeOptions": options}}
        session = self._command("POST", "/session", {"capabilities": capabilities})
        self._session = "/session/" + session["sessionId"]
        self._do("timeouts", {"script": PATIENCE_S * 1000})
        # A cookie can be set for a page that is open.
        self._do("url", {"url": url + "healthz"})
        for name, value in signed_in(url).items():
            self._do("cookie", {"cookie": {"name": name, "value": value, "path": "/"}})
        page = url + "?" + urllib.parse.urlencode({"notebook": filename})
        self._do("url", {"url": page})

    def expect(self, text):
        self._do("execute/sync", {"script": EXPECT, "args": [text]})

    def wait(self):
        """When what is expected was on the screen, as `time.perf_counter` counts."""
        shown_ms = self._do("execute/async", {"script": WAIT, "args": []})
        return shown_ms / 1000 - (time.time() - time.perf_counter())

    def stop(self):
        self._command("DELETE", self._session)
        self._chromedriver.terminate()
        self._chromedriver.wait()
        self._profile.cleanup()

    def _do(self, name, body):
        return self._command("POST", f"{self._session}/{name}", body)

    def _command(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2 * PATIENCE_S)
        connection.request(method, path, json.dumps(body or {}))
        answer = json.loads(connection.getresponse().read())["value"]
        connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{path}: {answer['error']}: {answer['message']}")
        return answer


def signed_in(url):
    """The cookies of an instructor, after a sign-in without a browser."""
    cookies, location = answered(url, "", {})
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["state"][0]
    back = "oauth_callback?" + urllib.parse.urlencode({"code": "ines", "state": state})
    session, _ = answered(url, back, cookies)
    return session


def answered(url, path, cookies):
    """The cookies that an answer sets, and where it leads."""
    target = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(target.hostname, target.port)
    sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = {"Cookie": sent, "Accept": "text/html"}
    connection.request("GET", target.path + path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    headers = answer.headers.get_all("Set-Cookie", [])
    pairs = [header.split(";")[0].partition("=") for header in headers]
    return {name: value for name, _, value in pairs if value}, answer.headers.get("Location", "")
