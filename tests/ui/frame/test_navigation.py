"""The pages of the menu are found once, and each visitor has their own."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ui.frame import navigation


def seen_by_a_visitor(hide: list[str]) -> list[Any]:
    """The menu's pages, as a visitor who hides these has them."""

    def script() -> None:
        import streamlit as st

        from ui.frame.navigation import sections

        st.session_state["pages"] = [page for pages in sections().values() for page in pages]

    app = AppTest.from_function(script, default_timeout=60)
    app.session_state["hide"] = hide
    app.run()
    assert not app.exception
    pages: list[Any] = app.session_state["pages"]
    return pages


def test_pages_are_found_once_for_all_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    first = seen_by_a_visitor([])
    monkeypatch.setattr(navigation.st, "Page", None)  # whoever looks for them again fails
    again = seen_by_a_visitor([])
    assert [page.url_path for page in again] == [page.url_path for page in first]
    assert not {id(page) for page in again} & {id(page) for page in first}


def test_what_one_visitor_hides_others_see() -> None:
    def unseen(hide: list[str]) -> list[str]:
        pages = seen_by_a_visitor(hide)
        return [page.title for page in pages if page.visibility == "hidden"]

    assert unseen(["lessons"]) == ["Lessons"]
    assert unseen([]) == []
