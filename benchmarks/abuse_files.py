"""What a stranger can bring as a file, and what may happen to the server's own files and processes.

Each function of ATTACKS takes the `Target` and gives in words how it went, or raises `Wrong`. What
is killed are servers and trainers that the attack has started itself.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.abuse_bytes import WAIT_SECONDS, Wrong, put, socket_to
from benchmarks.served import ROOT, server

SHIPPED = ROOT / "checkpoints" / "digits-2d"
HOSTILE = "=cmd|' /C calc'!A0 <img src=//evil.test/i.png> [evil](//evil.test) $evil$ '\"\\ {evil}"
WENT_WRONG = "went wrong"


@dataclass(frozen=True)
class Target:
    """The server under attack: its address and process, and the folder of runs."""

    url: str
    runs: Path
    pid: int = 0

    def socket(self, path: str) -> str:
        return self.url.replace("http", "ws", 1) + path


class Tab:
    """A browser's tab over Streamlit's own protocol: it opens pages, presses, brings files."""

    def __init__(self, url: str, socket: Any, page: str, query: str) -> None:
        self.url, self.socket, self.page, self.query = url, socket, page, query
        self.session = ""
        self.widgets: dict[str, str] = {}  # ids, by label
        self.alerts: list[str] = []
        self.texts: list[str] = []  # Markdown that was sent
        with urllib.request.urlopen(f"{url}/_stcore/health") as answer:
            self.cookie = answer.headers["Set-Cookie"].partition(";")[0]

    async def run(self, widget: dict[str, Any] | None = None) -> None:
        """Ask for a run of the script, and wait until it has finished."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ClientState_pb2 import ClientState
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates

        states = WidgetStates(widgets=[WidgetState(**widget)] if widget else [])
        asked = ClientState(page_name=self.page, query_string=self.query, widget_states=states)
        self.alerts.clear()
        await self.socket.send(BackMsg(rerun_script=asked).SerializeToString())
        async with asyncio.timeout(WAIT_SECONDS):
            async for data in self.socket:
                message = ForwardMsg.FromString(data)
                kind = message.WhichOneof("type")
                if kind == "new_session":
                    self.session = message.new_session.initialize.session_id
                elif kind == "delta":
                    self._note(message.delta.new_element)
                elif kind == "script_finished":
                    return

    def _note(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind in ("button", "file_uploader"):
            of = getattr(element, kind)
            self.widgets[of.label] = of.id
        elif kind == "alert":
            self.alerts.append(element.alert.body)
        elif kind == "markdown":
            self.texts.append(element.markdown.body)

    async def press(self, label: str) -> None:
        await self.run(widget={"id": self.widgets[label], "trigger_value": True})

    async def bring(self, label: str, name: str, data: bytes) -> None:
        """Take up a file, as the widget of that label does."""
        from streamlit.proto.Common_pb2 import FileUploaderState, FileURLs, UploadedFileInfo

        file = secrets.token_hex(8)
        await asyncio.to_thread(put, self.url, self.session, self.cookie, data, 1, file)
        path = f"/_stcore/upload_file/{self.session}/{file}"
        urls = FileURLs(file_id=file, upload_url=path, delete_url=path)
        info = UploadedFileInfo(file_id=file, name=name, size=len(data), file_urls=urls)
        brought = FileUploaderState(uploaded_file_info=[info])
        widget = {"id": self.widgets[label], "file_uploader_state_value": brought}
        await self.run(widget=widget)


async def opened(url: str, page: str, query: str = "") -> tuple[Tab, Any]:
    """A page in a tab of its own, and the socket to close."""
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    socket = await socket_to(address, subprotocols=["streamlit"])
    tab = Tab(url, socket, page, query)
    await tab.run()
    return tab, socket


def image_bombs(target: Target) -> str:
    """Images of few bytes and many pixels, brought on Train live."""

    async def attack() -> str:
        told = []
        for name, data in bombs().items():
            tab, socket = await opened(target.url, "train", "dataset=own")
            await tab.bring("Your own images", name, data)
            await socket.close()
            if not tab.alerts or any(WENT_WRONG in alert for alert in tab.alerts):
                raise Wrong(f"{name}: {tab.alerts}")
            told.append(name)
        return f"refused: {', '.join(told)}"

    return asyncio.run(attack())


def bombs() -> dict[str, bytes]:
    """A GIF that grows, one of 100,000 images, a stack of huge pages, a film, a zip of zips."""
    from PIL import Image

    side = 7_000
    blank = Image.new("1", (side, side))
    stack = io.BytesIO()
    blank.save(stack, "TIFF", compression="group4", save_all=True, append_images=[blank] * 19)
    of_large = io.BytesIO()
    Image.new("P", (10_000, 10_000)).save(of_large, "GIF")
    grown = of_large.getvalue()
    grown = grown[grown.index(b"," + bytes(4) + (10_000).to_bytes(2, "little")) : -1]
    head = b"GIF89a\x01\0\x01\0\xf0\0\0" + bytes(3) + b"\xff" * 3
    pixel = b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0"
    within = io.BytesIO()
    with zipfile.ZipFile(within, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("0/a.gif", head + pixel + grown * 3 + b";")
        bundle.writestr("1/b.gif", head + pixel + grown * 3 + b";")
    return {
        "grows.zip": within.getvalue(),
        "many.gif": head + pixel * 100_000 + grown + b";",
        "stack.tif": stack.getvalue(),
        "film.png": film(side, 100_000),
    }


def film(side: int, n: int) -> bytes:
    """An APNG of `n` images, all but the first of one pixel on a canvas of side x side."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    def control(number: int, w: int) -> bytes:
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, w, w, 0, 0, 1, 10, 0, 0))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    parts = [b"\x89PNG\r\n\x1a\n", head, chunk(b"acTL", struct.pack(">II", n, 0)), control(0, side)]
    parts.append(chunk(b"IDAT", zlib.compress(bytes((side + 1) * side))))
    pixel = zlib.compress(bytes(2))
    for k in range(1, 2 * n - 1, 2):
        parts += [control(k, 1), chunk(b"fdAT", struct.pack(">I", k + 1) + pixel)]
    return b"".join([*parts, chunk(b"IEND", b"")])


def hostile_strings(target: Target) -> str:
    """A model whose every name is code, on the pages that show names."""
    token = f"upload-{secrets.token_hex(12)}"
    folder = target.runs / token / "checkpoint"
    shutil.copytree(SHIPPED, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    names = [f"{k}{HOSTILE}"[:80] for k in range(10)]
    config |= {"dataset": HOSTILE, "class_names": names, "factor_names": [HOSTILE[:80]]}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")

    async def attack() -> str:
        pages = ("", "encoded", "factors", "compare", "clusters", "train", "runs", "labels")
        for page in pages:
            tab, socket = await opened(target.url, page, f"model=run:{token}")
            await socket.close()
            if any(WENT_WRONG in alert for alert in tab.alerts):
                raise Wrong(f"{page or 'overview'} went wrong.")
            if any("[evil](" in text or "$evil$" in text for text in [*tab.texts, *tab.alerts]):
                raise Wrong(f"{page or 'overview'} shows a name as markup.")
        return f"{len(pages)} pages showed them as they are"

    return asyncio.run(attack())


def clocks(target: Target) -> str:
    """Runs and files of the year 2100 and of 1970, and a status that starts in the future."""
    from vae_core.runs.run import Status, create_run
    from vae_core.training.config import TrainConfig

    for k, when in enumerate((4.1e9, 1.0, time.time() + 86_400)):
        run = create_run(TrainConfig(dataset="digits"), target.runs / f"digits-{k:024d}")
        run.write_status(Status("running", started=when, begun=True))
        for file in run.path.rglob("*"):
            os.utime(file, (when, when))
        if run.status().active:
            raise Wrong("A run of no process is waited for.")

    async def attack() -> str:
        query = "runs=" + ",".join(f"digits-{k:024d}" for k in range(3))
        for page in ("runs", "train"):
            tab, socket = await opened(target.url, page, query)
            await socket.close()
            if any(WENT_WRONG in alert for alert in tab.alerts):
                raise Wrong(f"{page} went wrong.")
        return "none is waited for, the pages stand"

    return asyncio.run(attack())


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A disk of its own; Wrong where none can be mounted."""
    with tempfile.TemporaryDirectory(prefix="zscape-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
            raise Wrong("No small disk can be mounted here: not tried.")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def full_disk(_target: Target) -> str:
    """A server whose disk is full: pages open, what is kept is refused by a sentence."""
    with small_disk(4) as disk, server(ZSCAPE_RUNS=str(disk), ZSCAPE_ALONE="0") as (url, _):
        with (disk / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass

        async def attack() -> str:
            tab, socket = await opened(url, "decode")
            said = list(tab.alerts)
            if "Lead a class" in tab.widgets:
                await tab.press("Lead a class")
                said += tab.alerts
            for tab.page in ("train", "runs"):
                await tab.run()
                said += tab.alerts
            await socket.close()
            if any(WENT_WRONG in alert for alert in said):
                raise Wrong(f"{said}")
            return "; ".join(dict.fromkeys(said)) or "the pages stand"

        return asyncio.run(attack())


def killed_server(_target: Target) -> str:
    """A server killed while a training goes on: the next one finds it, and it ends as it would."""
    from vae_core.checkpoints.reading import load_checkpoint

    with tempfile.TemporaryDirectory(prefix="zscape-killed-") as folder:
        variables = {"ZSCAPE_RUNS": folder, "ZSCAPE_ALONE": "0"}

        with server(**variables) as (url, pid):
            start_training(url)
            run = wait_for(lambda: next(iter(runs_in(folder)), None))
            wait_for(lambda: run.status().begun)
            os.kill(pid, signal.SIGKILL)
        with server(**variables):
            wait_for(lambda: not run.status().active)
            if (state := run.status().state) != "finished":
                raise Wrong(f"The run is {state}: {run.status().message}")
            load_checkpoint(run.checkpoint)
        return "the run went on to its end"


def start_training(url: str) -> None:
    """As a visitor does, in Chromium."""
    from playwright.sync_api import sync_playwright

    from benchmarks.served import chromium

    with sync_playwright() as playwright, chromium(playwright) as browser:
        page = browser.new_page()
        page.goto(f"{url}/train?dataset=digits&epochs=20")
        page.get_by_test_id("start-training").click(timeout=1_000 * WAIT_SECONDS)
        page.get_by_test_id("stop-training").wait_for(timeout=1_000 * WAIT_SECONDS)


def killed_trainer(_target: Target) -> str:
    """A trainer killed while it writes a snapshot: resumed, it reaches the same bits."""
    import torch

    from vae_core.checkpoints.reading import load_checkpoint
    from vae_core.runs.run import create_run
    from vae_core.runs.trainer import work
    from vae_core.training.config import TrainConfig

    config = TrainConfig(dataset="digits", hidden=(32,), epochs=12, batch_size=100)
    with tempfile.TemporaryDirectory(prefix="zscape-killed-") as folder:
        whole = create_run(config, Path(folder, "whole"))
        work(whole)
        run = create_run(config, Path(folder, "run"))
        command = [sys.executable, "-m", "vae_core", "train", "--resume", str(run.path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as trainer:
            wait_for(lambda: is_writing(run.path) or trainer.poll() is not None, 0.0)
            trainer.kill()
        before = run.status().state
        if before == "failed":
            work(run)
        weights = [load_checkpoint(each.checkpoint).state_dict() for each in (whole, run)]
        if not all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0]):
            raise Wrong("The weights are others.")
        return f"{before} when it was killed, then of the same bits"


def is_writing(folder: Path) -> bool:
    """Whether a snapshot is there, or a part of one."""
    try:
        return any((folder / "snapshots").iterdir())
    except OSError:
        return False


def killed_network(target: Target) -> str:
    """The process of a foreign network, killed: others are answered, and it is told."""
    from vae_core.checkpoints.onnx.importing import onnx_model, read_onnx
    from vae_core.checkpoints.writing import save_checkpoint
    from vae_core.export.onnx import write_onnx

    token = f"upload-{secrets.token_hex(12)}"
    with tempfile.TemporaryDirectory(prefix="zscape-onnx-") as folder:
        write_onnx(SHIPPED, folder)
        model = onnx_model(read_onnx(Path(folder, "decoder.onnx"), Path(folder, "encoder.onnx")))
        save_checkpoint(target.runs / token / "checkpoint", model)

    async def attack() -> str:
        from websockets.exceptions import ConnectionClosed

        async def decoded(model: str, kill: Callable[[], object] = lambda: None) -> str:
            frame = struct.pack("<IBBH", 1, 1, 0, 1) + bytes(8)
            address = target.socket(f"/live/decode?model={model}")
            try:
                async with asyncio.timeout(WAIT_SECONDS), socket_to(address) as socket:
                    await socket.recv()
                    for _ in range(2):
                        await socket.send(frame)
                        await socket.recv()
                        kill()
            except ConnectionClosed as closed:
                return closed.rcvd.reason if closed.rcvd else "no word"
            return "answered"

        told = await decoded(f"run:{token}", lambda: kill_networks_of(target.pid))
        if "killed from outside" not in told:
            raise Wrong(f"Whose network was killed was told: {told or 'nothing'}.")
        if (again := await decoded(f"run:{token}")) != "answered":
            raise Wrong(f"Whose network was killed was told when it asked again: {again}")
        if (other := await decoded("digits-2d")) != "answered":
            raise Wrong(f"Another model was not answered: {other}")
        return told

    return asyncio.run(attack())


def kill_networks_of(pid: int) -> None:
    """End the processes of foreign networks that a server has started."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"onnx" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)


def runs_in(folder: str) -> Sequence[Any]:
    from vae_core.runs.run import list_runs

    return list_runs(Path(folder))


def wait_for(found: Callable[[], Any], pause: float = 0.05) -> Any:
    """What `found` gives, once that is something; Wrong where it never is."""
    end = time.monotonic() + WAIT_SECONDS
    while not (it := found()):
        if time.monotonic() > end:
            raise Wrong("It did not come so far.")
        time.sleep(pause)
    return it


ATTACKS: dict[str, Callable[[Target], str]] = {
    "image-bombs": image_bombs,
    "hostile-strings": hostile_strings,
    "clocks": clocks,
    "full-disk": full_disk,
    "killed-server": killed_server,
    "killed-trainer": killed_trainer,
    "killed-network": killed_network,
}
