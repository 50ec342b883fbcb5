"""A room gives each follower the newest as fast as it is taken, and only its leader leads."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from live.rooms import room as rooms
from live.rooms.room import MAX_CHOICES, MAX_FOLLOWERS, OTHERS, Close, End, Room, Slot
from tests.live.conftest import run


def new() -> Room:
    """One whose leader shows the lesson `elbo`."""
    return Room("K7QX", "ada", "10.0.0.1", lesson="elbo")


async def taken(slot: Slot) -> list[dict[str, Any]]:
    return [json.loads(text) for text in await asyncio.wait_for(slot.take(), 60)]


def test_the_newest_of_each_kind_takes_the_place_of_what_waits() -> None:
    async def story() -> None:
        room = new()
        with room.followed() as slot:
            for frame in range(1000):
                room.tell("film", {"name": "way", "frame": frame})
            room.tell("view", "/decode")
            assert await taken(slot) == [
                {"film": {"name": "way", "frame": 999}},
                {"view": "/decode"},
            ]

    run(story())


def test_a_slow_follower_holds_up_nobody_and_gets_the_newest() -> None:
    async def story() -> None:
        room, got = new(), []
        with room.followed() as slow, room.followed() as quick:
            for k in range(100):
                room.tell("view", f"/decode?seed={k}")
                got += await taken(quick)
            assert len(got) == 100
            assert await taken(slow) == [{"view": "/decode?seed=99"}]

    run(story())


def test_who_comes_late_is_told_what_was_said_last() -> None:
    async def story() -> None:
        room = new()
        room.tell("view", "/decode")
        room.tell("view", "/manifold")
        room.tell("selected", {"plane": "plane", "points": [1]})  # of the moment
        with room.followed() as slot:
            assert await taken(slot) == [{"view": "/manifold"}]

    run(story())


def test_only_the_secret_leads() -> None:
    async def story() -> None:
        room = new()
        for wrong in ("", "K7QX", room.secret[:-1], "é"):
            with pytest.raises(End) as end, room.led(wrong):
                pass
            assert end.value.code is Close.NOT_YOURS
        assert room.secret not in repr(room)

    run(story())


def test_the_newest_leader_leads() -> None:
    async def story() -> None:
        room = new()
        with room.led(room.secret) as first, room.led(room.secret) as second:
            with pytest.raises(End) as end:
                await taken(first)
            assert end.value.code is Close.MOVED
            assert room.leader is second
        assert room.leader is None

    run(story())


def test_the_leader_is_told_how_many_follow_and_what_they_chose() -> None:
    async def story() -> None:
        room = new()
        with room.led(room.secret) as leader, room.followed(), room.followed() as other:
            room.looks(other, follows=False)
            room.answer("a", "elbo", 3, "KL")
            room.answer("b", "elbo", 3, "KL")
            room.answer("a", "elbo", 3, "gap")  # who chooses twice counts once
            room.answer("a", "elbo", 4, "7")
            told = await taken(leader)
            assert told[0] == {"followers": [1, 1]}
            assert told[1:] == [
                {"answers": {"lesson": "elbo", "step": 3, "counts": {"gap": 1, "KL": 1}}},
                {"answers": {"lesson": "elbo", "step": 4, "counts": {"7": 1}}},
            ]
        with room.led(room.secret) as again:  # as after a reload
            assert len(await taken(again)) == 3

    run(story())


def test_choices_beyond_those_told_apart_count_as_one() -> None:
    room = new()
    for k in range(3 * MAX_CHOICES):
        room.answer(str(k), "elbo", 1, f"{k}")
    counts = room.counts("elbo", 1)
    assert len(counts) == MAX_CHOICES + 1
    assert counts[OTHERS] == 2 * MAX_CHOICES


def test_answers_are_those_of_the_lesson_that_the_leader_shows() -> None:
    room = Room("K7QX", "ada", "10.0.0.1")
    room.answer("a", "elbo", 1, "A")
    assert not room.answers
    room.tell("view", "/elbo?lesson=elbo&step=1")
    room.answer("a", "elbo", 1, "A")
    room.answer("b", "other", 1, "A")
    for view in ("/elbo", "/elbo?lesson=elbo&step=2"):
        room.tell("view", view)
        assert room.counts("elbo", 1) == {"A": 1} and room.counts("other", 1) == {}
    room.tell("view", "/elbo?lesson=other")
    assert not room.answers


def test_nobody_fills_the_steps_that_others_answer() -> None:
    room = new()
    for step in range(1_000):
        room.answer("a", f"made-up-{step}", step, "A")
    room.answer("b", "elbo", 1, "A")
    assert room.counts("elbo", 1) == {"A": 1}


def test_no_more_follow_than_may() -> None:
    async def story() -> None:
        room = new()
        room.followers = {Slot({}) for _ in range(MAX_FOLLOWERS)}
        with pytest.raises(End) as end, room.followed():
            pass
        assert end.value.code is Close.TOO_MANY

    run(story())


def test_the_end_sends_all_away_and_nothing_is_kept() -> None:
    async def story() -> None:
        room = new()
        room.tell("view", "/decode")
        room.answer("a", "elbo", 3, "KL")
        with room.led(room.secret) as leader, room.followed() as follower:
            room.end()
            for slot in (leader, follower):
                with pytest.raises(End) as end:
                    await taken(slot)
                assert end.value.code is Close.NO_ROOM
        assert not room.said
        assert not room.answers

    run(story())


def test_a_room_is_over_when_its_leader_stays_away_or_it_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(rooms.time, "monotonic", lambda: now)

    async def story() -> None:
        nonlocal now
        room = Room("K7QX", "ada", "10.0.0.1", opened=0.0, left=0.0)
        now = rooms.IDLE_SECONDS - 1
        assert not room.is_over
        with room.led(room.secret):
            now = rooms.IDLE_SECONDS + 1
            assert not room.is_over
        assert not room.is_over  # it is left only now
        now = 2 * rooms.IDLE_SECONDS + 2
        assert room.is_over
        with room.led(room.secret):
            assert not room.is_over
            now = rooms.MAX_SECONDS + 1
            assert room.is_over

    run(story())
