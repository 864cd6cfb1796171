//! Ways out of a document: scripts and markup that reach a server.

/// A way out. In its HTML `TCP` and `UDP` stand for ports that are listened to, `ORIGIN` for
/// the address of the page it is on.
#[derive(Clone, Copy, Debug)]
pub struct WayOut {
    /// The name.
    pub name: &'static str,
    /// The HTML that takes it.
    pub html: &'static str,
}

/// All ways that work in this browser on an unprotected page.
pub const WAYS_OUT: &[WayOut] = &[
    way("WebRTC over UDP", "<script>CALL('stun:127.0.0.1:UDP')</script>"),
    way("WebRTC over TCP", "<script>CALL('turn:127.0.0.1:TCP?transport=tcp')</script>"),
    way(
        "WebRTC in a frame of its own",
        "<script>FRAME.srcdoc = '<script>' + call + ';call(\"stun:127.0.0.1:UDP\")<\\/script>';
         document.body.append(frame)</script>",
    ),
    way(
        "WebRTC in a frame that markup makes",
        "<script>document.write('<iframe srcdoc=\"<script>' + call.toString().replace(/\"/g, \"'\") +
         ';call(`stun:127.0.0.1:UDP`)</' + 'script>\"></iframe>')</script>",
    ),
    way(
        "WebRTC in a frame in a shadow",
        "<script>FRAME.srcdoc = '<script>' + call + ';call(\"stun:127.0.0.1:UDP\")<\\/script>';
         const host = document.createElement('div');
         document.body.append(host);
         host.attachShadow({ mode: 'closed' }).append(frame)</script>",
    ),
    way(
        "WebRTC in a frame in the copy of a shadow",
        "<script>FRAME.srcdoc = '<script>' + call + ';call(\"stun:127.0.0.1:UDP\")<\\/script>';
         const host = document.createElement('div');
         host.attachShadow({ mode: 'open', clonable: true });
         const copy = host.cloneNode(true);
         document.body.append(copy);
         (copy.shadowRoot ?? host.shadowRoot).append(frame);
         document.body.append(host)</script>",
    ),
    way(
        "WebRTC in a frame in a shadow that cannot be watched",
        "<script>FRAME.srcdoc = '<script>' + call + ';call(\"stun:127.0.0.1:UDP\")<\\/script>';
         Object.prototype.characterData = false;
         Object.prototype.characterDataOldValue = true;
         const host = document.createElement('div');
         document.body.append(host);
         try { host.attachShadow({ mode: 'open' }) } catch {}
         host.shadowRoot.append(frame)</script>",
    ),
    way(
        "WebRTC in a frame of an address that is a script",
        "<script>FRAME.src = 'javascript:' + call + ';call(\"stun:127.0.0.1:UDP\")';
         document.body.append(frame)</script>",
    ),
    way("preconnect in markup", "<link rel=preconnect href='http://127.0.0.1:TCP'>"),
    way(
        "preconnect by a script",
        "<script>const link = document.createElement('link');
         link.rel = 'preconnect';
         link.href = 'http://127.0.0.1:TCP';
         document.head.append(link)</script>",
    ),
    way(
        "preconnect by markup of a script",
        "<div id=here></div><script>here.innerHTML =
         '<link rel=preconnect href=\"http://127.0.0.1:TCP\">'</script>",
    ),
    way("location", "<script>location = 'http://127.0.0.1:TCP/'</script>"),
    way("location.replace", "<script>location.replace('http://127.0.0.1:TCP/')</script>"),
    way("another server", "<script>location = 'ORIGIN/user/mallory/x'</script>"),
    way("another server in a frame", "<iframe src='ORIGIN/user/mallory/x'></iframe>"),
    way("a picture of another server", "<img src='ORIGIN/user/mallory/x'>"),
    way("a refresh", "<meta http-equiv=refresh content='0;url=http://127.0.0.1:TCP/'>"),
    way(
        "a link",
        "<a id=link href='http://127.0.0.1:TCP/'>a</a><script>link.click()</script>",
    ),
    way(
        "a form",
        "<form id=form action='http://127.0.0.1:TCP/'></form><script>form.submit()</script>",
    ),
    way("a frame", "<iframe src='http://127.0.0.1:TCP/'></iframe>"),
    way("an object", "<object data='http://127.0.0.1:TCP/'></object>"),
    way("an embedded", "<embed src='http://127.0.0.1:TCP/'>"),
    way("a picture", "<img src='http://127.0.0.1:TCP/'>"),
    way("a picture in a drawing", "<svg><image href='http://127.0.0.1:TCP/'/></svg>"),
    way("a script", "<script src='http://127.0.0.1:TCP/'></script>"),
    way("a module", "<script type=module>import 'http://127.0.0.1:TCP/'</script>"),
    way("a style sheet", "<link rel=stylesheet href='http://127.0.0.1:TCP/'>"),
    way("an import", "<style>@import 'http://127.0.0.1:TCP/';</style>"),
    way("a background", "<p style='background:url(http://127.0.0.1:TCP/)'>a</p>"),
    way("a preload", "<link rel=modulepreload href='http://127.0.0.1:TCP/'>"),
    way("a prefetch", "<link rel=prefetch href='http://127.0.0.1:TCP/'>"),
    way("fetch", "<script>fetch('http://127.0.0.1:TCP/')</script>"),
    way(
        "XMLHttpRequest",
        "<script>const asks = new XMLHttpRequest();
         asks.open('GET', 'http://127.0.0.1:TCP/');
         asks.send()</script>",
    ),
    way("WebSocket", "<script>new WebSocket('ws://127.0.0.1:TCP/')</script>"),
    way("EventSource", "<script>new EventSource('http://127.0.0.1:TCP/')</script>"),
    way("a beacon", "<script>navigator.sendBeacon('http://127.0.0.1:TCP/', 'a')</script>"),
    way(
        "a worker",
        "<script>new Worker(URL.createObjectURL(
         new Blob([`importScripts('http://127.0.0.1:TCP/')`])))</script>",
    ),
    way("a video", "<video src='http://127.0.0.1:TCP/' preload=auto></video>"),
];

const fn way(name: &'static str, html: &'static str) -> WayOut {
    WayOut { name, html }
}

/// A script that makes WebRTC contact a server for its address.
const CALL: &str = "function call(address) {
    const peer = new RTCPeerConnection({
        iceServers: [{ urls: address, username: 'a', credential: 'b' }] });
    peer.createDataChannel('x');
    peer.createOffer().then((offer) => peer.setLocalDescription(offer));
}";

impl WayOut {
    /// The HTML with these ports, on a page of this origin. It posts the message `said`, whether
    /// the way works or not.
    pub fn html(&self, [tcp, udp]: [u16; 2], origin: &str, said: &str) -> String {
        let html = self
            .html
            .replace("CALL(", "call(")
            .replace(
                "FRAME.",
                "const frame = document.createElement('iframe'); frame.",
            )
            .replace("TCP", &tcp.to_string())
            .replace("UDP", &udp.to_string())
            .replace("ORIGIN", origin);
        // The message comes first, because the HTML may lead away from the page.
        format!(
            "<script>{CALL}; top.postMessage({{ said: '{said}' }}, '*')</script>\n<p>a</p>\n{html}"
        )
    }
}
