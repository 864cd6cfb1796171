"""What an answer of the service means for whoever asked: whether it is worth asking again.

What is refused (a save outside of the home, a field it does not have) is refused the next
time as well. Some answers are about one request and some about the service as a whole; only
the latter may hold up other requests.
"""

# What was asked is done.
DONE = "done"
# This will never be taken; it is not sent again.
REFUSED = "refused"
# This was not taken now; others may be.
NOT_NOW = "not now"
# The service takes nothing at the moment.
AWAY = "away"
# Nobody there takes anything from this server, until somebody changes that.
ABSENT = "absent"

# What to do about an answer, in words for whoever reads the server's log.
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
    """One of the above."""
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
    """What helps against an answer that is no success; an empty text when nothing is known."""
    if meaning_of(status) == ABSENT:
        return ABSENT_REMEDIES.get(status, NO_SERVICE)
    return REMEDIES.get(status, "")
