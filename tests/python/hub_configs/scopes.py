"""A Hub that shares servers: custom scopes, groups as lists, an admin role, rights for all."""

c = get_config()  # noqa: F821

c.JupyterHub.custom_scopes = {
    "custom:wiki:read": {"description": "Read the wiki"},
    "custom:wiki:write": {"description": "Write it", "subscopes": ["custom:wiki:read"]},
}
c.JupyterHub.services = [
    {
        "name": "wiki",
        "url": "http://127.0.0.1:10202",
        "command": ["wiki", "--port=10202"],
        "environment": {"WIKI": "1"},
        "oauth_client_allowed_scopes": ["custom:wiki:read", "custom:wiki:write"],
    }
]
c.JupyterHub.load_groups = {"team": ["tom", "tina"], "room": {"users": []}}
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services", "shares!user"]},
    {"name": "admin", "users": ["ada"]},
    {"name": "team", "scopes": ["access:servers!user=room"], "groups": ["team"]},
]
c.Authenticator.allowed_users = {"tom", "tina"}
