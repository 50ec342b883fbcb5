"""A room: who opens it leads, and who has its link follows on a screen of their own.

What a visitor shows is told by their browser (`ui/components/room`) to the room (`live.rooms`).
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, urlsplit

import segno
import streamlit as st

from live.peers import counted_as, is_this_machine
from live.rooms import CODE, Place, hub
from ui.components.address import (
    begin_anew,
    linked,
    refuse,
    returned,
    returned_to,
    says_what_is_in_view,
)
from ui.components.room import room, tell_answer
from ui.frame.classroom import entrance, is_teacher
from ui.frame.hidden import hidden
from ui.frame.session import model_ids
from ui.kept import keep, kept, visitor
from ui.text.plain import show_error
from ui.widgets import clicked
from vae_core.errors import ConfigError

OWN = {"room", "hide", "present"}  # of an address, what is each follower's own
LED = "room"  # what is kept of the room that a visitor leads
# What is no part of what is in view; a plane's own word is told by its memory beside it.
STAYS = {
    "answered",
    "begun",
    "followed",
    "hide",
    "in_view",
    "led",
    "lesson_said",
    "own_runs",
    "room",
    "room-bar",
    "visitor",
    "watched_runs",
}
_CODE_CSS = """
.stHtml .code { font: 700 clamp(2rem, min(9vw, 9svh), 5.5rem)/1.1 ui-monospace, monospace;
                text-align: center; letter-spacing: 0.12em; margin: 0; }
.stHtml .qr { display: block; width: min(100%, 22rem, 36svh); margin: 0.5rem auto;
              background: #fff; border-radius: 0.5rem; }
@media (max-width: 640px) {
  .stHtml .qr { width: min(100%, 28svh); } /* what is written below it is longer there */
}
.stHtml .link { text-align: center; font-size: 1.1rem; overflow-wrap: anywhere; margin: 0; }
"""


def followed() -> str:
    """The code of the room to which this session's link led; empty where there is none."""
    if "room" not in st.session_state:
        code = linked("room").upper()
        st.session_state["room"] = code if CODE.fullmatch(code) else ""
        if code and not st.session_state["room"]:
            refuse("room", "no room has such a code")
    return str(st.session_state["room"])


def begin_at_leader(page: str, files: Mapping[str, str]) -> None:
    """Where a bare link to a room opens a session on `page`, begin it at what the leader shows.

    Of a room at another server that is not known yet: there the browser goes once it hears of it.
    files: of the pages, by their url paths.
    """
    if page or "room" in st.session_state:
        return
    view = hub.shown(followed())
    path, _, query = view.removeprefix("/").partition("?")
    own = st.session_state["linked"]
    if not view or path not in files or own.keys() - OWN:
        return
    address = {name: text for name, text in parse_qsl(query) if name not in OWN} | own
    st.session_state["linked"] = address
    if path != page:
        st.switch_page(files[path], query_params=address)


def begin_where_led(page: str) -> bool:
    """Whether the browser has gone to an address that leads: then the session begins from it.

    As one that opens the address does, so that nothing of the visitor's own stays in view. It leads
    in a room, being the leader's, and in a lesson, where it is what a step is about or was in view
    before.
    """
    code = followed()
    address = returned()
    if code:
        leads = address.get("room", "").upper() == code
    else:
        leads = "lesson" in address and not says_what_is_in_view(page, address)
    if leads:
        begin_anew(address, _stays)
        if code:
            st.session_state["begun"] = (_begun()[0] + 1, page, returned_to())
    return leads


def _begun() -> tuple[int, str, str]:
    """How often the session has begun so, and the page and the query of the last time."""
    begun: tuple[int, str, str] = st.session_state.get("begun", (0, "", ""))
    return begun


def _stays(key: str) -> bool:
    """What is set of a lesson's task stays as well."""
    return key in STAYS or key.startswith("task-") or f"{key}:newest" in st.session_state


def take_part() -> None:
    """The bar of the room that this visitor follows or leads."""
    if code := followed():
        room(code, begun=_begun(), key="room-bar", on_over=_leave)
    elif led := _led():
        opened = bool(led.get("opened"))
        room(
            led["code"],
            secret=led["secret"],
            opened=opened,
            models=model_ids(),
            key="room-bar",
            on_over=_forget,
        )


def tell_chosen() -> None:
    """What a follower chose last at a step of a lesson, `session_state["answered"]`."""
    if followed() and (answered := st.session_state.get("answered")):
        tell_answer(*answered)


def show_lead(page: str) -> None:
    """The button that opens a room, and shows its code again. page: its url path."""
    if hidden("lead") or followed() or not _may_lead():
        return
    pressed = clicked("Lead a class", icon=":material/cast:", width="stretch", on_click=_open)
    if pressed and (led := _led()):
        _show_code(led["code"], _site(page))


def _may_lead() -> bool:
    return entrance() is None or is_teacher()


def _led() -> dict[str, str]:
    """The code and secret of the room that this visitor leads; empty where there is none."""
    if not st.session_state.get("led"):  # it may have been opened in another tab since
        led = kept(LED) if _may_lead() else {}
        there = led.keys() >= {"code", "secret"} and hub.stands(led["code"], _here())
        st.session_state["led"] = led if there else {}
    return dict(st.session_state["led"])


def _open() -> None:
    """Open a room where this visitor leads none, or none any more."""
    led = _led()
    if led and hub.stands(led["code"], _here()):
        return
    try:
        new = hub.open(visitor(), counted_as(st.context.ip_address), _here())
    except ConfigError as error:
        show_error(error)
        return
    led = {"code": new.code, "secret": new.secret}
    keep(LED, led)
    st.session_state["led"] = {**led, "opened": "here"}


def _here() -> Place:
    """Where other servers reach this one."""
    host = st.get_option("server.address") or ""
    if host in ("", "0.0.0.0", "::"):
        host = "127.0.0.1"
    return Place(host, int(st.get_option("server.port")), bool(st.get_option("server.sslCertFile")))


def _leave() -> None:
    st.session_state["room"] = ""


def _forget() -> None:
    st.session_state["led"] = {}
    keep(LED, {})


def _site(page: str) -> str:
    """Where the app is, as the visitor's browser reaches it, below whatever path."""
    return (st.context.url or "").rstrip("/").removesuffix(f"/{page}" if page else "")


@st.dialog("Lead a class", width="medium")
def _show_code(code: str, site: str) -> None:
    """For the projector: the code, the link and its QR code."""
    link = f"{site}/?room={code}"
    picture = segno.make(link, error="m").svg_data_uri(omitsize=True, border=3)
    st.html(
        f"<style>{_CODE_CSS}</style><p class='code'>{code}</p>"
        f"<img class='qr' alt='QR code of the link' src=\"{picture}\">"
        f"<p class='link'>{escape(link)}</p>"
    )
    if is_this_machine(urlsplit(site).hostname or ""):
        st.warning(
            "This address leads to this machine alone. For others to follow, start the app with "
            "`zscape --host 0.0.0.0` and open it by this machine's name.",
            icon=":material/wifi_off:",
        )
    st.markdown(
        "Whoever opens the link sees what you show: page, model, settings and your pointer on the "
        "plane. *Look around* in the bar below leaves, *Follow* comes back. The room ends with "
        "**End** in your bar, or when you have been away for half an hour."
    )
