"""Passwords of NativeAuthenticator, set in the Hub's own process for the steward.

NativeAuthenticator has no API: its pages set passwords, for whoever is signed in there. These
handlers do by its own methods what they do, so that nothing here knows how it keeps passwords, and
the Hub's database has one writer. They take what the pages of NativeAuthenticator take, the scope
`admin:users`, which the steward's role has.
"""

# What bcrypt takes; it would pass over the rest of a longer one, or fail.
MAX_PASSWORD_BYTES = 72


def handlers():
    """The handlers, for `c.JupyterHub.extra_handlers`: below the Hub's API.

    They are made here, since this package is imported where there is no Hub, too.
    """
    from jupyterhub.apihandlers.base import APIHandler
    from jupyterhub.scopes import needs_scope
    from nativeauthenticator.orm import UserInfo
    from tornado.web import HTTPError

    class NativeUsersHandler(APIHandler):
        """Whom NativeAuthenticator lets in."""

        @needs_scope("admin:users")
        def get(self):
            users = UserInfo.all_users(self.db)
            self.write({"users": sorted(user.username for user in users if user.is_authorized)})

    class NativePasswordHandler(APIHandler):
        """The password of a user of the Hub."""

        @needs_scope("admin:users")
        def put(self, user_name):
            password = (self.get_json_body() or {}).get("password")
            if not isinstance(password, str) or not password:
                raise HTTPError(400, "the password is missing")
            if self.find_user(user_name) is None:
                raise HTTPError(409, "the Hub has no user of this name")
            if len(password.encode()) > MAX_PASSWORD_BYTES:
                raise HTTPError(400, f"a password has {MAX_PASSWORD_BYTES} bytes at most")
            authenticator = self.authenticator
            if not authenticator.is_password_strong(password):
                least = authenticator.minimum_password_length
                raise HTTPError(
                    400, f"NativeAuthenticator takes no password that is common or below {least}"
                )
            user = authenticator.get_user(user_name)
            if user is not None and not user.is_authorized:
                # Whoever has asked for the name by the page to sign up is somebody else, with an
                # address and a second factor of their own.
                self.db.delete(user)
                self.db.commit()
                user = None
            if user is None:
                _create(authenticator, user_name, password)
            else:
                authenticator.change_password(user_name, password)
            if authenticator.get_user(user_name) is None:
                raise HTTPError(400, "NativeAuthenticator takes no such name")
            # Who has tried the old one too often need not wait.
            authenticator.successful_login(user_name)
            self.set_status(204)

        @needs_scope("admin:users")
        def delete(self, user_name):
            user = self.authenticator.get_user(user_name)
            if user is not None:
                self.db.delete(user)
                self.db.commit()
            self.set_status(204)

    return [
        (r"/api/pipalhub/native", NativeUsersHandler),
        (r"/api/pipalhub/native/([^/]+)", NativePasswordHandler),
    ]


def _create(authenticator, user_name, password):
    """Makes somebody known as if the page to sign up were open for this one, who is let in.

    Nothing else runs meanwhile, since it waits for nothing.
    """
    before = {name: getattr(authenticator, name) for name in ("enable_signup", "open_signup")}
    try:
        for name in before:
            setattr(authenticator, name, True)
        authenticator.create_user(user_name, password)
    finally:
        for name, value in before.items():
            setattr(authenticator, name, value)
