"""The app in this process, beside whatever else it does: in a thread with an event loop of its own.

Streamlit starts once in a process and cannot start again, so the app stays up from the first
`listen` on; what comes and goes are the ports at which it listens.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib.util
import os
import socket
import threading
from concurrent.futures import Future
from functools import cache
from typing import Any

from uvicorn import Config, Server
from uvicorn.lifespan.off import LifespanOff
from uvicorn.lifespan.on import LifespanOn

from vae_core.errors import ConfigError, ZscapeError
from zscape.places import APP, set_defaults

HOST = "127.0.0.1"  # whoever sits at this machine, and nobody else
ENDING_SECONDS = 60  # on a busy machine, or while torch is still being imported
CLOSING_SECONDS = 2  # until those who are still connected are cut off


class Listening:
    """The app at one port of this machine, until it is closed."""

    def __init__(self, port: int) -> None:
        """ConfigError where the app cannot be served from this process; OSError of the port."""
        loop, config = _app()
        self.port = port
        self._socket = socket.create_server((HOST, port), backlog=config.backlog)
        self._server = Server(config)
        self._ended: Future[None] = asyncio.run_coroutine_threadsafe(
            self._server.serve(sockets=[self._socket]), loop
        )

    def wait(self) -> None:
        """Until it is closed, from another thread or by Ctrl-C."""
        while not self._ended.done():
            try:  # with a time, for nothing interrupts a wait without an end on Windows
                self._ended.exception(timeout=0.5)
            except TimeoutError:
                continue

    def close(self) -> None:
        """Listen no longer; who is connected is disconnected."""
        self._server.should_exit = True
        try:
            self._ended.result(timeout=ENDING_SECONDS)
        finally:
            self._socket.close()


@cache
def _app() -> tuple[asyncio.AbstractEventLoop, Config]:
    """The app, started, with the loop in which it lives and the configuration of its servers."""
    from streamlit import config, runtime
    from streamlit.web import bootstrap
    from streamlit.web.server.starlette.starlette_server import _get_uvicorn_config_kwargs

    if runtime.exists():
        raise ConfigError(
            "A Streamlit app runs in this process already, and there is room for one; call "
            "zscape.explore from a script or a notebook."
        )
    set_defaults()
    os.environ["ZSCAPE_ALONE"] = "1"
    config._main_script_path = str(APP)  # as `streamlit run` does: .streamlit/ lies beside it
    bootstrap.load_config_options(
        {"server.address": HOST, "server.headless": True, "logger.hideWelcomeMessage": True}
    )
    served = Config(
        _loaded().app,
        **_get_uvicorn_config_kwargs(),
        log_level="warning",
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="zscape", daemon=True).start()
    lifespan = asyncio.run_coroutine_threadsafe(_start(served), loop).result()

    def end() -> None:  # what the app began must not go on while Python ends
        asyncio.run_coroutine_threadsafe(lifespan.shutdown(), loop).result(timeout=ENDING_SECONDS)

    atexit.register(end)
    return loop, served


def _loaded() -> Any:
    """The module app.py, under a name that nobody else's module has."""
    spec = importlib.util.spec_from_file_location("zscape_app", APP)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def _start(config: Config) -> LifespanOn:
    """Start the app; the servers of this configuration leave it as it is from then on."""
    config.load()
    lifespan = LifespanOn(config)  # the app's middleware bounds the protocols of its config
    await lifespan.startup()
    if lifespan.should_exit:
        raise ZscapeError("The app could not be started; the log says why.")
    config.lifespan_class = LifespanOff
    return lifespan
