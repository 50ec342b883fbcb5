"""Texts of checkpoints, folders, files and links, shown as they are where Markdown is read."""

from __future__ import annotations

import re

import streamlit as st

# Streamlit puts links, icons and arrows also into text whose signs are escaped. There a word
# joiner, which nobody sees, parts what it looks for: "https:", "www.", "a@b.c", ":house:", "->".
_JOINER = "\u2060"
_LOOKED_FOR = re.compile(r"(?i)(?<=:)(?=\S)|(?<=@)|(?<=www)(?=\.)|(?<=[-<>~=])(?=[-<>~=])")
_SIGNS = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: str) -> str:
    """A text from outside so that Markdown shows it as it is, on one line."""
    parted = _LOOKED_FOR.sub(_JOINER, " ".join(text.split()))
    return _SIGNS.sub(r"\\\1", parted)


def file_name(text: str) -> str:
    """A text from outside as a file may be called, 80 characters at most."""
    return re.sub(r"[^\w. -]", "_", text)[-80:].lstrip(". ") or "file"


def show_error(error: Exception) -> None:
    """The sentence of one of the project's own errors, which may repeat what came from outside."""
    st.error(plain(str(error)), icon=":material/error:")
