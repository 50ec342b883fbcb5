"""How long the server takes for a native slider while many visitors move theirs.

    python -m benchmarks.visitors                              # 60 visitors, once a second each
    python -m benchmarks.visitors --visitors 10 60 --json visitors.json

Each visitor opens Decode z over Streamlit's own WebSocket protocol and moves the first slider;
measured from sending the new value to the server's word that the fragment's run has finished.
The load runs in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from benchmarks.served import quantiles, server, show, under_load

PAGE = "decode"
REACH = 4.0  # of the sliders


class Visitor:
    """One browser's session, as far as a slider needs it."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.slider = self.fragment = self.page = ""

    async def run(self, **state: Any) -> None:
        """Ask for a run of the script or of a fragment, and wait until it has finished."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ClientState_pb2 import ClientState

        asked = ClientState(page_script_hash=self.page, **state)
        await self.socket.send(BackMsg(rerun_script=asked).SerializeToString())
        async for message in self.messages():
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.page = message.new_session.page_script_hash
            elif kind == "delta":
                element = message.delta.new_element
                if element.WhichOneof("type") == "slider" and not self.slider:
                    self.slider, self.fragment = element.slider.id, message.delta.fragment_id
            elif kind == "script_finished":
                return

    async def messages(self) -> AsyncIterator[Any]:
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        async for data in self.socket:
            yield ForwardMsg.FromString(data)

    async def move_slider(self) -> None:
        from streamlit.proto.Common_pb2 import DoubleArray
        from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates

        value = DoubleArray(data=[round(random.uniform(-REACH, REACH), 2)])
        states = WidgetStates(widgets=[WidgetState(id=self.slider, double_array_value=value)])
        await self.run(widget_states=states, fragment_id=self.fragment)


async def load(url: str, visitors: int, seconds: float) -> dict[str, Any]:
    """`visitors` come one after another, then each moves its slider once a second."""
    from websockets.asyncio.client import connect

    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    milliseconds: list[float] = []
    all_here = asyncio.Event()
    arrivals = asyncio.Semaphore(2)
    here = 0

    async def visit(k: int) -> None:
        nonlocal here
        async with connect(address, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
            visitor = Visitor(socket)
            async with arrivals:
                await visitor.run(page_name=PAGE)
                if not visitor.slider:
                    raise SystemExit("Decode z showed no slider; the app's log says why.")
                await visitor.move_slider()
            here += 1
            if here == visitors:
                all_here.set()
            await all_here.wait()
            due = time.perf_counter() + k / visitors
            end = time.perf_counter() + seconds
            while due < end:
                await asyncio.sleep(due - time.perf_counter())
                start = time.perf_counter()
                await visitor.move_slider()
                milliseconds.append(1000 * (time.perf_counter() - start))
                due = max(due + 1, time.perf_counter())

    await asyncio.gather(*(visit(k) for k in range(visitors)))
    return {"moves_per_second": len(milliseconds) / seconds, **quantiles(milliseconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--visitors", type=int, nargs="*", default=[1, 60])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--json", type=Path, help="write the figures there")
    # How this program starts its load in a process of its own:
    parser.add_argument("--load", nargs=2, metavar=("URL", "VISITORS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.load:
        print(json.dumps(asyncio.run(load(args.load[0], int(args.load[1]), args.seconds))))
        return

    rows: list[dict[str, Any]] = []
    with server() as (url, pid):
        for visitors in args.visitors:
            options = ["--seconds", str(args.seconds)]
            loaded = under_load("benchmarks.visitors", url, pid, visitors, *options)
            rows.append({"what": f"{visitors} visitors", **loaded})
    show(rows, "moves_per_second", args.json)


if __name__ == "__main__":
    main()
