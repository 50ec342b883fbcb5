"""What a visitor does while a page is being drawn, in Streamlit's own words, without a browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.sync.client import connect

from tests.browser.conftest import running_app

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

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


# A run that takes its time to begin, and a callback that takes its time and asks for something.
SLOW = """
import time
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from ui.widgets import clicked

if not hasattr(PagesManager, "at_once"):
    PagesManager.at_once = PagesManager.get_initial_active_script
    def slowly(self, page):
        time.sleep(BEGINNING)
        return PagesManager.at_once(self, page)
    PagesManager.get_initial_active_script = slowly

def note():
    time.sleep(CALLBACK)
    st.session_state["noted"] = st.session_state.get("noted", 0) + 1

@st.fragment
def part():
    if clicked("Go", on_click=note):
        st.session_state["heard"] = st.session_state.get("heard", 0) + 1

part()
st.text(f"{st.session_state.get('noted', 0)} noted, {st.session_state.get('heard', 0)} heard")
"""

# A button that goes once it was heard, until somebody asks for it.
GOES = """
import streamlit as st
from ui.widgets import clicked, page_drawn

if "back" in st.query_params:
    st.session_state["gone"] = False

@st.fragment
def part():
    if not st.session_state.get("gone"):
        if clicked("Go"):
            st.session_state["heard"] = st.session_state.get("heard", 0) + 1
            st.session_state["gone"] = True
            st.rerun()
    st.text(f"{st.session_state.get('heard', 0)} heard")

with page_drawn():
    part()
"""


class Visitor:
    """What a browser says to a script of ours, and hears from it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._page = self._button = self._fragment = ""

    def ask(self, **state: Any) -> None:
        asked = ClientState(page_script_hash=self._page, **state)
        self._socket.send(BackMsg(rerun_script=asked).SerializeToString())

    def click(self, *, fragment: bool = True) -> None:
        """The button drawn last; as its part of the page asks for it, or the whole page."""
        click = WidgetStates(widgets=[WidgetState(id=self._button, trigger_value=True)])
        self.ask(widget_states=click, fragment_id=self._fragment if fragment else "")

    def until(self, element_type: str) -> Any:
        """The next element of that kind."""
        for data in self._socket:
            message = ForwardMsg.FromString(data)
            if message.WhichOneof("type") == "new_session":
                self._page = message.new_session.page_script_hash
            element = message.delta.new_element
            if element.WhichOneof("type") == "button":
                self._button, self._fragment = element.button.id, message.delta.fragment_id
            if element.WhichOneof("type") == element_type:
                return getattr(element, element_type)
        raise AssertionError("the server has hung up")

    def reads(self) -> str:
        text: str = self.until("text").body
        return text


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Callable[[str], Visitor]]:
    """`visit(SCRIPT)`: somebody who looks at that."""
    with ExitStack() as stack:

        def visited(source: str) -> Visitor:
            script = tmp_path / "script.py"
            script.write_text(source)
            app = stack.enter_context(running_app(tmp_path, script=script, PYTHONPATH="."))
            address = app.url.replace("http", "ws", 1) + "/_stcore/stream"
            socket = connect(address, subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
            visitor = Visitor(stack.enter_context(socket))
            visitor.ask()
            return visitor

        yield visited


def test_a_click_counts_where_another_run_is_asked_for_before_its_own_begins(
    visit: Callable[[str], Visitor],
) -> None:
    visitor = visit(SCRIPT)
    assert visitor.reads() == "1 runs, 0 clicks"
    visitor.ask()
    visitor.until("markdown")
    visitor.click()
    visitor.ask(widget_states=WidgetStates())
    assert visitor.reads() == "2 runs, 1 clicks"


@pytest.mark.parametrize(("beginning", "callback"), [(0.5, 0.0), (0.0, 0.5)])
def test_a_click_counts_where_another_run_is_asked_for_as_its_own_begins(
    beginning: float, callback: float, visit: Callable[[str], Visitor]
) -> None:
    slow = SLOW.replace("BEGINNING", str(beginning)).replace("CALLBACK", str(callback))
    visitor = visit(slow)
    assert visitor.reads() == "0 noted, 0 heard"
    visitor.click()
    time.sleep(0.25)  # half of what the beginning or the callback takes
    visitor.ask(widget_states=WidgetStates())
    assert visitor.reads() == "1 noted, 1 heard"


def test_a_click_told_once_more_when_its_button_is_gone_does_not_act_when_it_comes_back(
    visit: Callable[[str], Visitor],
) -> None:
    visitor = visit(GOES)
    assert visitor.reads() == "0 heard"
    visitor.click(fragment=False)
    assert visitor.reads() == "1 heard"
    visitor.click()
    assert visitor.reads() == "1 heard"
    visitor.ask(query_string="back", widget_states=WidgetStates())
    visitor.until("button")
    assert visitor.reads() == "1 heard"
    visitor.click()
    assert visitor.reads() == "2 heard"
