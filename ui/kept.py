"""Who a visitor is, and what they brought or set that is too long for an address.

It lies in a folder of the visitor's own among the runs, for a day after the last change, so that it
is there after a reload, in a session begun anew, on another page and after the server's restart:
JSON, and files as they were brought, which nothing but their own reader ever opens. What a page
has computed when asked to is in this process's memory, and lost with it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from live.peers import counted_as
from live.places import runs_root
from live.visitors import signer, visitor_of
from ui.text.plain import file_name
from vae_core.errors import ConfigError
from vae_core.files.atomic import folder_written_whole, read_json, write_json

FOLDER = ".visitors"  # among the runs
A_DAY = 24 * 3600  # seconds
SWEPT_EVERY = 600  # seconds: what is older than a day is deleted about as often
MAX_BYTES = 192 << 20  # of a visitor
MAX_BYTES_IN_ALL = 4 << 30

VISITORS_WITH_RESULTS = 256
RESULTS = 16  # under a name, of a visitor

T = TypeVar("T")
log = logging.getLogger("zscape.kept")
_swept = 0.0


class Results(OrderedDict[Hashable, T]):
    """The newest RESULTS of what a page has computed, by what tells them apart."""

    def __setitem__(self, key: Hashable, result: T) -> None:
        if type(result).__module__ == "__main__":
            raise TypeError("A class of a page's own keeps alive all that this run of it holds.")
        super().__setitem__(key, result)
        while len(self) > RESULTS:
            self.popitem(last=False)


_results: OrderedDict[str, dict[str, Results[Any]]] = OrderedDict()  # of each visitor, by name
_results_lock = threading.Lock()


def visitor() -> str:
    """Who this is: the same over reloads and servers' restarts, different in another browser.

    A hash, so that it may lie in a run's folder; without the cookie, the session's own.
    """
    if "visitor" not in st.session_state:
        known = visitor_of(st.context.cookies)
        if not known:  # nobody can come back to what this session computes
            st.session_state["results"] = {}
        of_session = hashlib.sha256(secrets.token_bytes(24)).hexdigest()
        st.session_state["visitor"] = known or of_session
    return str(st.session_state["visitor"])


def address() -> str:
    """Where this visitor is, for what is counted by address: a hash, so that a folder may bear it.

    Only servers of the same runs could tell which address it is.
    """
    counted = counted_as(st.context.ip_address)
    return signer().get_signature(f"address {counted}").decode()


def keep(name: str, value: dict[str, Any]) -> None:
    """Keep a JSON object under this name, in the place of what was there."""
    try:
        _make_room(0)
        write_json(_json_file(name), value)
    except OSError as error:
        log.warning("%s was not kept: %s", name, error.strerror)


def kept(name: str) -> dict[str, Any]:
    """The JSON object kept under this name; empty where there is none, or no longer."""
    file = _json_file(name)
    if not _is_young(file):
        return {}
    try:
        return read_json(file, ConfigError)
    except ConfigError as error:  # torn by hand: it is as if it were gone
        log.warning("%s", error)
        return {}


def keep_file(name: str, file: str, data: bytes) -> bool:
    """Keep a file as it was brought, in the place of what was there; whether there was room."""
    try:
        if not _make_room(len(data)):
            return False
        with folder_written_whole(_folder() / name) as folder:
            (folder / file_name(file)).write_bytes(data)
    except OSError as error:
        log.warning("%s was not kept: %s", name, error.strerror)
        return False
    return True


def kept_file(name: str) -> Path | None:
    """The file kept under this name, called as it was brought."""
    files: list[Path] = []
    with suppress(OSError):  # another tab brings another just now
        files += (_folder() / name).glob("*")
    return files[0] if len(files) == 1 and _is_young(files[0]) else None


def forget_file(name: str) -> None:
    """Keep nothing under this name any more."""
    shutil.rmtree(_folder() / name, ignore_errors=True)


def results(name: str) -> Results[Any]:
    """What was computed for this visitor under this name; what is put in is there next time."""
    who = visitor()
    own: dict[str, Results[Any]] | None = st.session_state.get("results")
    if own is None:
        with _results_lock:  # another visitor's script may make room meanwhile
            own = _results.setdefault(who, {})
            _results.move_to_end(who)
            while len(_results) > VISITORS_WITH_RESULTS:
                _results.popitem(last=False)
    return own.setdefault(name, Results())


def _folder() -> Path:
    return runs_root() / FOLDER / visitor()


def _json_file(name: str) -> Path:
    """Names hold models' ids, which can be longer than a file's name."""
    return _folder() / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _is_young(file: Path) -> bool:
    try:
        return file.stat().st_mtime > time.time() - A_DAY
    except OSError:
        return False


def _make_room(n: int) -> bool:
    """Delete what is too old, now and then; whether there is room for n bytes more."""
    global _swept
    if not n and time.monotonic() < _swept + SWEPT_EVERY:
        return True
    _swept = time.monotonic()
    sizes: dict[str, int] = {}
    for folder in (runs_root() / FOLDER).glob("*"):
        changed, size = _last_change_and_bytes(folder)
        if changed > time.time() - A_DAY:
            sizes[folder.name] = size
        elif folder.name != visitor():
            shutil.rmtree(folder, ignore_errors=True)
    own = sizes.get(visitor(), 0)
    return own + n <= MAX_BYTES and sum(sizes.values()) + n <= MAX_BYTES_IN_ALL


def _last_change_and_bytes(folder: Path) -> tuple[float, int]:
    """Of a visitor's folder, in which they may bring and take away something just now.

    One that was made just now, and is empty yet, is young, too.
    """
    changed, size = 0.0, 0
    for path, _, files in os.walk(folder):
        for name in (os.curdir, *files):
            with suppress(OSError):
                told = os.lstat(os.path.join(path, name))
                changed = max(changed, told.st_mtime)
                size += told.st_size if name != os.curdir else 0
    return changed, size
