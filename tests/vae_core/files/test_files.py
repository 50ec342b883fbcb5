"""Files and folders appear whole or not at all."""

import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vae_core.errors import DataError
from vae_core.files import atomic as files
from vae_core.files.atomic import (
    LOCK,
    NO_FILE,
    SCRATCH,
    delete_folder,
    folder_written_whole,
    open_ordinary,
    read_json,
    remove_leftovers,
    scratch,
    version_of,
    write_bytes,
    write_json,
)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_bytes_are_written_into_folders_that_did_not_exist(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a" / "b" / "file", b"one")
    write_bytes(tmp_path / "a" / "b" / "file", b"two")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"two"
    assert names(tmp_path / "a" / "b") == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644
    with folder_written_whole(tmp_path / "folder"):
        pass
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) & 0o700 == 0o700


@pytest.mark.parametrize("call", ["fsync", "chmod", "replace"])
def test_a_crash_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    write_bytes(tmp_path / "file", b"old")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, call, crash)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.text()
            | st.floats(allow_nan=False, allow_infinity=False),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_json_comes_back_as_it_was(tmp_path: Path, value: dict[str, object]) -> None:
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json", DataError) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_never_holds_what_json_has_not(tmp_path: Path, value: float) -> None:
    write_json(tmp_path / "a.json", {"elbo": -1.0})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"elbo": value})
    assert json.loads((tmp_path / "a.json").read_text()) == {"elbo": -1.0}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"name": "\\ud800"}', "not valid JSON"),
        (b"\xff\xfe\xe9", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[1]", "holds a list"),
        (b"7", "holds a int"),
        (b" " * 2000, "more than 1,000 are never read"),
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_json(tmp_path / "a.json", DataError, max_bytes=1000 if len(data) == 2000 else 1 << 20)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"a.json is missing in {tmp_path.name}"):
        read_json(tmp_path / "a.json", DataError)
    with pytest.raises(DataError, match="no ordinary file"):
        read_json(tmp_path, DataError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (
        pytest.raises(DataError, match="no ordinary file"),
        open_ordinary(tmp_path / "pipe", DataError, 10),
    ):
        pass


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with folder_written_whole(tmp_path / "deep" / "folder") as folder:
            assert folder.name == "folder" and names(folder) == []
            (folder / name).write_text(name)
    assert names(tmp_path / "deep" / "folder") == ["b"]
    assert names(tmp_path / "deep") == ["folder"]


@pytest.mark.parametrize("before", ["nothing", "a folder", "a file", "a dead link"])
def test_a_crash_in_the_block_leaves_what_was_there(tmp_path: Path, before: str) -> None:
    path = tmp_path / "folder"
    if before == "a folder":
        path.mkdir()
        (path / "old").touch()
    elif before == "a file":
        path.write_text("old")
    elif before == "a dead link":
        path.symlink_to("nowhere")
    listing = sorted(tmp_path.rglob("*"))
    with pytest.raises(KeyboardInterrupt), folder_written_whole(path) as folder:
        (folder / "new").touch()
        raise KeyboardInterrupt
    assert sorted(tmp_path.rglob("*")) == listing

    with folder_written_whole(path) as folder:
        (folder / "new").touch()
    assert names(path) == ["new"] and names(tmp_path) == ["folder"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(tmp_path: Path, number: str) -> None:
    (tmp_path / "figures.json").write_text(f'{{"elbo": {number}}}')
    with pytest.raises(DataError, match="not valid JSON"):
        read_json(tmp_path / "figures.json", DataError)


STAGES = """
import sys
import tempfile
from pathlib import Path
from vae_core.files.atomic import folder_written_whole
with folder_written_whole(Path(sys.argv[1]) / "upload") as folder:
    (folder / "weights").write_bytes(b"half")
    print("begun", flush=True)
    input()
"""


def test_what_a_killed_process_left_is_removed_and_a_living_one_s_is_not(tmp_path: Path) -> None:
    ours = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", STAGES, str(tmp_path)],
        cwd=ours, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline()
        (staged,) = tmp_path.iterdir()
        remove_leftovers(tmp_path)
        assert (staged / "new" / "upload" / "weights").exists()
        process.kill()
        process.wait()
        remove_leftovers(tmp_path)
        assert names(tmp_path) == []


BORROWS = """
from vae_core.files.atomic import scratch
with scratch() as folder:
    (folder / "converted").write_bytes(b"half")
    print("begun", flush=True)
    input()
"""


def test_what_a_killed_process_left_in_temporary_folders_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    others = tmp_path / ".another-program-abcdefgh.part"
    others.touch()
    os.utime(others, (1e9, 1e9))
    with subprocess.Popen(
        [sys.executable, "-c", BORROWS],
        cwd=Path(__file__).parents[3], env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline()
        with scratch() as folder:
            assert len(list(tmp_path.glob(f".{SCRATCH}-*/converted"))) == 1
        process.kill()
        process.wait()
        with scratch() as folder:
            assert names(tmp_path) == sorted([others.name, folder.name])
    assert names(tmp_path) == [others.name]


def test_of_two_who_delete_a_folder_none_fails(tmp_path: Path) -> None:
    write_bytes(tmp_path / "folder" / "file", b"")
    delete_folder(tmp_path / "folder")
    delete_folder(tmp_path / "folder")
    assert names(tmp_path) == []


def test_a_folder_that_is_being_made_is_no_leftover(tmp_path: Path) -> None:
    """Its maker has the lock's file, and is about to hold it."""
    made = tmp_path / ".upload-abcdefgh.part"
    made.mkdir()
    (made / LOCK).touch()
    remove_leftovers(tmp_path)
    assert names(made) == [LOCK]
    os.utime(made, (1e9, 1e9))
    remove_leftovers(tmp_path)
    assert names(tmp_path) == []


def test_what_is_written_anew_within_a_tick_of_the_clock_is_another_version(tmp_path: Path) -> None:
    file, before = tmp_path / "file", NO_FILE
    for data in (b"one", b"two", b"six"):
        write_bytes(file, data)
        os.utime(file, (1e9, 1e9))
        assert version_of(file) == version_of(file) != before
        before = version_of(file)
    assert version_of(tmp_path / "absent") == version_of(file / "absent") == NO_FILE


def test_only_what_is_old_and_unfinished_is_a_leftover(tmp_path: Path) -> None:
    there = [".visitors", ".servers", ".a-b", "a-12345678.part", ".file-abcdefgh.part"]
    for name in (*there, ".old-abcdefgh.part", ".before-q1w2e3r4"):
        (tmp_path / name).mkdir() if name in there[:3] else (tmp_path / name).touch()
    for name in (*there[:4], ".old-abcdefgh.part", ".before-q1w2e3r4"):
        os.utime(tmp_path / name, (1e9, 1e9))
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted(there)
    remove_leftovers(tmp_path / "absent")
