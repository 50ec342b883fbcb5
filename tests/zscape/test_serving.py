"""The server: its port, who reaches it, and how it ends."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.proxies import free_port as any_port
from vae_core import ConfigError
from vae_core.checkpoints.archives import zip_checkpoint
from zscape.serving import free_port, is_this_machine

ROOT = Path(__file__).resolve().parents[2]
InUse = Callable[[], AbstractContextManager[int]]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_this_machine_alone(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org"])
def test_other_machines_too(host: str) -> None:
    assert not is_this_machine(host)


def test_a_port_in_use_gives_way_to_the_next_free_one(
    in_use: InUse, capsys: pytest.CaptureFixture[str]
) -> None:
    with in_use() as taken:
        port = free_port("127.0.0.1", taken)
    assert port > taken
    said = f"zscape: port {taken} is in use; {port} is taken instead.\n"
    assert capsys.readouterr().err == said


def test_a_free_port_is_taken_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    port = any_port()
    assert free_port("127.0.0.1", port) == port
    assert capsys.readouterr().err == ""


CHOOSES = """
import sys
from zscape.serving import free_port
print(free_port("127.0.0.1", int(sys.argv[1]), keep=True), flush=True)
input()
"""


def test_of_two_that_begin_at_once_each_has_a_port_of_its_own() -> None:
    """The first has chosen its port, and is not listening yet."""
    port = any_port()
    with subprocess.Popen(
        [sys.executable, "-c", CHOOSES, str(port)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as first:  # fmt: skip
        try:
            assert first.stdout is not None and int(first.stdout.readline()) == port
            assert free_port("127.0.0.1", port, keep=True) > port
        finally:
            first.kill()
    assert free_port("127.0.0.1", port, keep=True) == port
    assert free_port("127.0.0.1", port, keep=True) == port  # its own


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is kept")
def test_a_port_that_a_test_s_server_will_have_is_nobody_else_s_until_then() -> None:
    port = any_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    assert free_port("127.0.0.1", port) == port
    with socket.create_server(("127.0.0.1", port)):
        socket.create_connection(("127.0.0.1", port), timeout=60).close()


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1", "http://localhost", "a" * 300])
def test_an_address_of_no_machine_here_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="no address of this machine"):
        free_port(host)


def test_it_opens_a_browser_ends_quietly_and_leaves_nothing_unpacked(
    serving: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    archive, scratch = tmp_path / "mine.zip", tmp_path / "scratch"
    archive.write_bytes(zip_checkpoint(ROOT / "checkpoints" / "digits-2d"))
    scratch.mkdir()
    asked, browser = tmp_path / "asked", tmp_path / "browser"
    os.mkfifo(asked)
    browser.write_text(f'#!/bin/sh\necho "$1" > {shlex.quote(str(asked))}\n')
    browser.chmod(0o700)
    variables = {"PYTHONPATH": str(ROOT), "TMPDIR": str(scratch), "BROWSER": str(browser)}
    command = [sys.executable, "-m", "zscape", archive, "--port", str(any_port())]
    with serving(*command, **variables) as served:
        assert asked.read_text() == f"{served.url}\n"
        assert served.url.endswith("/?model=mine")
        assert [*scratch.glob("zscape-*/mine/model.safetensors")]
        assert served.end(signal.SIGINT) == (0, "")
    assert [*scratch.glob("zscape-*")] == []
