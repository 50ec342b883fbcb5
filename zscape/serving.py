"""Streamlit in this process: at a free port, with a browser that is opened once it answers."""

from __future__ import annotations

import errno
import http.client
import ipaddress
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import webbrowser
from pathlib import Path

from filelock import FileLock, Timeout

from vae_core.errors import ConfigError
from zscape.places import APP

PORT = 8501  # Streamlit's own
PORTS_TRIED = 100
_kept: dict[int, FileLock] = {}  # this process's ports


def is_this_machine(host: str) -> bool:
    """Whether only this machine reaches a server that listens at `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def free_port(host: str, wanted: int | None = None, *, keep: bool = False) -> int:
    """`wanted`, or 8501, or the next port that is free, which is said; ConfigError without one.

    keep: no other process gets it here from now on, though this one listens only seconds later.
    """
    first = wanted or PORT
    for port in range(first, min(first + PORTS_TRIED, 2**16)):
        if _is_free(host, port) and (not keep or _keep(port)):
            if port != first:
                print(f"zscape: port {first} is in use; {port} is taken instead.", file=sys.stderr)
            return port
    raise ConfigError(f"The ports from {first} to {port} are all in use; choose another.")


def _is_free(host: str, port: int) -> bool:
    """Whether Streamlit will get this port; ConfigError where nobody could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            if sys.platform != "win32":  # there it would share a port with whoever has it
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen()
    except PermissionError as error:
        raise ConfigError(f"You may not listen at port {port}; choose one above 1023.") from error
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            return False
        raise ConfigError(f"{host[:80]!r} is no address of this machine.") from error
    return True


def _keep(port: int) -> bool:
    """Keep a port for this process as long as it lives; False where another one has."""
    if port not in _kept:
        user = os.getuid() if sys.platform != "win32" else 0  # there the folder is the user's own
        lock = FileLock(Path(tempfile.gettempdir()) / f".zscape-port-{port}-{user}")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError:  # nothing can be kept there
            return True
        _kept[port] = lock
    return True


def serve(host: str, port: int, address: str, browser: bool) -> int:
    """Serve the app until Ctrl-C; the exit code. address: what a browser opens, from "/"."""
    from streamlit.web.cli import main as streamlit

    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn passes them on when it has closed
        signal.signal(number, _leave)
    threading.Thread(target=_welcome, args=(host, port, address, browser), daemon=True).start()
    try:
        streamlit(
            ["run", str(APP), f"--server.address={host}", f"--server.port={port}",
             "--server.headless=true", "--logger.hideWelcomeMessage=true"],
            prog_name="streamlit",
        )  # fmt: skip
    except SystemExit as end:
        return 1 if end.code else 0  # what was wrong is said
    return 0


def _leave(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


def _welcome(host: str, port: int, address: str, browser: bool) -> None:
    """Say where the app is, as soon as it is there."""
    from streamlit import config

    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    near = everywhere.get(host, host)
    while not _answers(near, port):
        time.sleep(0.05)
    shown = f"[{near}]" if ":" in near else near
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    url = f"http://{shown}:{port}{base and '/'}{base}{address}"
    print(f"Zscape is at {url} (Ctrl-C ends it)", flush=True)
    if not is_this_machine(host):
        print(f"Other machines reach it at port {port} of this one.", flush=True)
    if browser:
        webbrowser.open(url)


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=60)
    try:
        connection.request("GET", "/_stcore/health")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
