"""Where the service listens, and where participants' servers reach it."""

import errno
import http.client
import json
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from .obstacle import Obstacle

DEFAULT_PORT = 10101
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# What a Hub takes for all addresses of its machine.
WILDCARDS = {"", "*", "0.0.0.0", "::"}


class Address(NamedTuple):
    """Host and port, without brackets around IPv6."""

    host: str
    port: int

    def __str__(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self):
        return f"http://{self}"

    @property
    def is_loopback(self):
        return self.host in LOOPBACK or self.host.startswith("127.")

    @property
    def is_wildcard(self):
        return self.host in WILDCARDS

    def may_meet(self, other):
        """Whether the two cannot both be listened on, as far as their texts tell."""
        if self.port != other.port:
            return False
        is_same = self.host == other.host or (self.is_loopback and other.is_loopback)
        return is_same or self.is_wildcard or other.is_wildcard


def service_address(asked, existing):
    """The address that was asked for: a URL, HOST:PORT, a port, or None.

    By default that is where the Hub itself listens, because what reaches the one has to reach
    the other: the servers of a Hub in `hub_ip`'s network are not on its loopback.
    """
    if asked is None or isinstance(asked, int):
        return _checked(Address(_default_host(existing), asked or DEFAULT_PORT), asked)
    text = str(asked)
    try:
        parts = urlsplit(text if "//" in text else f"http://{text}")
        address = Address(parts.hostname or "", parts.port or 0)
    except ValueError as error:
        raise Obstacle(f"address={asked!r} is no address: {error}. {_FORM}") from None
    if parts.scheme != "http" or parts.path not in ("", "/"):
        raise Obstacle(f"address={asked!r} is not plain http and a host. {_FORM}")
    return _checked(address, asked)


_FORM = "Give it as http://127.0.0.1:10101"


def _checked(address, asked):
    if not 0 < address.port < 65536 or not address.host:
        raise Obstacle(f"address={asked!r} has no host, or no port between 1 and 65535. {_FORM}")
    return address


def _default_host(existing):
    host = hub_address(existing).host
    if Address(host, 1).is_loopback:
        return "127.0.0.1"
    if host in WILDCARDS:
        return "::" if host == "::" else "0.0.0.0"
    try:
        # The service binds to numbers.
        return socket.getaddrinfo(host, None)[0][4][0]
    except OSError:
        return host


def hub_address(existing):
    """Where the Hub's API listens."""
    bind = existing.value("JupyterHub", "hub_bind_url", "")
    if bind.startswith("http+unix"):
        return Address("127.0.0.1", 0)
    if bind:
        return of_url(bind, 80)
    host = existing.value("JupyterHub", "hub_ip", "127.0.0.1")
    return Address(host, existing.value("JupyterHub", "hub_port", 8081))


def base_url(existing):
    """The path of the whole Hub, with a slash at both ends."""
    path = existing.value("JupyterHub", "base_url", "")
    path = path or urlsplit(existing.value("JupyterHub", "bind_url", "")).path
    return f"/{path.strip('/')}/".replace("//", "/")


def of_url(url, default_port):
    """The address in a URL."""
    try:
        parts = urlsplit(url)
        return Address(parts.hostname or "", parts.port or default_port)
    except ValueError:
        # The Hub itself will say so.
        return Address("", 0)


def check_no_clash(address, existing, own_name):
    """Raises Obstacle when something else of this Hub's configuration has the address."""
    for what, other in _addresses_of_the_hub(existing, address, own_name):
        if address.may_meet(other):
            raise Obstacle(
                f"{address} is the address of {what}: choose another port, as in "
                f"configure(c, address={Address(address.host, DEFAULT_PORT + 1).url!r})"
            )


def _addresses_of_the_hub(existing, address, own_name):
    yield "the Hub (hub_port)", hub_address(existing)
    public = existing.value("JupyterHub", "bind_url", "")
    port = existing.value("JupyterHub", "port", 8000)
    yield "the public proxy", of_url(public, 80) if public else Address("", port)
    api = existing.value("ConfigurableHTTPProxy", "api_url", "http://127.0.0.1:8001")
    yield "the proxy's API", of_url(api, 80)
    for service in existing.value("JupyterHub", "services", []):
        if service.get("url") and service.get("name") != own_name:
            default = 443 if service["url"].startswith("https") else 80
            other = of_url(service["url"], default)
            # What the Hub does not start may be on another machine.
            is_here = "command" in service or other.is_loopback or other.is_wildcard
            if is_here or other.host == address.host:
                yield f"the service {service.get('name')!r}", other


