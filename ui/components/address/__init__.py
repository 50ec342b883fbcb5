"""The page's address: it says what is in view, so that a copied link opens the same view.

One way for all: the script reads the address once, when a session begins, as it is at that moment;
from then on the session knows better, and what it shows is written back. Writing goes through the
browser's `history.replaceState`: `st.query_params` and widgets with `bind=` make an entry of the
browser's history of every step, and the way back would lead nowhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from live.address import ADDRESS
from ui.kept import keep, kept
from ui.text.plain import plain
from ui.widgets import set_widget

__all__ = [
    "begin_anew",
    "begin_from",
    "choice_from_link",
    "keep_view",
    "linked",
    "number_from_link",
    "refuse",
    "returned",
    "returned_to",
    "says_what_is_in_view",
    "show_in_address",
    "step_in_address",
    "tell_refused",
    "turn_to",
]

_COMPONENT = st.components.v2.component(
    "zscape.address", js=(Path(__file__).parent / "address.js").read_text("utf-8")
)
_OF_ALL_PAGES = {"model", "hide", "open", "lesson", "step", "room"}
_NAME = re.compile(r"[\w-]+")  # of whatever a page says of its view
_LONGEST = 40  # characters of a link's value that are repeated to the visitor

Option = TypeVar("Option")
Number = TypeVar("Number", int, float)


def linked(name: str) -> str:
    """What the address said of `name` when the session began; empty when it said nothing."""
    if "linked" not in st.session_state:
        st.session_state["linked"] = _address_at_first()
    return str(st.session_state["linked"].get(name, ""))


def _address_at_first() -> dict[str, str]:
    """What the address in view says, name by name, at the first run of a session.

    A browser that comes back tells it with its connection (`live.address`); of one that has just
    loaded the page Streamlit knows it.
    """
    told = st.context.headers.get(ADDRESS)
    return st.query_params.to_dict() if told is None else dict(parse_qsl(told))


@dataclass
class _InView:
    """What this session knows of addresses, beside `linked`.

    page: its path; said: what its address says but for the model; kept: that, as it is kept, None
    before the page has been run whole. known: pages that the session has shown. recalled: names of
    which not the address speaks but what the visitor left on a page. returns: how often the browser
    went back or forward, after which all is said again.
    """

    page: str = ""
    said: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] | None = None
    known: set[str] = field(default_factory=set)
    recalled: set[str] = field(default_factory=set)
    returns: int = 0

    def keep(self) -> None:
        """What the address says of the page is kept for a session that begins on another."""
        if self.kept != self.said:
            self.kept = dict(self.said)
            keep(f"page-{self.page}", self.kept)


def turn_to(page: str) -> None:
    """Begin a run of the script for the page with this path.

    The address says all of the page with which a session begins; another begins as this visitor
    left it, where this session has not been there.
    """
    in_view = _in_view()
    linked("")
    if in_view.known and page not in in_view.known:
        left = {name: text for name, text in kept(f"page-{page}").items() if isinstance(text, str)}
        new = left.keys() - st.session_state["linked"].keys()
        st.session_state["linked"] |= {name: left[name] for name in new}
        in_view.recalled |= new
    in_view.known.add(page)
    if in_view.page != page:
        in_view.page, in_view.said = page, {}
    in_view.kept = None


def returned() -> dict[str, str]:
    """What the address says to which the browser's way back or forward led; empty in other runs."""
    context = get_script_run_ctx()
    if context is None or not context.is_history_navigation:
        return {}
    _in_view().returns += 1
    return st.query_params.to_dict()


def returned_to() -> str:
    """The query of that address, as the browser wrote it."""
    context = get_script_run_ctx()
    return "" if context is None else context.query_string


def says_what_is_in_view(page: str, address: Mapping[str, str]) -> bool:
    """Whether a page's address says of the page and the model what this session shows already."""
    in_view = _in_view()
    said = {name: text for name, text in address.items() if name not in _OF_ALL_PAGES}
    same = page == in_view.page and address.get("model") == st.session_state.get("model")
    return same and said == in_view.said


