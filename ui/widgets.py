"""Widgets whose value the script sets, and one that says more than Streamlit's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

_SAID = """
<style>
[data-testid="stFileChip"]:has([role="alert"]) { flex-wrap: wrap; height: auto; max-width: none; }
[data-testid="stFileChip"] [role="alert"] { position: static; flex: 1 0 100%; width: auto;
  height: auto; margin: 0.25rem 0 0; clip: auto; clip-path: none; white-space: normal; }
</style>
"""


def set_widget(key: str, value: object) -> None:
    """Let the widget `key` show `value`, where it does not already.

    What the script writes is sent to the browser, and there it takes back whatever the visitor did
    meanwhile: a slider that is being moved must not be set to where it is known to stand.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def said_by(key: str) -> Mapping[str, Any]:
    """What the component `key` tells; nothing where it is gone: its last word may come late."""
    state: Mapping[str, Any] = st.session_state.get(key) or {}
    return state


def file_uploader(label: str, **settings: Any) -> UploadedFile | None:
    """`st.file_uploader` of one file, which says in words why the browser does not send it.

    Streamlit tells that only to screen readers and the pointer.
    """
    st.html(_SAID)
    file: UploadedFile | None = st.file_uploader(label, **settings)
    return file
