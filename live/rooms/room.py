"""One room: what its leader says reaches each follower as fast as that one takes it.

What is said replaces what was said of the same kind and has not been sent yet, follower by
follower: one who is slow gets less, and holds up nobody.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from urllib.parse import parse_qs, urlsplit

from live.rooms.messages import written

IDLE_SECONDS = 30 * 60.0  # without its leader
MAX_SECONDS = 12 * 3600.0
MAX_FOLLOWERS = 600
MAX_STEPS = 60  # of the lesson in view, of which answers are counted
MAX_CHOICES = 12  # of a step, that are told apart; the rest count as one
OTHERS = "others"
OF_THE_MOMENT = {"selected"}  # who comes later reads it in the address
MAX_REASON = 120  # a frame that closes a socket holds no more


class Close(IntEnum):
    """Why a socket is closed."""

    UNFIT = 4400
    NOT_YOURS = 4403
    NO_ROOM = 4404
    MOVED = 4409
    TOO_MANY = 4429


class End(Exception):
    """A socket ends, with a code and a reason that its visitor may read, of MAX_REASON bytes."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason.encode()[:MAX_REASON].decode(errors="ignore")


class Slot:
    """What one socket has not been sent yet: of each kind the newest."""

    def __init__(self, said: Mapping[str, str]) -> None:
        self._waiting = dict(said)
        self._end: End | None = None
        self._news = asyncio.Event()
        if said:
            self._news.set()

    def put(self, kind: str, text: str) -> None:
        """This takes the place of what waits of its kind."""
        self._waiting[kind] = text
        self._news.set()

    def close(self, end: End) -> None:
        """Nothing more is sent: whoever takes gets this end."""
        self._end = end
        self._news.set()

    async def take(self) -> list[str]:
        """What is to be sent, once there is something; raises the End."""
        await self._news.wait()
        if self._end is not None:
            raise self._end
        self._news.clear()
        texts = list(self._waiting.values())
        self._waiting.clear()
        return texts


@dataclass(eq=False)
class Room:
    """A room as it stands. owner: the visitor who opened it; address: where that was."""

    code: str
    owner: str
    address: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    opened: float = field(default_factory=time.monotonic)
    said: dict[str, str] = field(default_factory=dict)  # the newest of each kind
    followers: set[Slot] = field(default_factory=set)
    around: set[Slot] = field(default_factory=set)  # of these, who look around for now
    known: set[str] = field(default_factory=set)  # visitors who have taken part
    leader: Slot | None = None
    left: float = field(default_factory=time.monotonic)  # when the leader was last there
    lesson: str = ""  # that the leader showed last
    answers: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)  # by who gave it

    @property
    def is_over(self) -> bool:
        """Whether it has stood as long as it may."""
        now = time.monotonic()
        idle = self.leader is None and now > self.left + IDLE_SECONDS
        return idle or now > self.opened + MAX_SECONDS

    def knows(self, who: str) -> bool:
        """Whether this visitor opened the room or has been in it."""
        return who != "" and (who == self.owner or who in self.known)

    def remember(self, who: str) -> bool:
        """This visitor has come in; whether that is news."""
        news = who != "" and who not in self.known and len(self.known) < 2 * MAX_FOLLOWERS
        if news:
            self.known.add(who)
        return news

    def tell(self, kind: str, value: Any) -> None:
        """What the leader says, to all who follow and, unless it is of the moment, will come."""
        text = written(kind, value)
        if kind not in OF_THE_MOMENT:
            self.said[kind] = text
        if kind == "view":
            lesson = parse_qs(urlsplit(value).query).get("lesson", [self.lesson])[0]
            if lesson != self.lesson:
                self.lesson = lesson
                self.answers.clear()
        for slot in self.followers:
            slot.put(kind, text)

    @contextmanager
    def led(self, secret: str) -> Iterator[Slot]:
        """The leader's socket, in the place of one before; End where the secret is another."""
        if not secrets.compare_digest(secret.encode(), self.secret.encode()):
            raise End(Close.NOT_YOURS, "Only who opened the room leads it.")
        if self.leader is not None:
            self.leader.close(End(Close.MOVED, "The room is led from another tab."))
        slot = self.leader = Slot({})
        self._tell_followers()
        for step in self.answers:
            self._tell_answers(step)
        try:
            yield slot
        finally:
            if self.leader is slot:
                self.leader = None
                self.left = time.monotonic()
                self.said.pop("point", None)  # who comes now would see it standing still

    @contextmanager
    def followed(self) -> Iterator[Slot]:
        """A follower's socket, which begins with what was said last; End where too many follow."""
        if len(self.followers) >= MAX_FOLLOWERS:
            raise End(Close.TOO_MANY, "As many follow this room as may.")
        slot = Slot(self.said)
        self.followers.add(slot)
        self._tell_followers()
        try:
            yield slot
        finally:
            self.followers.discard(slot)
            self.around.discard(slot)
            self._tell_followers()

    def looks(self, slot: Slot, follows: bool) -> None:
        """This follower shows what the leader says, or looks around; and hears of it either way."""
        (self.around.discard if follows else self.around.add)(slot)
        self._tell_followers()

    def answer(self, who: str, lesson: str, step: int, choice: str) -> None:
        """Count what a follower chose, in the place of what the same one chose before.

        Of the lesson that the leader shows; of any other it is nobody's business here.
        """
        if lesson != self.lesson:
            return
        of_step = self.answers.get((lesson, step))
        if of_step is None:
            if len(self.answers) >= MAX_STEPS:
                return
            of_step = self.answers[lesson, step] = {}
        if who in of_step or len(of_step) < 2 * MAX_FOLLOWERS:
            of_step[who] = choice
            self._tell_answers((lesson, step))

    def counts(self, lesson: str, step: int) -> dict[str, int]:
        """How many chose what, the most frequent first."""
        ordered = Counter(self.answers.get((lesson, step), {}).values()).most_common()
        counts = dict(ordered[:MAX_CHOICES])
        if rest := sum(n for _, n in ordered[MAX_CHOICES:]):
            counts[OTHERS] = counts.get(OTHERS, 0) + rest
        return counts

    def end(self) -> None:
        """Send all away; nothing of it is kept."""
        for slot in (*self.followers, *filter(None, [self.leader])):
            slot.close(End(Close.NO_ROOM, "The room has ended."))
        self.said.clear()
        self.answers.clear()
        self.known.clear()

    def _tell_followers(self) -> None:
        if self.leader is not None:
            around = len(self.around)
            counts = [len(self.followers) - around, around]
            self.leader.put("followers", written("followers", counts))

    def _tell_answers(self, of: tuple[str, int]) -> None:
        if self.leader is not None:
            lesson, step = of
            told = {"lesson": lesson, "step": step, "counts": self.counts(lesson, step)}
            self.leader.put(f"answers {lesson} {step}", written("answers", told))
