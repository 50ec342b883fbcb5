"""The socket of a room, as browsers reach it, and as others do who should not."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from live.door.tries import WrongTries
from live.rooms import Place, hub, room_route, socket, where
from live.rooms.hub import LENGTH, MAX_ROOMS_EACH
from live.rooms.messages import MAX_TEXT
from live.rooms.room import Close, Room
from live.visitors import COOKIE, signer, visitor_of
from vae_core.errors import ConfigError

HERE = Place("127.0.0.1", 1)  # nobody listens there


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=[room_route])) as client:
        yield client


@pytest.fixture
def room() -> Iterator[Room]:
    room = hub.open("ada", "10.0.0.1", HERE)
    yield room
    hub.end(room.code)


@pytest.fixture(autouse=True)
def few_wrong(monkeypatch: pytest.MonkeyPatch) -> WrongTries:
    tries = WrongTries(5, 600.0)
    monkeypatch.setattr(socket, "wrong", tries)
    return tries


def connect(client: TestClient, code: str, **headers: str) -> WebSocketTestSession:
    return client.websocket_connect(f"/live/room?code={code}", headers=headers)


def say(session: WebSocketTestSession, **said: Any) -> None:
    session.send_text(json.dumps(said))


def hear(session: WebSocketTestSession) -> dict[str, Any]:
    return dict(json.loads(session.receive_text()))


def closed(session: WebSocketTestSession) -> int:
    with pytest.raises(WebSocketDisconnect) as end:
        while True:
            session.receive_text()
    return int(end.value.code)


def leave(session: WebSocketTestSession) -> None:
    """Have the server close it: a test client that leaves by itself cancels what goes on there."""
    session.send_bytes(b"")
    assert closed(session) == Close.UNFIT


def test_what_the_leader_says_reaches_who_follows(client: TestClient, room: Room) -> None:
    with connect(client, room.code) as leader, connect(client, room.code.lower()) as follower:
        say(leader, lead=room.secret)
        assert hear(leader) == {"followers": [0, 0]}
        say(follower, follow=True)
        assert hear(leader) == {"followers": [1, 0]}
        for said in (
            {"view": "/manifold?model=digits-2d&z=0.5,-0.25&lesson=elbo"},
            {"point": {"plane": "plane", "z": [0.5, -0.25], "there": True}},
            {"point": {"plane": "encoded-run:a%20b@3-two dimensions", "z": None, "there": False}},
            {"selected": {"plane": "encoded-digits-2d-PCA", "points": [0, 3, 359]}},
            {"selected": {"plane": "encoded-digits-2d-PCA", "points": "CQ+/w=="}},
            {"film": {"name": "run-7f3a", "frame": 3}},
        ):
            say(leader, **said)
            assert hear(follower) == said
        say(follower, answer={"lesson": "elbo", "step": 2, "choice": "AC"})
        counts = {"lesson": "elbo", "step": 2, "counts": {"AC": 1}}
        assert hear(leader) == {"answers": counts}
        for follows, counts in ((False, [0, 1]), (True, [1, 0])):
            say(follower, follow=follows)
            assert hear(leader) == {"followers": counts}
        say(leader, end=True)
        assert closed(follower) == closed(leader) == Close.NO_ROOM
    with connect(client, room.code) as late:
        assert closed(late) == Close.NO_ROOM
    assert where(room.code) is None


@pytest.mark.parametrize(
    "said",
    [
        {"view": "https://elsewhere.example/"},
        {"view": "//elsewhere.example/"},
        {"view": "/\\elsewhere.example"},
        {"view": "/../admin"},
        {"view": "javascript:alert(1)"},
        {"view": "/decode#x"},
        {"view": '/decode?x="<script>'},
        {"view": "/decode?x=\n"},
        {"view": "/decode?" + "x" * 31_000},
        {"view": None},
        {"point": {"plane": "plane", "z": [float("nan")], "there": True}},
        {"point": {"plane": "plane", "z": [True], "there": True}},
        {"point": {"plane": "<b>", "z": [0], "there": True}},
        {"point": {"plane": "plane", "z": [0], "there": True, "more": 1}},
        {"point": [1, 2]},
        {"selected": {"plane": "plane", "points": [-1]}},
        {"selected": {"plane": "plane", "points": [True]}},
        {"selected": {"plane": "plane", "points": "<b>"}},
        {"selected": {"plane": "<b>", "points": []}},
        {"film": {"name": "x", "frame": -1}},
        {"film": {"name": "", "frame": None}},
        {"answer": {"lesson": "elbo", "step": 1, "choice": "a"}},
        {"lead": "again"},
        {"view": "/", "film": None},
        {"end": 1},
        {},
        [],
        "view",
        "[" * 5000,
    ],
)
def test_a_leader_says_nothing_else(client: TestClient, room: Room, said: Any) -> None:
    with connect(client, room.code) as leader:
        say(leader, lead=room.secret)
        leader.send_text(json.dumps(said))
        assert closed(leader) == Close.UNFIT
    assert not room.said


@pytest.mark.parametrize(
    "said",
    [
        {"view": "/decode"},
        {"point": None},
        {"end": True},
        {"answer": {"lesson": "<b>", "step": 1, "choice": "A"}},
        {"answer": {"lesson": "elbo", "step": 1.5, "choice": "A"}},
        {"answer": {"lesson": "elbo", "step": 1, "choice": "A" * 500}},
        {"answer": {"lesson": "elbo", "step": 1, "choice": "A\x00"}},
        {"answer": {"lesson": "elbo", "step": 1, "choice": "no insult on the projector"}},
        {"answer": {"lesson": "elbo", "step": 1, "choice": "1e5000"}},
        {"answer": {"lesson": "elbo", "step": 1, "choice": 1}},
        {"answer": "a"},
    ],
)
def test_a_follower_only_answers(client: TestClient, room: Room, said: dict[str, Any]) -> None:
    with connect(client, room.code) as follower:
        say(follower, follow=True)
        say(follower, **said)
        assert closed(follower) == Close.UNFIT
    assert not room.said
    assert not room.answers


@pytest.mark.parametrize(
    "first",
    ['{"lead": "K7QX"}', '{"lead": null}', '{"lead": "\\ud800"}', "{}", "x", "9" * 5000],
)
def test_nobody_leads_without_the_secret(client: TestClient, room: Room, first: str) -> None:
    with connect(client, room.code) as session:
        session.send_text(first)
        assert closed(session) in (Close.NOT_YOURS, Close.UNFIT)
    assert room.leader is None


def test_bytes_and_what_is_too_long_are_refused(client: TestClient, room: Room) -> None:
    for send in (
        lambda session: session.send_bytes(b"{}"),
        lambda session: session.send_text(json.dumps({"view": "/" + "x" * MAX_TEXT})),
    ):
        with connect(client, room.code) as leader:
            say(leader, lead=room.secret)
            send(leader)
            assert closed(leader) == Close.UNFIT


def test_a_reason_fits_the_frame_that_closes_a_socket(client: TestClient, room: Room) -> None:
    with connect(client, room.code) as session, pytest.raises(WebSocketDisconnect) as end:
        say(session, **{"😀" * 60: 1})
        session.receive_text()
    assert end.value.code == Close.UNFIT
    assert 20 < len(end.value.reason.encode()) <= 123  # RFC 6455, 5.5


def test_who_says_too_much_is_sent_away(client: TestClient, room: Room) -> None:
    with connect(client, room.code) as follower:
        say(follower, follow=True)
        for k in range(100):
            say(follower, answer={"lesson": "elbo", "step": 1, "choice": str(k)})
        assert closed(follower) == Close.TOO_MANY


def test_another_site_s_page_may_not_take_part(client: TestClient, room: Room) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused:
        connect(client, room.code, origin="https://elsewhere.example").__enter__()
    assert refused.value.status_code == 403


def test_codes_cannot_be_tried_without_end(client: TestClient, room: Room) -> None:
    for code in ("", "K7Q", "../key", "BBBB", "%00"):
        with connect(client, code) as session:
            assert closed(session) == Close.NO_ROOM
    with connect(client, room.code) as session:
        assert closed(session) == Close.TOO_MANY


def test_an_old_link_that_a_class_opens_shuts_nobody_out(client: TestClient, room: Room) -> None:
    for _ in range(30):
        with connect(client, "BBBB") as session:
            assert closed(session) == Close.NO_ROOM
    with connect(client, room.code) as session:
        say(session, follow=True)
        leave(session)  # it was let in


def test_what_a_leader_pours_out_is_sent_no_faster_than_the_server_bears(
    client: TestClient, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "MOST_SENT", 4)
    with connect(client, room.code) as leader, connect(client, room.code) as follower:
        say(leader, lead=room.secret)
        say(follower, follow=True)
        begun = time.monotonic()
        for seed in range(200):
            say(leader, view=f"/decode?seed={seed}")
        got = [hear(follower)]
        while got[-1] != {"view": "/decode?seed=199"}:
            got.append(hear(follower))
        leave(leader)
        leave(follower)
    seconds = time.monotonic() - begun
    assert len(got) <= 2 + 2 * seconds  # four in a second, to two who take part


def test_a_long_text_is_followed_by_a_long_pause() -> None:
    short, long = "{}", "x" * MAX_TEXT
    assert socket.pause_after([short], 500) == pytest.approx(0.05, rel=0.01)
    # Some MB a second, whatever is poured out, to all 500 together.
    assert 500 * len(long) / socket.pause_after([long], 500) < 25e6


def test_one_address_leaves_others_a_place(
    client: TestClient, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 2 * socket.MAX_SOCKETS_EACH <= socket.MAX_SOCKETS
    monkeypatch.setattr(socket, "MAX_SOCKETS_EACH", 1)
    with connect(client, room.code) as leader, connect(client, room.code) as second:
        say(leader, lead=room.secret)
        hear(leader)
        assert closed(second) == Close.TOO_MANY
        leave(leader)


def test_a_full_disk_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "/secret/place")

    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(ConfigError) as refused:
        hub.open("ada", "10.0.0.1", HERE)
    assert "/secret" not in str(refused.value)
    assert not list((tmp_path / ".servers" / "rooms").iterdir())


def browser(name: str) -> dict[str, str]:
    """The cookie of a browser, as the server gives it."""
    return {"cookie": f"{COOKIE}={signer().sign(name).decode()}"}


def comes_in(client: TestClient, room: Room, said: dict[str, Any], cookie: dict[str, str]) -> int:
    """How the socket ends of one who, once in, says what is nothing: UNFIT."""
    with connect(client, room.code, **cookie) as session:
        say(session, **said)
        say(session, nothing=1)
        return closed(session)


def test_who_guesses_codes_keeps_out_nobody_who_has_been_in(
    client: TestClient, room: Room, few_wrong: WrongTries
) -> None:
    ann, bob, eve = map(browser, ("ann", "bob", "eve"))  # of one school, hence one address
    room.owner = visitor_of({COOKIE: signer().sign("ann").decode()})
    assert comes_in(client, room, {"follow": True}, bob) == Close.UNFIT
    for letter in "BCDFGHJ"[:5]:
        with connect(client, LENGTH * letter) as guess:
            assert closed(guess) == Close.NO_ROOM
    assert comes_in(client, room, {"lead": room.secret}, ann) == Close.UNFIT
    assert comes_in(client, room, {"follow": True}, bob) == Close.UNFIT
    assert comes_in(client, room, {"follow": True}, eve) == Close.UNFIT  # has guessed nothing
    assert comes_in(client, room, {"follow": True}, {}) == Close.TOO_MANY


def test_a_browser_that_guesses_is_stopped_before_its_school_is(
    client: TestClient, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "wrong", WrongTries(2, 600.0))
    for code, end in zip("BCD", (Close.NO_ROOM, Close.NO_ROOM, Close.TOO_MANY), strict=True):
        with connect(client, LENGTH * code, **browser("eve")) as guess:
            assert closed(guess) == end
    assert comes_in(client, room, {"follow": True}, browser("bob")) == Close.UNFIT


def test_a_room_of_a_server_that_is_gone_has_ended(client: TestClient, room: Room) -> None:
    del hub._rooms[room.code]
    assert where(room.code) == HERE
    with connect(client, room.code) as follower:
        assert closed(follower) == Close.NO_ROOM


def test_a_room_that_is_over_stands_no_more(client: TestClient, room: Room) -> None:
    assert hub.stands(room.code, HERE)
    room.opened = -1e9
    assert not hub.stands(room.code, HERE)
    with connect(client, room.code) as late:
        assert closed(late) == Close.NO_ROOM


def test_a_room_ends_whose_event_loop_has_ended_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room, loop = hub.open("ada", "10.0.0.1", HERE), asyncio.new_event_loop()
    room.tell("view", "/decode")
    loop.close()
    monkeypatch.setattr(loop, "is_closed", lambda: False)  # as it was a moment ago
    monkeypatch.setattr(hub, "_loop", loop)
    hub.end(room.code)
    assert not room.said


def test_a_visitor_has_one_room_and_an_address_a_few() -> None:
    rooms = [hub.open("ada", "10.0.0.2", HERE) for _ in range(3)]
    assert [where(room.code) for room in rooms] == [None, None, HERE]
    others = [hub.open(str(k), "10.0.0.2", HERE) for k in range(MAX_ROOMS_EACH - 1)]
    with pytest.raises(ConfigError):
        hub.open("late", "10.0.0.2", HERE)
    for room in (*rooms, *others):
        hub.end(room.code)


def test_what_is_no_code_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    room = hub.open("ada", "10.0.0.1", HERE)
    file = tmp_path / ".servers" / "rooms" / room.code
    for torn in ("", "[1]", '{"host": "a"}', '{"host": "a", "port": 1, "more": 2}'):
        file.write_text(torn)
        assert where(room.code) is None
    assert where("../key") is None
    hub.end(room.code)
