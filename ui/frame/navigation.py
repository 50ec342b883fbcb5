"""The pages and their order; the frame around each of them."""

from __future__ import annotations

import logging
from copy import copy
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from ui.components.address import keep_view, tell_refused, turn_to
from ui.components.amended import amend
from ui.components.paper import suit_paper
from ui.components.toolbar import show_toolbar
from ui.frame.disk import unwritable
from ui.frame.hidden import hidden, hidden_controls
from ui.frame.leading import begin_at_leader, begin_where_led, take_part, tell_chosen
from ui.frame.session import own_runs, return_to_model
from ui.frame.sidebar import show_sidebar
from ui.frame.work import Part, drawing
from ui.lessons.column import show_lesson
from ui.palette import ink_style
from ui.text.explain import question
from ui.text.plain import show_error
from ui.widgets import page_drawn
from vae_core.errors import ZscapeError

PAGES = Path(__file__).resolve().parents[2] / "pages"
# section -> (file, title, icon, url)
SECTIONS: dict[str, list[tuple[str, str, str, str]]] = {
    "Explore": [
        ("overview", "Overview", ":material/home:", ""),
        ("encoded", "Encoded μ", ":material/scatter_plot:", "encoded"),
        ("decode", "Decode z", ":material/tune:", "decode"),
        ("manifold", "Manifold", ":material/grid_on:", "manifold"),
        ("interpolate", "Interpolate", ":material/timeline:", "interpolate"),
    ],
    "Learn": [("lessons", "Lessons", ":material/menu_book:", "lessons")],
    "Train": [
        ("train", "Train live", ":material/model_training:", "train"),
        ("runs", "Runs", ":material/stacked_line_chart:", "runs"),
    ],
    "Understand": [
        ("marginal", "Marginal p(x)", ":material/functions:", "marginal"),
        ("elbo", "ELBO gap", ":material/vertical_align_top:", "elbo"),
        ("kl", "KL and β", ":material/balance:", "kl"),
        ("factors", "Factors", ":material/style:", "factors"),
        ("geometry", "Geometry", ":material/explore:", "geometry"),
        ("compare", "Compare", ":material/compare:", "compare"),
        ("layers", "Layers", ":material/layers:", "layers"),
        ("density", "Density", ":material/blur_on:", "density"),
    ],
    "Use": [
        ("anomalies", "Anomalies", ":material/troubleshoot:", "anomalies"),
        ("compression", "Compression", ":material/compress:", "compression"),
        ("labels", "Few labels", ":material/label:", "labels"),
        ("clusters", "Clusters", ":material/bubble_chart:", "clusters"),
    ],
}
FILES = {url: file for pages in SECTIONS.values() for file, _, _, url in pages}
SIDEBAR = 256  # pixels
A_DAY = 24 * 3600.0  # seconds
# A container of some width whose key begins so takes what is left of its row, too. White on the
# dark theme's lighter blue is read at 3.2 : 1, the ground of the page at 5.8 : 1; that blue under
# the pointer, on Streamlit's ground of what is chosen, at 4.3 : 1.
STYLE = """
div:has(> [class*="st-key-wide-"]) { flex-grow: 1 !important; }
div:has(> [class*="st-key-wide-"]), [class*="st-key-wide-"] { max-width: 100%; }
[class*="st-key-wide-"] { width: 100% !important; }
[data-testid="stBaseButton-primary"]:enabled { color: light-dark(#ffffff, #0f141b); }
button[data-selected="true"]:hover {
  background-color: color-mix(in srgb, currentColor 15%, transparent) !important;
}
"""
NO_MENUS = "<style>:root { --zscape-save: none; }</style>"  # of figures
NO_SIDEBAR = """<style>
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"] { display: none; }
</style>"""
HEADINGS = {"Overview": "The latent space of a VAE, under your pointer"}

log = logging.getLogger("zscape")


