"""Two servers of one folder of runs: a room is found whichever is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from benchmarks.proxies import free_port
from live.door.tries import WrongTries
from live.rooms import Place, hub, room_route, socket, where
from live.rooms.hub import LENGTH
from live.rooms.room import Close
from tests.live.rooms.test_socket import browser, closed, connect, hear, say

ROOT = Path(__file__).parents[3]
SERVER = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.websockets import WebSocket
from live.rooms import Place, hub, room_route
port = int(sys.argv[1])
room = hub.open("ada", "10.0.0.1", Place("127.0.0.1", port))
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(room.code, room.secret, flush=True)
Server(uvicorn.Config(Starlette(routes=[room_route]), port=port, log_level="error")).run()
"""


@pytest.fixture
def elsewhere() -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Another server, the code of a room there and its secret."""
    command = [sys.executable, "-c", SERVER, str(free_port())]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        code, secret = process.stdout.readline().split()
        yield process, code, secret
        process.kill()


def test_a_room_is_where_it_was_opened_and_its_link_leads_there(
    elsewhere: tuple[subprocess.Popen[str], str, str],
) -> None:
    process, code, secret = elsewhere
    assert hub._rooms.get(code) is None
    assert hub.stands(code, Place("127.0.0.1", 1))
    with TestClient(Starlette(routes=[room_route])) as client:
        with connect(client, code) as leader, connect(client, code) as follower:
            say(leader, lead=secret)
            assert hear(leader) == {"followers": [0, 0]}
            say(follower, follow=True)
            assert hear(leader) == {"followers": [1, 0]}
            say(leader, view="/decode?z=1,2&lesson=elbo")
            assert hear(follower) == {"view": "/decode?z=1,2&lesson=elbo"}
            say(follower, answer={"lesson": "elbo", "step": 1, "choice": "A"})
            assert hear(leader)["answers"]["counts"] == {"A": 1}
            point = {"plane": "plane", "z": [1e6] * 6_000, "there": True}
            leader.send_text(json.dumps({"point": point}).replace("1000000.0", "1e6"))
            assert hear(follower) == {"point": point}  # longer than it came
            follower.send_bytes(b"{}")
            assert closed(follower) == Close.UNFIT
            with connect(client, code) as guess:
                say(guess, lead="a guess")
                assert closed(guess) == Close.NOT_YOURS
        with connect(client, code) as follower:
            say(follower, follow=True)
            assert hear(follower) == {"view": "/decode?z=1,2&lesson=elbo"}
            process.kill()
            process.wait()
            # Not the room's end: the server may come back, and the browser asks again.
            assert closed(follower) not in set(Close)
        with connect(client, code) as late:
            assert closed(late) == Close.NO_ROOM
    place = where(code)
    assert place is not None
    assert not hub.stands(code, place)  # as that server would find it, started anew


def test_who_was_in_a_room_of_another_server_comes_back_whatever_is_guessed_here(
    elsewhere: tuple[subprocess.Popen[str], str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, code, _ = elsewhere
    monkeypatch.setattr(socket, "wrong", WrongTries(2, 600.0))
    bob, eve = browser("bob"), browser("eve")
    with TestClient(Starlette(routes=[room_route])) as client:
        with connect(client, code, **bob) as follower:
            say(follower, follow=True)
            say(follower, nothing=1)
            assert closed(follower) == Close.UNFIT  # was in
        for who in (bob, eve):
            for letter in "BC":
                with connect(client, LENGTH * letter, **who) as guess:
                    assert closed(guess) == Close.NO_ROOM
        for who, end in ((bob, Close.UNFIT), (eve, Close.TOO_MANY)):
            with connect(client, code, **who) as follower:
                say(follower, follow=True)
                say(follower, nothing=1)
                assert closed(follower) == end