def begin_from(address: dict[str, str]) -> None:
    """Let the session begin anew from this address, as far as it says something."""
    st.session_state["linked"] = address
    _in_view().recalled.clear()
    for name in filter(_NAME.fullmatch, address):  # Streamlit has keys that nobody may look up
        for key in (name, f"way-{name}"):
            st.session_state.pop(key, None)


def begin_anew(address: dict[str, str], stays: Callable[[str], bool]) -> None:
    """Let the session begin as one that opens this address.

    stays: whether what the session has under this name is no part of what is in view.
    """
    state = st.session_state
    for key in [key for key in state if not stays(str(key))]:
        del state[key]
    state["linked"] = address
    state["in_view"] = _InView(returns=_in_view().returns)


def keep_view() -> None:
    """End that run: what the address says of the page is kept, now and whenever it changes."""
    _in_view().keep()


def _in_view() -> _InView:
    in_view: _InView = st.session_state.setdefault("in_view", _InView())
    return in_view


def choice_from_link(
    name: str,
    options: Sequence[Option],
    default: Option,
    missing: str = "it is none of the choices here",
) -> Option:
    """Which of `options` is in view: the session's, else the link's, else `default`.

    A widget with the key `name` begins with it; with `persist_state="session"` it is kept while
    other pages are shown. What nobody chose follows the default, which may be another model's.
    """
    before = f"{name}-default"
    if st.session_state.get(name) not in options:
        text = "" if name in st.session_state else linked(name)
        named = [o for o in options if _text(o).casefold() == _text(text).casefold()]
        if text and not named:
            instead = f"; {_text(default)} is shown" if _text(default) else ""
            refuse(name, f"{missing}{instead}")
        st.session_state[name] = named[0] if named else default
    elif st.session_state[name] == st.session_state.get(before):
        set_widget(name, default)
    st.session_state[before] = default
    chosen: Option = st.session_state[name]
    return chosen


def number_from_link(name: str, low: Number, high: Number, default: Number) -> Number:
    """The number in view: the session's, else the link's, else `default`; as `choice_from_link`."""
    before = st.session_state.get(name)
    if isinstance(before, bool) or not isinstance(before, int | float):  # or of another page
        st.session_state[name] = default
        if text := linked(name):
            try:
                number = type(default)(text)
            except ValueError:
                number = None
            if number is not None and low <= number <= high:
                st.session_state[name] = number
            else:
                span = f"{_text(low)} to {_text(high)}"
                refuse(name, f"a number from {span} is expected; {_text(default)} is shown")
    number_in_view: Number = min(max(st.session_state[name], low), high)
    set_widget(name, number_in_view)
    return number_in_view


def refuse(name: str, why: str) -> None:
    """Note that the link's value of `name` cannot be used: why, and what is shown instead."""
    if name in _in_view().recalled:
        return  # no link said so
    value = " ".join(linked(name).replace("`", "'").split())
    shown = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
    st.session_state.setdefault("refused", []).append(f"- `{name} = {shown}`: {plain(why)}")


def tell_refused() -> None:
    """Say once which of the link's values could not be used."""
    if refused := st.session_state.pop("refused", None):
        text = "\n".join(["Not all of this link could be used:", *refused])
        st.warning(text, icon=":material/link_off:")


def show_in_address(key: str, **values: object) -> None:
    """Let the address say these values; None, False and "" take a name out of it.

    key: names this call's place in the page, as a component's.
    """
    _show(key, values, step=False)


def step_in_address(key: str, **values: object) -> None:
    """As `show_in_address`; where one of them changes, the browser's way back undoes that."""
    _show(key, values, step=True)


def _show(key: str, values: Mapping[str, object], *, step: bool) -> None:
    texts = {name: _text(value) or None for name, value in values.items()}
    in_view = _in_view()
    _COMPONENT(key=f"address-{key}", data=[texts, step, in_view.returns], height=1)
    for name in texts.keys() - _OF_ALL_PAGES:
        in_view.said.pop(name, None)
        if text := texts[name]:
            in_view.said[name] = text
    if in_view.kept is not None:
        in_view.keep()


def _text(value: object) -> str:
    """A value as the address says it: z₁ as z1, a switch as true or nothing."""
    if value is None or isinstance(value, bool):
        return "true" if value else ""
    return f"{value:g}" if isinstance(value, float) else unicodedata.normalize("NFKC", str(value))
