"""Widgets whose value the script sets."""

from __future__ import annotations

import streamlit as st


def set_widget(key: str, value: object) -> None:
    """Let the widget `key` show `value`, where it does not already.

    What the script writes is sent to the browser, and there it takes back whatever the visitor did
    meanwhile: a slider that is being moved must not be set to where it is known to stand.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
