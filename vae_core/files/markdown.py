"""Texts of checkpoints, folders, files and links, where Markdown is read."""

from __future__ import annotations

import re

# GitHub, Hugging Face and Streamlit find addresses, icons and arrows also in text whose signs are
# escaped. A word joiner, which nobody sees, parts what they look for: "https:", "www.", "a@b.c",
# ":house:", "->".
JOINER = "\u2060"
_LOOKED_FOR = re.compile(r"(?i)(?<=:)(?=\S)|(?<=@)|(?<=www)(?=\.)|(?<=[-<>~=])(?=[-<>~=])")
# All but a single one of "-", "." and "_" inside a word, which nothing is made of.
_SIGNS = re.compile(r"([!-,/:-@\[-^`{-~]|(?<![A-Za-z0-9])[-._]|[-._](?![A-Za-z0-9]))")


def plain(text: str) -> str:
    """A text from outside so that Markdown shows it as it is, on one line."""
    parted = _LOOKED_FOR.sub(JOINER, " ".join(text.split()))
    return _SIGNS.sub(r"\\\1", parted)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute what a cell of a CSV file holds."""
    if not text.startswith(("=", "+", "-", "@", "\t", "\r")):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
