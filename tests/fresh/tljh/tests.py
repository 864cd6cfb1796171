"""What the test needs of the Hub, as an admin would add it."""

c = get_config()  # noqa: F821

# Answers a request for a slow server with 202 at once, not with 500 after a while.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
c.JupyterHub.services.append({"name": "tests", "api_token": "the-token-of-the-end-to-end-tests"})
c.JupyterHub.load_roles = [
    {
        "name": "tests",
        "services": ["tests"],
        "scopes": [
            "admin:users",
            "admin:servers",
            "admin:groups",
            "tokens",
            "list:services",
            "read:services",
            "read:roles:services",
        ],
    },
]
