"""What stands behind "Explain": Markdown, a file a page, in parts where the page has several.

Its first paragraph is the question that the page answers, and stands under the page's title.
README.md beside this file says how they are written.
"""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from ui.palette import SYMBOL_COLOURS

EXPLANATIONS = Path(__file__).parent / "explanations"
_MATH = re.compile(r"\$\$.*?\$\$|\$.*?\$", re.DOTALL)
_SYMBOLS = {r"\mu": "mu", r"\sigma": "sigma", r"\varepsilon": "eps", "z": "z"}
_SYMBOL = re.compile(r"(?:\\(?:mu|sigma|varepsilon)|(?<![A-Za-z\\])z)(?![A-Za-z])")


@st.fragment
def explain(page: str, part: str = "") -> None:
    """The page's explanation behind "Explain", at its end; of a page in parts the one in view.

    Sent when it is opened: its formulas are more than half of what there is on a page.
    """
    told = parts(page)
    if part:
        told = {"": told[part]}
    fold = st.expander(
        "Explain", icon=":material/school:", key=f"explain-{page}", on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        for heading, text in told.items():
            if heading:
                st.markdown(f"**{heading}**")
            st.markdown(coloured(text))


def question(page: str) -> str:
    """The question that the page answers, in a sentence; empty where the page has no file."""
    if not (EXPLANATIONS / f"{page}.md").exists():
        return ""
    return _read(page)[0]


def parts(page: str) -> dict[str, str]:
    """What the page's file says, by the headings of its parts; by "" where it has none.

    ValueError with a sentence where the file is not written as README.md says.
    """
    return _read(page)[1]


def _read(page: str) -> tuple[str, dict[str, str]]:
    name = f"{page}.md"
    title, *lines = (EXPLANATIONS / name).read_text("utf-8").splitlines() or [""]
    if not title.startswith("# "):
        raise ValueError(f"{name} begins with {title!r}; a title is expected, as '# Density'.")
    found: dict[str, str] = {}
    asked, _, text = "\n".join(lines).strip().partition("\n\n")
    if not asked.endswith("?"):
        raise ValueError(f"{name} is to have a question under its title, not {asked[:40]!r}.")
    before, *sections = re.split(r"^## +(.*)$", text, flags=re.MULTILINE)
    if before.strip():
        found[""] = before.strip()
    for heading, text in zip(sections[::2], sections[1::2], strict=True):
        if heading in found:
            raise ValueError(f"{name} has two parts named {heading!r}.")
        found[heading] = text.strip()
    if not found or (sections and before.strip()):
        raise ValueError(f"{name} is to have text under its question, or parts under '## …'.")
    for heading, text in found.items():
        if not text or _MATH.sub("", text).count("$"):
            raise ValueError(f"{name}: a part without text or a $ without another: {heading!r}.")
    return " ".join(asked.split()), found


def coloured(text: str) -> str:
    """The symbols in LaTeX, each in the colour that it has in every figure."""
    return _MATH.sub(
        lambda math: _SYMBOL.sub(
            lambda m: rf"{{\color{{{SYMBOL_COLOURS[_SYMBOLS[m[0]]]}}}{m[0]}}}", math[0]
        ),
        text,
    )
