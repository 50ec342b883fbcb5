"""Several servers of one folder of runs: what one counts, publishes or holds, the others know."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from live.blobs import BlobFolder
from live.servers import Counts, Full, shared_folder

ROOT = Path(__file__).resolve().parents[2]
Other = Callable[[str], AbstractContextManager["subprocess.Popen[str]"]]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def other(runs: Path) -> Other:
    """`with other(program) as process`: another server of these runs, when it has said a line."""

    @contextmanager
    def run(program: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline()
                yield process
            finally:
                process.kill()

    return run


THREE_OPEN = """
from contextlib import ExitStack
from live.servers import Counts
counts = Counts("sockets")
with ExitStack() as stack:
    for _ in range(3):
        stack.enter_context(counts.one_more("a class", 10))
    print("open", flush=True)
    input()
print("closed", flush=True)
input()
"""


def test_what_is_open_at_another_server_counts(other: Other) -> None:
    counts = Counts("sockets")
    with other(THREE_OPEN) as process:
        with counts.one_more("a class", 4), pytest.raises(Full), counts.one_more("a class", 4):
            pass
        with counts.one_more("another", 1):
            pass
        with pytest.raises(Full), counts.one_more("another", 1, most=3):
            pass
        print(file=process.stdin, flush=True)
        assert process.stdout is not None and process.stdout.readline()
        with counts.one_more("a class", 1, most=1):
            pass


def test_what_was_open_at_a_server_that_died_counts_no_longer(other: Other) -> None:
    counts = Counts("sockets")
    with other(THREE_OPEN) as process:
        with pytest.raises(Full), counts.one_more("a class", 3):
            pass
        process.kill()
        process.wait()
        with counts.one_more("a class", 1, most=1):
            pass


def test_who_is_refused_is_not_counted(runs: Path) -> None:
    counts = Counts("sockets")
    with counts.one_more("a", 1):
        for _ in range(3):
            with pytest.raises(Full), counts.one_more("a", 1):
                pass
        with counts.one_more("b", 1, most=2):
            pass


@given(st.lists(st.sampled_from("abc"), max_size=12))
def test_each_address_has_as_many_as_it_may(those: list[str]) -> None:
    counts = Counts("each")
    with ExitStack() as stack:
        for k, address in enumerate(those):
            if those[:k].count(address) < 2:
                stack.enter_context(counts.one_more(address, 2))
            else:
                with pytest.raises(Full):
                    stack.enter_context(counts.one_more(address, 2))


def test_published_bytes_are_found_at_another_server(client: TestClient, other: Other) -> None:
    program = 'from live.blobs import publish; print(publish(b"points\\n", "a/b"), flush=True)'
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        url, _ = process.communicate()
    answer = client.get(url.strip())
    assert (answer.content, answer.headers["content-type"]) == (b"points\n", "a/b")


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_the_folder_is_bounded_and_keeps_the_newest(blobs: list[bytes]) -> None:
    folder = BlobFolder(shared_folder() / "small", max_bytes=100)
    for blob in blobs:
        key = f"{len(blob):02x}{(blob or b'-')[0]:02x}".ljust(64, "0")
        folder.add(key, blob, "a/b")
        held = [file.stat().st_size for file in folder.folder.iterdir()]
        assert sum(held) <= 100
        assert folder.get(key) is not None


def test_what_is_published_just_now_stays_whatever_the_clock_says(runs: Path) -> None:
    folder = BlobFolder(shared_folder() / "clock", max_bytes=100)
    for key in ("a" * 64, "b" * 64):
        folder.add(key, bytes(60), "a/b")
        os.utime(folder.folder / key, (4e9, 4e9))
    assert folder.get("a" * 64) is None and folder.get("b" * 64) is not None


@pytest.mark.parametrize("key", ["../../config.json", "x", "", "A" * 64])
def test_no_other_file_is_served(tmp_path: Path, key: str) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "x").write_text("a/b\nsecret")
    assert BlobFolder(tmp_path / "blobs").get(key) is None


def test_without_a_folder_each_server_keeps_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path / "file" / "runs"))
    own = shared_folder()
    assert own.is_dir() and tmp_path not in own.parents
    assert "Not a directory" in caplog.text
    with Counts("sockets").one_more("a", 1):
        pass


ON_A_FULL_DISK = """
from live.servers import Counts, shared_folder
before, after = Counts("before"), Counts("after")
len(before)
with open(shared_folder() / "filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        pass
with before.one_more("a", 1), after.one_more("a", 1):
    print(len(before), len(after))
"""


def test_a_disk_that_is_full_ends_no_server_that_counts(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        told = subprocess.run(
            [sys.executable, "-c", ON_A_FULL_DISK],
            cwd=ROOT,
            env=os.environ | {"ZSCAPE_RUNS": str(tmp_path)},
            capture_output=True,
            text=True,
        )
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)
    assert (told.returncode, told.stdout) == (0, "1 1\n"), told.stderr
