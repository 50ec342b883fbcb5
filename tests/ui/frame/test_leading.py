"""Who may open a room, who follows one, and what a session that is led begins with."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from live.rooms import Place, hub, where
from ui.components.address import _InView
from ui.frame import leading
from ui.frame.leading import begin_where_led, followed, tell_chosen


@pytest.fixture
def presses(session: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Ann leads a class; her sessions know what is kept of hers."""
    kept: dict[str, Any] = {}
    monkeypatch.setattr(leading, "keep", lambda name, value: kept.update({name: value}))
    monkeypatch.setattr(leading, "kept", lambda name: kept.get(name, {}))
    monkeypatch.setattr(st, "context", SimpleNamespace(ip_address="10.0.0.1", headers={}))
    return leading._open


def test_a_reload_leads_the_same_room(
    session: dict[str, Any], presses: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    presses()
    led = leading._led()
    assert where(led["code"]) == leading._here()
    monkeypatch.setattr(st, "session_state", {"visitor": "ann", "linked": {}})
    again = leading._led()
    assert (again["code"], again["secret"]) == (led["code"], led["secret"])
    assert "opened" not in again  # which of the visitor's tabs leads, the tab knows
    presses()
    assert leading._led()["code"] == led["code"]
    hub.end(led["code"])
    monkeypatch.setattr(st, "session_state", {"visitor": "ann", "linked": {}})
    assert leading._led() == {}  # that has ended


def test_a_room_that_a_restart_has_ended_is_not_shown_again(
    session: dict[str, Any], presses: Callable[[], None]
) -> None:
    presses()
    first = leading._led()["code"]
    del hub._rooms[first]  # its file is left, as by a server that was killed
    presses()
    second = leading._led()["code"]
    assert second != first
    hub.end(second)


def test_a_student_opens_no_room(
    session: dict[str, Any], presses: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leading, "entrance", lambda: object())
    assert not leading._may_lead()
    monkeypatch.setattr(leading, "is_teacher", lambda: True)
    assert leading._may_lead()


@pytest.mark.parametrize(
    ("said", "code"),
    [("k7txbc", "K7TXBC"), ("", ""), ("K7T", ""), ("../key", ""), ("K7TXBC\n", "")],
)
def test_a_link_leads_to_a_room_where_it_names_one(
    session: dict[str, Any], said: str, code: str
) -> None:
    session["linked"] = {"room": said}
    assert followed() == code
    assert bool(session.get("refused")) == (said != "" and code == "")


def test_a_session_that_is_led_begins_with_the_address_alone(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = {"room": "K7TX", "model": "digits-2d", "z": "1,2"}
    monkeypatch.setattr(leading, "returned", lambda: address)
    session |= {
        "room": "K7TX",
        "z": (0.0, 0.0),
        "selections": {"digits-2d": [1]},
        "chosen_runs": [],
        "plane": {"z": {"value": [0, 0], "at": 1}},
        "plane:newest": {},
        "answered": ("elbo", 1, "a"),
    }
    assert begin_where_led("")
    assert session["linked"] == address
    assert session.keys() == {"visitor", "linked", "in_view", "room", "plane", "answered", "begun"}
    assert session["begun"] == (1, "", "")
    assert begin_where_led("decode")
    assert session["begun"] == (2, "decode", "")  # a follower that missed it knows


@pytest.mark.parametrize("own", [{}, {"hide": "sidebar"}])
def test_a_bare_link_begins_at_what_the_leader_shows(
    session: dict[str, Any],
    presses: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    own: dict[str, str],
) -> None:
    presses()
    code = leading._led()["code"]
    hub._rooms[code].tell("view", "/decode?model=digits-2d&z=1,2&hide=pages")
    went: list[Any] = []
    monkeypatch.setattr(st, "switch_page", lambda file, query_params: went.append(query_params))
    files = {"": "overview.py", "decode": "decode.py"}
    for linked, there in (
        (own, True),
        ({"model": "frey-2d"}, False),  # a reload on Overview, looking around
    ):
        went.clear()
        link = {"room": code, **linked}
        state = {"visitor": "ben", "linked": dict(link)}
        monkeypatch.setattr(st, "session_state", state)
        leading.begin_at_leader("", files)
        assert went == [{"model": "digits-2d", "z": "1,2", **link}] * there
        assert state["linked"] == (went[0] if there else link)
        leading.begin_at_leader("", files)  # as whoever turns to Overview later
        assert len(went) == there
    hub.end(code)


def test_a_room_opened_in_another_tab_is_known_at_the_next_run(
    session: dict[str, Any], presses: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leading._led() == {}
    presses()
    code = leading._led()["code"]
    monkeypatch.setattr(st, "session_state", {**session, "led": {}})
    assert leading._led()["code"] == code
    hub.end(code)


def test_who_follows_no_room_goes_back_as_ever(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leading, "returned", lambda: {"room": "K7TX", "z": "1,2"})
    session |= {"room": "", "z": (0.0, 0.0)}
    assert not begin_where_led("")
    session["room"] = "VTDH"  # another than the address says
    assert not begin_where_led("")
    assert session["z"] == (0.0, 0.0)


def test_in_a_lesson_the_address_leads_where_it_says_another_view(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {"model": "digits-2d", "side": "9", "lesson": "tour", "step": "2"}
    session |= {"room": "", "model": "digits-2d", "z": (0.0, 0.0)}
    session["in_view"] = _InView(page="manifold", said={"side": "9"})
    monkeypatch.setattr(leading, "returned", lambda: shown)
    assert not begin_where_led("manifold")  # a step back alone
    assert session["z"] == (0.0, 0.0)
    for page, address in (
        ("", shown),
        ("manifold", shown | {"model": "mnist-2d"}),
        ("manifold", shown | {"side": "5"}),
    ):
        session |= {"room": "", "model": "digits-2d", "z": (0.0, 0.0)}
        session["in_view"] = _InView(page="manifold", said={"side": "9"})
        monkeypatch.setattr(leading, "returned", lambda address=address: address)
        assert begin_where_led(page)
        assert "z" not in session
        assert session["linked"] == address


def test_what_a_follower_chose_is_told(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(leading, "tell_answer", lambda *answer: told.append(answer))
    session |= {"room": "K7TX"}
    tell_chosen()
    session["answered"] = ("elbo", 3, "the gap")
    tell_chosen()
    session["room"] = ""
    tell_chosen()
    assert told == [("elbo", 3, "the gap")]


def test_other_servers_ask_where_this_one_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"server.address": "0.0.0.0", "server.port": 8502, "server.sslCertFile": None}
    monkeypatch.setattr(st, "get_option", options.get)
    assert leading._here() == Place("127.0.0.1", 8502)
    options |= {"server.address": "10.0.0.2", "server.sslCertFile": "cert.pem"}
    assert leading._here() == Place("10.0.0.2", 8502, tls=True)


@pytest.mark.parametrize(
    ("url", "page", "site"),
    [
        ("https://school.example/", "", "https://school.example"),
        ("https://school.example/decode", "decode", "https://school.example"),
        ("https://school.example/zscape/decode/", "decode", "https://school.example/zscape"),
        ("https://school.example/zscape", "decode", "https://school.example/zscape"),
    ],
)
def test_the_link_leads_to_the_app_and_not_to_the_page(
    monkeypatch: pytest.MonkeyPatch, url: str, page: str, site: str
) -> None:
    monkeypatch.setattr(st, "context", SimpleNamespace(url=url))
    assert leading._site(page) == site
