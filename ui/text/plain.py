"""Texts from outside on a page, shown as they are."""

from __future__ import annotations

import re

import streamlit as st

from live.places import checkpoints_root, runs_root
from vae_core.files.markdown import plain

__all__ = ["file_name", "plain", "printable", "show_error"]


def file_name(text: str) -> str:
    """A text from outside as a file may be called, 80 characters at most."""
    return re.sub(r"[^\w. -]", "_", text)[-80:].lstrip(". ") or "file"


def printable(name: str) -> str:
    """A file's or a folder's name, which need be no text, as text."""
    return name.encode("utf-8", "replace").decode()


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
