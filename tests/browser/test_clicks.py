"""What a visitor does while a page is being drawn, in Streamlit's own words, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.sync.client import connect

from tests.browser.conftest import running_app

pytestmark = pytest.mark.browser

SCRIPT = """
import time
import streamlit as st
from ui.widgets import clicked

@st.fragment
def part():
    if clicked("Go"):
        st.session_state["heard"] = st.session_state.get("heard", 0) + 1

part()
for k in range(20):
    st.write(k)
    time.sleep(0.02)
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.text(f"{st.session_state['runs']} runs, {st.session_state.get('heard', 0)} clicks")
"""


def test_a_click_counts_where_another_run_is_asked_for_before_its_own_begins(
    tmp_path: Path,
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with running_app(tmp_path, script=script, PYTHONPATH=".") as app:
        assert clicks_in_between(app.url) == "2 runs, 1 clicks"


def clicks_in_between(url: str) -> str:
    """Ask for a run, click while it is under way, ask for another; what the page says then."""
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        page = button = fragment = ""

        def ask(**state: Any) -> None:
            asked = ClientState(page_script_hash=page, **state)
            socket.send(BackMsg(rerun_script=asked).SerializeToString())

        def until(element_type: str) -> Any:
            nonlocal page, button, fragment
            for data in socket:
                message = ForwardMsg.FromString(data)
                if message.WhichOneof("type") == "new_session":
                    page = message.new_session.page_script_hash
                element = message.delta.new_element
                if element.WhichOneof("type") == "button":
                    button, fragment = element.button.id, message.delta.fragment_id
                if element.WhichOneof("type") == element_type:
                    return getattr(element, element_type)

        ask()
        assert until("text").body == "1 runs, 0 clicks"
        ask()
        until("markdown")
        click = WidgetState(id=button, trigger_value=True)
        ask(widget_states=WidgetStates(widgets=[click]), fragment_id=fragment)
        ask(widget_states=WidgetStates())
        said: str = until("text").body
        return said
