"""Whose a run is, on a server of many and on one's own machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.runtime.context import StreamlitHeaders

from ui.frame import limits
from ui.frame.owners import belongs, called, may_look, owned_by
from vae_core.runs.run import Run, create_run
from vae_core.training.config import TrainConfig

CONFIG = TrainConfig(hidden=(8,), epochs=1, batch_size=512)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A run of Ann's, one of Bob's, one of the command line, a model that Ann kept."""
    create_run(CONFIG, tmp_path / "digits-1", owner="ann")
    create_run(CONFIG, tmp_path / "digits-2", owner="bob")
    create_run(CONFIG, tmp_path / "run")
    (tmp_path / "kept" / "checkpoint").mkdir(parents=True)
    (tmp_path / "kept" / "owner").write_text("ann")
    return tmp_path


def test_among_many_each_has_what_they_started(root: Path) -> None:
    assert sorted(owned_by("ann", root)) == ["digits-1", "kept"]
    assert owned_by("bob", root) == ["digits-2"]
    assert owned_by("", root) == ["run"], "who is nobody has what nobody has marked"
    assert not belongs(Run(root / "run"), "ann")


def test_who_is_alone_has_all_of_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSCAPE_ALONE", "1")
    assert sorted(owned_by("ann", root)) == ["digits-1", "digits-2", "kept", "run"]
    assert belongs(Run(root / "run"), "ann")


def test_who_is_alone_may_keep_as_many_as_they_like(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_KEPT_OF_A_VISITOR", 1)
    monkeypatch.setattr(limits, "MAX_ACTIVE_OF_A_VISITOR", 1)
    assert limits.why_not_now(root, "ann")
    monkeypatch.setenv("ZSCAPE_ALONE", "1")
    assert limits.why_not_now(root, "ann") == ""


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (f"digits-{20 * 'a'}0f1e", ("digits", "0f1e")),
        (f"own-photos-0123456789ab-{20 * '7'}beef", ("own-photos-0123456789ab", "beef")),
        ("digits", ("digits", "")),
        ("digits-v2", ("digits-v2", "")),
        ("my run", ("my run", "")),
    ],
)
def test_a_run_is_told_by_its_name_or_by_the_end_of_its_secret(
    token: str, expected: tuple[str, str]
) -> None:
    assert called(token) == expected


def test_a_link_shows_what_has_a_secret_in_its_name_or_is_ones_own(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(root))
    assert may_look(f"digits-{'0f' * 12}", "eve") and may_look("run", "eve")
    monkeypatch.setenv("ZSCAPE_ALONE", "1")
    assert may_look("run", "eve")
    monkeypatch.setenv("ZSCAPE_ALONE", "0")
    assert may_look(f"digits-{'0f' * 12}", "eve")
    assert not may_look("run", "eve")
    assert may_look("digits-2", "bob") and not may_look("digits-2", "eve")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "forwarded", "X-Forwarded-Host", "via"])
def test_who_comes_through_a_proxy_is_not_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setenv("ZSCAPE_ALONE", "1")
    headers = StreamlitHeaders([(header, "somebody")])
    monkeypatch.setattr(type(st.context), "headers", property(lambda context: headers))
    assert owned_by("bob", root) == ["digits-2"]
