"""Lessons: what can be learned here, step by step beside the pages, and how far one is."""

from __future__ import annotations

import streamlit as st

from ui.frame.navigation import addresses
from ui.lessons.parts import lesson_list
from ui.lessons.shelf import shelf
from ui.text.explain import explain
from ui.text.plain import plain

st.markdown(
    "An opened lesson stands beside the pages: it says what to look at, and asks. Whoever teaches "
    "can write more of them; README says how."
)
found = shelf(addresses())
if found.faults:
    told = "\n".join(f"- {plain(fault)}" for fault in found.faults)
    st.warning(f"Not all lessons can be shown:\n{told}", icon=":material/warning:")
if found.lessons:
    lesson_list(found.lessons)
else:
    st.info("There are no lessons here.")
explain("lessons")
