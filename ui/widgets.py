"""Widgets whose value the script sets, and some that do better than Streamlit's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.runtime.uploaded_file_manager import UploadedFile

_SAID = """
<style>
[data-testid="stFileChip"]:has([role="alert"]) { flex-wrap: wrap; height: auto; max-width: none; }
[data-testid="stFileChip"] [role="alert"] { position: static; flex: 1 0 100%; width: auto;
  height: auto; margin: 0.25rem 0 0; clip: auto; clip-path: none; white-space: normal; }
</style>
"""


def set_widget(key: str, value: object) -> None:
    """Let the widget `key` show `value`, where it does not already.

    What the script writes is sent to the browser, and there it takes back whatever the visitor did
    meanwhile: a slider that is being moved must not be set to where it is known to stand.
    """
    before: dict[str, tuple[object, object]] = st.session_state.setdefault("before", {})
    if key in st.session_state and st.session_state[key] == value:
        before.pop(key, None)  # the browser has heard of it
        return
    if key in st.session_state:
        before[key] = st.session_state[key], value
    st.session_state[key] = value


def is_echo(key: str, *others: str) -> bool:
    """Whether the browser says of the widget `key` what it showed before the script set it.

    It says so of all widgets in each run that it asks for: also where it has not heard yet what the
    run before has set, as when two things are done in a moment. It has heard of that where one of
    the `others` shows what was set with it.
    """
    before: dict[str, tuple[object, object]] = st.session_state.get("before", {})
    if key not in before or st.session_state.get(key) != before[key][0]:
        return False
    said = [each for each in others if each in before and each != key]
    return not any(st.session_state.get(each) == before[each][1] for each in said)


class _Clicks:
    """What one visitor has clicked that is not heard yet, and which buttons are there."""

    def __init__(self) -> None:
        self.told: tuple[str, str] | None = None
        self.shown: set[tuple[str, str]] = set()  # when the page was last drawn to its end
        self.drawn = self.shown  # since it was last begun


def _clicks() -> _Clicks:
    clicks: _Clicks = st.session_state.setdefault("clicks", _Clicks())
    return clicks


@contextmanager
def page_drawn() -> Iterator[None]:
    """Around the page as the script draws it: a click that is not heard by its end is void.

    So is one on a button that is not there: a browser tells some clicks twice, with what it asks
    for in the same moment and by themselves, and where the button comes back the second would act.
    """
    clicks = _clicks()
    clicks.drawn = set()
    yield
    clicks.shown, clicks.told = clicks.drawn, None


def clicked(
    label: str,
    *,
    place: DeltaGenerator | None = None,
    on_click: Callable[[], None] = lambda: None,
    **settings: Any,
) -> bool:
    """`st.button`, whose click counts even where the run that it caused is cut short by another.

    Streamlit forgets it then, as when a plane tells where it rests just after the click. A click
    that is not heard on its page before the next button is pressed is void; so one run hears one
    of them, and opens one dialog.
    """
    context, name = get_script_run_ctx(), settings.get("key", label)
    this = (context.page_script_hash if context else "", name)
    clicks = _clicks()
    clicks.drawn.add(this)

    def note() -> None:
        if this in clicks.drawn | clicks.shown:
            clicks.told = this
            on_click()

    (place or st).button(label, on_click=note, **settings)
    heard = clicks.told == this
    if heard:
        clicks.told = None
    return heard


def _taken_whole(take: Callable[..., None]) -> Callable[..., None]:
    """`take` without a look whether another run is asked for: there is one right after it.

    Streamlit (1.67) looks before it takes what the browser told, and wherever a callback of that
    asks its state for something. Cut short there, the run forgot what was clicked.
    """

    @wraps(take)
    def whole(state: SafeSessionState, *told: Any, **how: Any) -> None:
        look = state._yield_callback
        object.__setattr__(state, "_yield_callback", lambda: None)
        try:
            take(state, *told, **how)
        finally:
            object.__setattr__(state, "_yield_callback", look)

    return whole


SafeSessionState.on_script_will_rerun = _taken_whole(  # type: ignore[method-assign]
    SafeSessionState.on_script_will_rerun
)


def said_by(key: str) -> Mapping[str, Any]:
    """What the component `key` tells; nothing where it is gone: its last word may come late."""
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    return state


def file_uploader(label: str, **settings: Any) -> UploadedFile | None:
    """`st.file_uploader` of one file, which says in words why the browser does not send it.

    Streamlit tells that only to screen readers and the pointer.
    """
    st.html(_SAID)
    file: UploadedFile | None = st.file_uploader(label, **settings)
    return file
