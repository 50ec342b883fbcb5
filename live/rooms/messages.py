"""What is said in a room, as text frames of JSON: an object with one name, `{"view": "/manifold"}`.

    the leader says     view    the address in view, below the app's root: "/manifold?side=9"
                        point   {"plane": key, "z": [d numbers] or null, "there": whether it points}
                        selected {"plane": key, "points": their numbers, or bits in base64}
                        film    {"name": of the film, "frame": in view, or null}
                        end     true: the room is to end
    a follower says     answer  {"lesson": name, "step": number, "choice": letters of options, a
                                number or whether it was right; a class sees no other word}
                    follow  whether it shows what the leader says, or looks around for now

All of it is read, checked and written anew, so that nothing else ever reaches another browser.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

MAX_TEXT = 32_768  # characters of a message
MAX_VIEW = 30_000
MAX_NAME = 200
MAX_Z = 1e6
# A page of the app, and a query in the characters that browsers write there.
_VIEW = re.compile(r"/[a-z0-9_-]{0,32}(\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?%^]*)?")
_PLANE = re.compile(r"[\w .:%@~-]{1,900}")  # "encoded-mnist-2d-two dimensions"
_BITS = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_LESSON = re.compile(r"[\w.-]{1,80}")
_CHOICE = re.compile(r"[A-Z]{1,8}|-?\d[\d.]{0,11}(e[+-]\d{1,3})?|right|not yet")


class Unfit(ValueError):
    """What came is nothing that may be said."""


def read(text: str, may_say: Mapping[str, Callable[[Any], Any]]) -> tuple[str, Any]:
    """The name of what is said and its value, as the reader of that name gives it; Unfit."""
    if len(text) > MAX_TEXT:
        raise Unfit(f"{len(text)} characters are more than the {MAX_TEXT} that are taken.")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unfit("A message is JSON.") from error
    if not isinstance(said, dict) or len(said) != 1:
        raise Unfit("A message is an object with one name.")
    ((name, value),) = said.items()
    if name not in may_say:
        raise Unfit(f"{name[:40]!r} is none of {', '.join(may_say)}.")
    try:
        return name, may_say[name](value)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Unfit(f"This is no {name}.") from error


def written(name: str, value: Any) -> str:
    """The message that says so."""
    return json.dumps({name: value}, separators=(",", ":"))


def _check(fits: bool) -> None:
    if not fits:
        raise ValueError


def view(value: Any) -> str:
    """An address inside the app: no other site, no script."""
    _check(isinstance(value, str) and len(value) <= MAX_VIEW)
    _check(_VIEW.fullmatch(value) is not None)
    return str(value)


def point(value: Any) -> dict[str, Any]:
    """Where the pointer is on a plane."""
    plane, z, there = value["plane"], value["z"], value["there"]
    _check(len(value) == 3 and isinstance(there, bool) and _PLANE.fullmatch(plane) is not None)
    if z is not None:
        _check(isinstance(z, list) and all(type(x) in (int, float) for x in z))
        z = [float(x) for x in z]
        _check(all(math.isfinite(x) and abs(x) <= MAX_Z for x in z))
    return {"plane": plane, "z": z, "there": there}


def selected(value: Any) -> dict[str, Any]:
    """Which points of a plane were selected just now, as `ui.components.latent_plane` has it."""
    plane, points = value["plane"], value["points"]
    _check(len(value) == 2 and _PLANE.fullmatch(plane) is not None)
    if isinstance(points, str):
        _check(_BITS.fullmatch(points) is not None)
    else:
        _check(isinstance(points, list) and all(type(i) is int and i >= 0 for i in points))
    return {"plane": plane, "points": points}


def film(value: Any) -> dict[str, Any]:
    """Which frame of a film is in view."""
    name, frame = value["name"], value["frame"]
    _check(len(value) == 2 and isinstance(name, str) and 0 < len(name) <= MAX_NAME)
    _check(frame is None or (type(frame) is int and 0 <= frame < 1_000_000))
    return {"name": name, "frame": frame}


def answer(value: Any) -> tuple[str, int, str]:
    """Of which lesson and step, and what was chosen."""
    lesson, step, choice = value["lesson"], value["step"], value["choice"]
    _check(len(value) == 3 and _LESSON.fullmatch(lesson) is not None)
    _check(type(step) is int and 0 <= step < 1000)
    _check(_CHOICE.fullmatch(choice) is not None)
    return lesson, step, choice


def secret(value: Any) -> str:
    """By which the leader is known."""
    _check(isinstance(value, str) and len(value) <= MAX_NAME and value.isascii())
    return str(value)


def yes(value: Any) -> bool:
    """A message that says no more than its name."""
    _check(value is True)
    return True


def whether(value: Any) -> bool:
    """Yes or no."""
    _check(isinstance(value, bool))
    return bool(value)


OF_LEADER: dict[str, Callable[[Any], Any]] = {
    "view": view,
    "point": point,
    "selected": selected,
    "film": film,
    "end": yes,
}
OF_FOLLOWER: dict[str, Callable[[Any], Any]] = {"answer": answer, "follow": whether}
AT_FIRST: dict[str, Callable[[Any], Any]] = {"lead": secret, "follow": whether}