@page_drawn()
def show() -> None:
    """Run the page that the URL names, inside the common frame.

    Where many visitors' pages are run at once, as a class's when its teacher turns one, all see
    the headings first.
    """
    with drawing.turn(Part.HEADING):
        page, place, beside = _show_heading()
    with drawing.turn(Part.FRAME):
        with beside:
            show_toolbar(page.url_path)
        notes = _show_frame(page, place)
    with drawing.turn(Part.PAGE):
        page.run()
        keep_view()
        with notes:
            tell_refused()


def _show_heading() -> tuple[StreamlitPage, DeltaGenerator, DeltaGenerator]:
    """Which page it is, with its title; and the places above the title and beside it."""
    st.set_page_config(
        page_title="Zscape", page_icon="🧭", layout="wide", initial_sidebar_state=SIDEBAR
    )
    page = st.navigation(sections(), position="hidden" if hidden("pages") else "top")
    begin_at_leader(page.url_path, addresses())
    place = st.container(gap=None)  # what is mostly not to be seen takes no room
    with place, st.container(gap="xsmall"):
        beside = st.container(horizontal=True, vertical_alignment="center", key="title")
        heading = HEADINGS.get(page.title, page.title)
        beside.title(heading, width="stretch")  # on the screen before torch is in memory
        if asked := question(FILES[page.url_path]):
            with st.container(key="question"):
                st.caption(asked)
    return page, place, beside


def _show_frame(page: StreamlitPage, place: DeltaGenerator) -> DeltaGenerator:
    """What all pages have: a lesson, a room, the model; and the place for notes on the link."""
    with place:
        notes, room = st.empty(), st.container(gap=None)
        st.fragment(return_at_once, run_every=A_DAY)()
        amend()
        suit_paper()
        st.html(f"<style>{STYLE}{ink_style()}</style>")
        if hidden("save"):
            st.html(NO_MENUS)
        if hidden("sidebar"):
            st.html(NO_SIDEBAR)
    led = begin_where_led(page.url_path)
    turn_to(page.url_path)
    if not led:
        return_to_model()
    with room:
        take_part()
    if not hidden("lessons"):
        with place:
            show_lesson(page.url_path, addresses(), own_runs, tell_chosen)
    model = show_sidebar(page.url_path)
    st.set_page_config(page_title=f"{page.title} · {model} · Zscape")
    return notes


def return_at_once() -> None:
    """Nothing to see: for a page with a timer Streamlit runs the script as soon as it reconnects.

    Without, a new session would show nothing and take no notice of a touch.
    """


def sections() -> dict[str, list[StreamlitPage]]:
    """The pages as Streamlit's menu takes them, for this run of the script."""
    return {
        section: [copy(page) for page in pages]
        for section, pages in _sections(frozenset(hidden_controls())).items()
    }


@cache
def _sections(unseen: frozenset[str]) -> dict[str, list[StreamlitPage]]:
    """The pages, found once: their files' paths are most of what a heading would take."""
    return {
        section: [
            st.Page(
                PAGES / f"{file}.py",
                title=title,
                icon=icon,
                url_path=url,
                default=not url,
                visibility="hidden" if file in unseen else "visible",
            )
            for file, title, icon, url in pages
        ]
        for section, pages in SECTIONS.items()
    }


@cache
def addresses() -> dict[str, str]:
    """The file of each page, as `page_path` gives it, by its url path."""
    return {
        url: page_path(file) for pages in SECTIONS.values() for file, _title, _icon, url in pages
    }


def page_path(file: str) -> str:
    """The page's file, for `st.page_link` and `st.switch_page`."""
    return str(PAGES / f"{file}.py")


def report_error(error: Exception) -> bool:
    """Show a sentence instead of a trace; the trace goes to the log."""
    if isinstance(error, ZscapeError):
        log.warning("%s", error, exc_info=error)
        show_error(error)
    elif isinstance(error, OSError) and (told := unwritable(error)):
        log.error("%s", error)
        st.error(told, icon=":material/error:")
    else:
        log.error("A page failed", exc_info=error)
        st.error(
            "Something went wrong on this page; reload it. The server's log has the details.",
            icon=":material/error:",
        )
    return True


if __name__ == "__main__":  # as Streamlit runs it, once a visit and after every touch
    from ui.frame import navigation  # the one that stays, with what it has found

    navigation.show()
