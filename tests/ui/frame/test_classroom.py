"""What secrets.toml says of a class, and whose everything is."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.context import StreamlitHeaders
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from live.door.classroom import ROLE
from ui.frame import classroom
from ui.frame.classroom import entrance
from ui.frame.owners import belongs
from vae_core.errors import ConfigError
from vae_core.runs.run import Run

AUTH = """
[auth]
redirect_uri = "https://school.example/zscape/oauth2callback"
cookie_secret = "a secret of the school"
client_id = "zscape"
client_secret = "another"
server_metadata_url = "https://login.school.example/.well-known/openid-configuration"
"""


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`secrets(text)`: what the file says."""

    option = deepcopy(config.get_config_options()["secrets.files"])
    option.set_value([str(tmp_path / "secrets.toml")], "test")

    def say(text: str) -> None:
        (tmp_path / "secrets.toml").write_text(text)
        monkeypatch.setattr(secrets_singleton, "_secrets", None)
        files = {**config.get_config_options(), "secrets.files": option}
        monkeypatch.setattr(config, "_config_options", files)
        entrance.cache_clear()

    yield say
    entrance.cache_clear()
    monkeypatch.setattr(secrets_singleton, "_secrets", None)


def test_without_a_word_everybody_may_come_in(secrets) -> None:
    secrets("[other]\na = 1\n")
    assert entrance() is None


def test_codes_are_those_of_the_file(secrets) -> None:
    secrets('[class]\nstudent = "blue-whale-42"\n')
    found = entrance()
    assert found is not None and found.codes == {"student": "blue-whale-42"}
    assert found.login() == "" and found.role_of({}) == ""
    secrets('[class]\nstudent = "short"\n')
    with pytest.raises(ConfigError, match="8 characters"):
        entrance()


def test_who_has_signed_in_at_school_has_a_role(secrets) -> None:
    pytest.importorskip("joserfc", reason="pip install streamlit[auth]")
    secrets('[class]\nteachers = ["ada@school.example"]\n' + AUTH)
    found = entrance()
    assert found is not None
    assert found.login().startswith("/zscape/auth/login?provider=")
    user = {"origin": "https://school.example", "is_logged_in": True, "email": "ada@school.example"}
    for changes, role in (
        ({}, "teacher"),
        ({"email": "bob@school.example"}, "student"),
        ({"email_verified": False}, "student"),
        ({"origin": "https://elsewhere.example"}, ""),
        ({"is_logged_in": False}, ""),
    ):
        name, value = "_streamlit_user", json.dumps(user | changes)
        cookie = create_signed_value(get_cookie_secret(), name, value).decode()
        assert found.role_of({name: cookie}) == role
        assert found.role_of({name: f"{cookie}x"}) == ""


@pytest.mark.parametrize(
    ("role", "all_of_it"), [("teacher", True), ("student", False), ("", False)]
)
def test_to_a_teacher_all_runs_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, all_of_it: bool
) -> None:
    headers = StreamlitHeaders([(ROLE, role)])
    monkeypatch.setattr(type(st.context), "headers", property(lambda context: headers))
    assert classroom.is_teacher() == all_of_it
    (tmp_path / "owner").write_text("bob")
    assert belongs(Run(tmp_path), "ann") == all_of_it
