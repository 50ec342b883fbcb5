"""The server: `streamlit run app.py`. Streamlit's pages and, beside them, the live routes."""

from __future__ import annotations

import ctypes
import gc
import importlib
import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import streamlit as st
from google.protobuf.message import DecodeError
from starlette.middleware import Middleware
from streamlit.file_util import get_static_dir
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

import live
from live.models import held_ids, open_model
from live.places import first_model
from ui.components.modules import publish_all
from ui.frame import navigation
from ui.frame.classroom import entrance
from ui.frame.room import keep_swept
from ui.frame.work import pages_take_turns
from vae_core.errors import CheckpointError
from vae_core.plugins import load_plugins

HERE = Path(__file__).resolve().parent
TRIMMED_SECONDS, GROWN = 60, 1.03
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h
DRAWN_SECONDS = 10  # from the first model's opening to the first page's image, with much to spare

logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
logging.getLogger("zscape").setLevel(logging.INFO)

with suppress(OSError, AttributeError):  # another system, or C library, does without
    # glibc gives each thread that waits a heap of its own, up to sixteen, and a session is many
    # threads: what they had taken would stay there in pieces. So would arrays: once one has been
    # freed, it takes others of its size from the heap, up to 32 MB, unless it is told where to end.
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 20)

if Path.cwd() != HERE:  # what is used lies beside this file, wherever it is served from
    for name in ("checkpoints", "data", "runs"):
        variable = f"ZSCAPE_{name.upper()}"
        os.environ[variable] = os.environ.get(variable) or str(HERE / name)

if os.environ.get("ZSCAPE_ALONE") != "1":  # others wait for their turn
    os.environ.setdefault("ZSCAPE_RUN_HOURS", "2")

publish_all()


def load_libraries(ending: threading.Event) -> None:
    """Import and open what the first page needs, while the visitor's browser still loads it.

    When that page is drawn: what torch imports at a first derivative or optimiser, two seconds.
    """
    from vae_core.models.latent_model import surround_passes  # with torch

    surround_passes(pages_take_turns)
    with suppress(CheckpointError):  # the page itself says what is wrong with it
        open_model(next(iter(held_ids()), first_model()))
    gc.freeze()  # what is imported stays: later collections need not look at it
    if not ending.wait(DRAWN_SECONDS):
        importlib.import_module("torch._dynamo")
        gc.freeze()


def give_back_memory(ending: threading.Event) -> None:
    """To the system, what visitors who have left had taken: glibc keeps it else, in pieces."""
    with suppress(OSError, AttributeError):  # another system, or C library, does without
        trim, least = ctypes.CDLL(None).malloc_trim, 0.0
        while not ending.wait(TRIMMED_SECONDS):
            if resident() > GROWN * least:
                gc.collect()  # sessions refer to themselves; by itself Python may wait for long
                trim(0)  # others wait for it, some 50 ms
                least = resident()


def resident() -> float:
    """Memory of this process, in pages (Linux)."""
    return float(Path("/proc/self/statm").read_text().split()[1])


def held() -> dict[str, int]:
    """Bytes of the files that Streamlit holds for each session, by its id."""
    files = get_instance().uploaded_file_mgr
    assert isinstance(files, MemoryUploadedFileManager)
    return {
        session: sum(len(file.data) for file in list(of_session.values()))
        for session, of_session in list(files.file_storage.items())
    }


def is_message(data: bytes) -> bool:
    """Whether these are what a browser may say to Streamlit."""
    try:
        BackMsg.FromString(data)
    except DecodeError:
        return False
    return True


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    load_plugins()  # what is wrong with one is said before anybody comes, too
    entrance()  # what is wrong with it is said before anybody comes
    threading.Thread(target=keep_swept, daemon=True).start()
    ending = threading.Event()
    own = [
        threading.Thread(target=work, args=(ending,), daemon=True)
        for work in (load_libraries, give_back_memory)
    ]
    for thread in own:
        thread.start()
    yield
    ending.set()
    for thread in own:  # Python must not end while one of them is inside of torch
        thread.join()


# The script may not stand beside pages/: until a script has called st.navigation, Streamlit takes
# such a folder for an app of its older kind, and the first visitor who comes by a link gets that.
app = st.App(
    navigation.__file__,
    routes=live.routes,
    middleware=[
        Middleware(live.Connections),
        Middleware(
            live.Gate,
            hosts=partial(st.get_option, "server.allowedHosts"),
            root=Path(get_static_dir()),
        ),
        Middleware(live.Frames, sound=is_message),
        Middleware(live.Bodies, held=held),
        Middleware(live.VisitorCookie),
        Middleware(live.Classroom, entrance=entrance),
        Middleware(live.BasePath, base=partial(st.get_option, "server.baseUrlPath")),
        Middleware(live.Frontend, root=Path(get_static_dir())),
        Middleware(live.CurrentAddress),
        Middleware(live.NotHere),
    ],
    lifespan=lifespan,
    on_script_error=navigation.report_error,
)
