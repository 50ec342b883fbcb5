"""What stands behind a figure: the mathematics, and code that gives it in plain Python."""

from __future__ import annotations

import re

import streamlit as st

from ui.palette import SYMBOL_COLOURS

_SYMBOLS = {"mu": r"\mu", "sigma": r"\sigma", "eps": r"\varepsilon", "z": "z"}
_NAMED = re.compile(r"@(mu|sigma|eps|z)(?![A-Za-z])")


def explain(text: str) -> None:
    """Markdown behind "Explain"; @mu, @sigma, @eps and @z in its LaTeX come in their colours."""
    with st.expander("Explain", icon=":material/school:"):
        st.markdown(coloured(text))


def coloured(text: str) -> str:
    """The symbols in LaTeX, each in the colour that it has in every figure."""
    return _NAMED.sub(
        lambda m: rf"{{\color{{{SYMBOL_COLOURS[m[1]]}}}{_SYMBOLS[m[1]]}}}",
        text,
    )


def show_code(snippet: str) -> None:
    """A program behind "Show the code" that runs as it stands and gives the page's figure."""
    with st.expander("Show the code", icon=":material/code:"):
        st.code(snippet, language="python")
