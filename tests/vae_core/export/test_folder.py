"""An export takes a folder of its own, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from vae_core.errors import ConfigError
from vae_core.export.folder import export_folder

FILES = ("a.tsv", "b.tsv")


def test_an_earlier_export_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in FILES:
        with export_folder(out, FILES) as folder:
            (folder / name).write_text("x")
    assert [file.name for file in out.iterdir()] == ["b.tsv"]
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"'thesis\.txt' in out would be lost"):
        export_folder(out, FILES).__enter__()
    assert (out / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "file", "link", "nowhere/out", "file/out", "x" * 300])
def test_what_is_no_place_for_a_folder_is_told_and_left(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    before = sorted(tmp_path.rglob("*"))
    said = "file is a file" if name == "file" else ""
    with pytest.raises(ConfigError, match=said), export_folder(name and tmp_path / name, FILES):
        pass
    assert sorted(tmp_path.rglob("*")) == before


def test_a_crash_leaves_the_old_folder(tmp_path: Path) -> None:
    with export_folder(tmp_path / "out", FILES) as folder:
        (folder / "a.tsv").write_text("old")
    with pytest.raises(RuntimeError), export_folder(tmp_path / "out", FILES) as folder:
        (folder / "a.tsv").write_text("new")
        raise RuntimeError
    assert (tmp_path / "out" / "a.tsv").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_a_disk_that_is_full_or_read_only_is_a_sentence(tmp_path: Path) -> None:
    full = OSError(28, "No space left on device")
    told = pytest.raises(ConfigError, match="out cannot be written: No space left")
    with told, export_folder(tmp_path / "out", FILES):
        raise full
    assert list(tmp_path.iterdir()) == []
