"""Who is let in, as `.streamlit/secrets.toml` says, and who of them is the teacher.

[class]
student = "a code of eight characters or more"
teacher = "another"
teachers = ["ada@school.example"]    # who signs in with one of these addresses is one, too

[auth]                               # as `st.login` has it
redirect_uri = "https://school.example/oauth2callback"
…
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

import streamlit as st
from streamlit.auth_util import encode_provider_token, get_cookie_with_chunks
from streamlit.errors import StreamlitAuthError
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from live.door.classroom import ROLE, ROLES, Entrance
from vae_core.errors import ConfigError


def is_teacher() -> bool:
    """Whether this session's visitor has come in as the teacher."""
    return st.context.headers.get(ROLE) == "teacher"


@cache
def entrance() -> Entrance | None:
    """Who is let in; None for everybody. ConfigError where the file says what cannot be."""
    said: Mapping[str, Any] = {}
    if secrets_singleton.load_if_toml_exists():
        said = secrets_singleton.to_dict()
    of_class, auth = dict(said.get("class", {})), said.get("auth")
    teachers = of_class.pop("teachers", [])
    if not isinstance(teachers, list):
        raise ConfigError("secrets.toml: [class] teachers is a list of e-mail addresses.")
    if auth is None:
        return Entrance(of_class) if of_class else None
    try:
        encode_provider_token("default")
    except StreamlitAuthError as error:
        raise ConfigError(f"secrets.toml: [auth] cannot be used: {error}") from error

    def role_of(cookies: Mapping[str, str]) -> str:
        user = _user(cookies, auth["redirect_uri"])
        if not user.get("is_logged_in"):
            return ""
        return (
            ROLES[0]
            if user.get("email_verified", True) and user.get("email") in teachers
            else (ROLES[1])
        )

    def login() -> str:
        path = urlsplit(auth["redirect_uri"]).path.removesuffix("/oauth2callback")
        return f"{path}/auth/login?provider={quote(encode_provider_token('default'))}"

    return Entrance(of_class, role_of, login)


def _user(cookies: Mapping[str, str], redirect_uri: str) -> dict[str, Any]:
    """What Streamlit's signed cookie says of who has signed in at this site; empty for nobody."""

    def one(name: str) -> bytes | None:
        value = cookies.get(name)
        if value is None:
            return None
        return decode_signed_value(get_cookie_secret(), name, value.encode("latin-1"))

    try:
        user = json.loads(get_cookie_with_chunks(one, USER_COOKIE_NAME) or b"{}")
    except ValueError:
        return {}
    site = urlsplit(redirect_uri)
    return user if user.get("origin") == f"{site.scheme}://{site.netloc}" else {}
