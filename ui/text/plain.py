"""Texts from outside on a page, shown as they are."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from live.places import checkpoints_root, runs_root
from vae_core.files.markdown import JOINER, is_formula, plain

__all__ = ["cell", "file_name", "plain", "printable", "show_error"]


def file_name(text: str) -> str:
    """A text from outside as a file may be called, 80 characters at most."""
    return re.sub(r"[^\w. -]", "_", text)[-80:].lstrip(". ") or "file"


def printable(name: str) -> str:
    """A file's or a folder's name, which need be no text, as text."""
    return name.encode("utf-8", "replace").decode()


def cell(value: Any) -> Any:
    """What a table shows; a text that is a formula is marked, unseen, as none.

    Who sees a table of Streamlit's can save it as CSV, as it is.
    """
    return f"{JOINER}{value}" if isinstance(value, str) and is_formula(value) else value


def show_error(error: Exception | str) -> None:
    """The sentence of one of the project's own errors, which may repeat what came from outside.

    Of the server's folders it names the last part alone.
    """
    from vae_core.data.datasets import data_root  # with torch

    text = str(error)
    for root in (data_root(), runs_root(), checkpoints_root()):
        for folder in (root.resolve(), root):
            text = text.replace(str(folder), folder.name or str(folder))
    st.error(plain(text), icon=":material/error:")
