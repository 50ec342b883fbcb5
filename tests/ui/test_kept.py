"""What is too long for an address is the visitor's for a day, within limits."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ui import kept


@pytest.fixture(autouse=True)
def ann(session: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_swept", 0.0)
    monkeypatch.setattr(kept, "_results", OrderedDict())


def folder(tmp_path: Path, visitor: str = "ann") -> Path:
    return tmp_path / kept.FOLDER / visitor


def age(path: Path) -> None:
    for file in [path, *path.rglob("*")]:
        os.utime(file, (1e9, 1e9))


def test_it_is_the_visitors_alone(session: dict[str, Any]) -> None:
    kept.keep("selection-run:a/b%20", {"rows": "1,2"})
    kept.keep_file("own-images", "photos.zip", b"PK")
    file = kept.kept_file("own-images")
    assert file is not None and (file.name, file.read_bytes()) == ("photos.zip", b"PK")
    assert kept.kept("selection-run:a/b%20") == {"rows": "1,2"}
    session["visitor"] = "bob"
    assert kept.kept("selection-run:a/b%20") == {}
    assert kept.kept_file("own-images") is None


def test_a_file_takes_the_place_of_the_one_before_and_can_be_put_away() -> None:
    kept.keep_file("own-images", "a.zip", b"a")
    kept.keep_file("own-images", "../../b.zip", b"b")
    file = kept.kept_file("own-images")
    assert file is not None and file.parent.name == "own-images" and file.read_bytes() == b"b"
    kept.forget_file("own-images")
    assert kept.kept_file("own-images") is None


def test_after_a_day_it_is_gone(tmp_path: Path, session: dict[str, Any]) -> None:
    kept.keep("watched", {"runs": []})
    kept.keep_file("own-images", "a.zip", b"a")
    age(folder(tmp_path))
    assert kept.kept("watched") == {} and kept.kept_file("own-images") is None
    session["visitor"] = "bob"
    kept.keep_file("own-images", "b.zip", b"b")
    assert not folder(tmp_path).exists() and folder(tmp_path, "bob").exists()


def test_what_another_visitor_takes_away_meanwhile_keeps_nobody_from_keeping(
    tmp_path: Path, session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keep("watched", {"runs": []})
    kept.keep_file("own-images", "a.zip", b"a")
    taken = folder(tmp_path) / "own-images" / "a.zip"

    def taken_once_seen(look: Callable[..., Any]) -> Callable[..., Any]:
        def told(path: Any, **options: Any) -> Any:
            try:
                return look(path, **options)
            finally:
                if str(path) == str(taken):
                    taken.unlink(missing_ok=True)

        return told

    session["visitor"] = "bob"
    monkeypatch.setattr(os, "lstat", taken_once_seen(os.lstat))
    monkeypatch.setattr(Path, "stat", taken_once_seen(Path.stat))
    assert kept.keep_file("own-images", "b.zip", b"b")
    assert not taken.exists()


def test_the_folder_of_who_is_about_to_keep_something_stays(
    tmp_path: Path, session: dict[str, Any]
) -> None:
    folder(tmp_path, "bob").mkdir(parents=True)
    kept.keep_file("own-images", "a.zip", b"a")
    assert folder(tmp_path, "bob").exists()


def test_a_file_that_is_replaced_just_now_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> Any:
        raise FileNotFoundError

    kept.keep_file("own-images", "a.zip", b"a")
    monkeypatch.setattr(Path, "glob", gone)
    assert kept.kept_file("own-images") is None


def test_there_is_room_for_so_many_bytes(
    monkeypatch: pytest.MonkeyPatch, session: dict[str, Any]
) -> None:
    monkeypatch.setattr(kept, "MAX_BYTES", 100)
    monkeypatch.setattr(kept, "MAX_BYTES_IN_ALL", 150)
    assert not kept.keep_file("own-images", "a.zip", b"a" * 101)
    assert kept.keep_file("own-images", "a.zip", b"a" * 100)
    assert not kept.keep_file("own-labels", "b", b"b")
    session["visitor"] = "bob"
    assert not kept.keep_file("own-images", "b.zip", b"b" * 60)
    assert kept.keep_file("own-images", "b.zip", b"b" * 50)


def test_what_is_torn_or_cannot_be_written_is_as_if_it_were_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.keep("drawing", {"model": "a"})
    (file,) = folder(tmp_path).glob("*.json")
    file.write_text("{")
    assert kept.kept("drawing") == {}
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path / "file"))
    kept.keep("drawing", {"model": "a"})
    assert not kept.keep_file("own-images", "a.zip", b"a")


def test_results_are_the_visitors_alone_and_the_newest(session: dict[str, Any]) -> None:
    for n in range(kept.RESULTS + 1):
        kept.results("tsne")[n] = f"of {n} points"
    assert list(kept.results("tsne")) == list(range(1, kept.RESULTS + 1))
    assert kept.results("scores") == {}
    session["visitor"] = "bob"
    assert kept.results("tsne") == {}


def test_results_end_with_the_session_of_who_has_no_cookie(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    del session["visitor"]
    monkeypatch.setattr(kept.st, "context", SimpleNamespace(cookies={}))
    kept.results("tsne")[0] = "of nobody"
    assert kept.results("tsne") == {0: "of nobody"}
    assert not kept._results
    session.clear()
    assert kept.results("tsne") == {}


def test_no_class_of_a_page_is_kept(session: dict[str, Any]) -> None:
    of_page = type("Found", (), {"__module__": "__main__"})
    with pytest.raises(TypeError, match="keeps alive all"):
        kept.results("tsne")[0] = of_page()


def test_results_of_so_many_visitors_are_in_memory(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "VISITORS_WITH_RESULTS", 2)
    for name in ("ann", "bob", "ann", "cleo"):
        session["visitor"] = name
        kept.results("tsne").setdefault(0, name)
    assert kept.results("tsne") == {0: "cleo"}
    for name, known in (("ann", {0: "ann"}), ("bob", {})):
        session["visitor"] = name
        assert kept.results("tsne") == known
