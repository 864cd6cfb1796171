"""A Hub that is configured by changes alone: append, extend, prepend, insert, update."""

c = get_config()  # noqa: F821

c.JupyterHub.services.append({"name": "first", "api_token": "the-token-of-the-first"})
c.JupyterHub.services.prepend([{"name": "zeroth", "api_token": "the-token-of-the-zeroth"}])
c.JupyterHub.load_roles.extend([{"name": "first", "scopes": ["list:users"], "services": ["first"]}])
c.JupyterHub.load_roles.append({"name": "user", "description": "Everyone"})
c.JupyterHub.load_groups.update({"first": {"users": ["fay"]}})
c.JupyterHub.custom_scopes.update({"custom:first:read": {"description": "Read"}})
c.Spawner.environment.update({"COURSE": "rust"})
c.LocalProcessSpawner.environment.update({"EDITOR": "vi"})
c.Spawner.args.extend(["--debug"])
c.Authenticator.admin_users.add("ada")
