"""Colours and glyphs that every page shares.

CLASS_COLOURS is Okabe & Ito's palette (2008) without its black, and with three colours more. Any
two differ under normal vision and under simulated protanopia, deuteranopia and tritanopia; glyphs
tell classes apart without any colour. SYMBOL_COLOURS gives each symbol of the text its one colour;
SYMBOL_INKS (on the light and the dark ground) is the same as far as letters can be read in it.
"""

from __future__ import annotations

import streamlit as st

CLASS_COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#9E59FE",
    "#5200F8",
    "#934226",
)
CLASS_GLYPHS = (
    "circle",
    "square",
    "triangle",
    "diamond",
    "cross",
    "saltire",
    "inverted",
    "star",
    "ring",
    "bar",
)
SYMBOL_COLOURS = {"mu": "#0072B2", "sigma": "#009E73", "eps": "#CC79A7", "z": "#D55E00"}
SYMBOL_INKS = {
    "mu": ("#0072B2", "#3D94C4"),
    "sigma": ("#007B5A", "#05A076"),
    "eps": ("#95587A", "#CC79A7"),
    "z": ("#B34F00", "#DA701C"),
}
SIGNED_COLOURS = ("#0072B2", "#E69F00")
GREY, VIOLET, AMBER, BROWN, SKY = "#8A94A3", "#9E59FE", "#E69F00", "#B0623F", "#56B4E9"


def ink_style() -> str:
    """CSS by which symbols in LaTeX have their ink on the screen; the browser knows the theme."""
    rules = []
    for name, colour in SYMBOL_COLOURS.items():
        red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
        light, dark = SYMBOL_INKS[name]
        rules.append(
            f'.katex [style*="rgb({red}, {green}, {blue})"] '
            f"{{ color: light-dark({light}, {dark}) !important; }}"
        )
    return f"@media screen {{ {' '.join(rules)} }}"  # on paper they keep their colours


def is_dark() -> bool:
    """Whether the visitor's theme is: figures drawn as SVG choose their ink by it."""
    return st.context.theme.type == "dark"
