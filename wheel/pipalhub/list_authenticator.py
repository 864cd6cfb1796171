"""Signs in by PAM whom the steward has made."""

from jupyterhub.auth import LocalAuthenticator, PAMAuthenticator
from jupyterhub.utils import maybe_future


class ListAuthenticator(PAMAuthenticator):
    """PAM, for accounts that may be made after the Hub knows their names.

    PAMAuthenticator refuses a user who has no account, and a Hub whose configuration names one
    does not start then. A node's Hub starts beside the steward: on a new node, and in a new
    container, it is there before the accounts are.
    """

    async def add_user(self, user):
        # What LocalAuthenticator's own does besides looking for the account.
        await maybe_future(super(LocalAuthenticator, self).add_user(user))