def check_can_listen(address, prefix):
    """Raises Obstacle when the address cannot be listened on now.

    `prefix` is where a pipalhub that listens there would have its pages.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            # As the service does, which may listen where connections are still closing.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address.host, address.port))
            listener.listen()
            if address.is_wildcard:
                _check_own_name(address)
    except OSError as error:
        is_left = error.errno == errno.EADDRINUSE and _is_pipalhub(address, prefix)
        raise Obstacle(_cannot_listen(address, error, is_left), passes=is_left) from None


def _check_own_name(address):
    """Raises Obstacle when the Hub could not reach what listens on all addresses of its machine.

    It does so by the machine's name, and ends when a service does not answer there.
    """
    name = socket.gethostname()
    try:
        socket.create_connection((name, address.port), timeout=2).close()
    except OSError as error:
        raise Obstacle(
            f"the service would listen on {address}, where the Hub reaches it as {name}, and that "
            f"does not lead here ({error}): give the one address that it is to listen on, as in "
            f"configure(c, address='http://127.0.0.1:{address.port}')"
        ) from None


def _cannot_listen(address, error, is_left):
    if error.errno == errno.EADDRINUSE:
        if is_left:
            return (
                f"another pipalhub listens on {address}, perhaps one that an earlier Hub left: "
                f"end it ({_find(address)} names it) and start the Hub again"
            )
        return (
            f"another program listens on {address} ({_find(address)} names it): end it and start "
            "the Hub again, or choose another port with configure(c, address=...)"
        )
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"this machine has no address {address.host}. {_FORM}"
    return f"{address} cannot be listened on: {error.strerror}. {_FORM}"


def _find(address):
    return f"`ss -ltnp 'sport = :{address.port}'`"


def health(address, prefix):
    """What a pipalhub with its pages below `prefix` says there: "ok" or "trouble", and why.

    None when what listens there is something else. Raises ConnectionRefusedError when nothing is.
    """
    host = "127.0.0.1" if address.is_wildcard else address.host
    connection = http.client.HTTPConnection(host, address.port, timeout=2)
    try:
        connection.request("GET", f"{prefix}healthz")
        said = json.loads(connection.getresponse().read(4096))
    except ConnectionRefusedError:
        raise
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    is_ours = isinstance(said, dict) and said.get("status") in ("ok", "trouble")
    return (said["status"], said.get("message") or "it is in trouble") if is_ours else None


def _is_pipalhub(address, prefix):
    try:
        return health(address, prefix) is not None
    except ConnectionRefusedError:
        return False


def participants_url(told, address, name):
    """The value of PIPALHUB_URL for participants' servers: called for each that starts.

    So what is set after `configure` counts too, the Hub's base_url above all. `told` is an
    address, with or without a path, a function like this one, or None.
    """
    if callable(told):
        return told

    def service_url(spawner):
        path = f"{spawner.hub.base_url[: -len('hub/')]}services/{name}/"
        if told is None:
            return _reached(spawner, address).url + path
        return told if urlsplit(told).path.strip("/") else told.rstrip("/") + path

    return service_url


def _reached(spawner, address):
    """The service's address as a participant's server knows it.

    Past the proxy. Where the service listens where the Hub does, it has the Hub's name.
    """
    if address.is_loopback:
        return address
    api = getattr(spawner, "hub_connect_url", None) or spawner.hub.api_url
    known_as = of_url(api, 80).host
    if known_as and (address.is_wildcard or spawner.hub.ip == address.host):
        return Address(known_as, address.port)
    return Address("127.0.0.1", address.port) if address.is_wildcard else address


def check_participants_url(told):
    """Raises Obstacle when `told` is nothing that a server could reach."""
    if told is None or callable(told):
        return
    try:
        parts = urlsplit(told)
        is_address = parts.scheme in ("http", "https") and parts.hostname
    except (ValueError, AttributeError):
        is_address = False
    if not is_address:
        raise Obstacle(
            f"participants_url={told!r} is no address: give it as http://HOST:PORT, as "
            "participants' servers reach the service"
        )
