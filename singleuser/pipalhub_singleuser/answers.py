"""What an answer of the service means: whether the request is worth sending again.

A refused request (a save outside of the home, an unknown field) would be refused the next
time as well. Some answers are about one request and some about the service as a whole; only
the latter may delay other requests.
"""

# The request succeeded.
DONE = "done"
# The service will never accept this request; it is not sent again.
REFUSED = "refused"
# The service did not accept this request now; it may accept others.
NOT_NOW = "not now"
# The service accepts no request at the moment.
AWAY = "away"
# The address accepts no request from this server, until the configuration or token changes.
ABSENT = "absent"

# The remedy for an answer, for readers of the server's log.
REMEDIES = {
    400: "The package here and the service may be of versions that do not fit: install the "
    "package that came with the service",
    403: "What the class is to see belongs into the participant's home; that all homes are "
    "where the service looks for them is said by --homes",
    409: "What is no longer wanted there can be deleted",
    413: "Shorter names of folders and files help",
}
ABSENT_REMEDIES = {
    401: "The Hub does not know the token of this server any more: stop and start the server "
    "from the Hub's control panel",
}
NO_SERVICE = "Nothing at PIPALHUB_URL takes events: correct it in the Hub's configuration"


def meaning_of(status):
    """One of the meanings above."""
    if 200 <= status < 300:
        return DONE
    if status in (401, 404, 405, 410) or 300 <= status < 400:
        return ABSENT
    if status in (429, 502, 503, 504):
        return AWAY
    if 400 <= status < 500 and status not in (408, 425):
        return REFUSED
    return NOT_NOW


def remedy_of(status):
    """The remedy for an answer that is no success; an empty text when none is known."""
    if meaning_of(status) == ABSENT:
        return ABSENT_REMEDIES.get(status, NO_SERVICE)
    return REMEDIES.get(status, "")
