"""What pages say of runs, and what becomes of a kept one."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from ui.frame import limits
from ui.frame.own_models import bring_model, keep_model, kept_models
from ui.frame.session import model_ids, owned
from ui.training.progress import look_seconds
from ui.training.runs import (
    broken_runs,
    is_whole,
    name_of,
    new_events,
    run_of,
    settings_that_differ,
    summary,
    visible_runs,
    watch,
)
from vae_core.checkpoints.archives import zip_checkpoint
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.errors import CheckpointError
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig

CONFIG = TrainConfig(hidden=(8,), epochs=2, batch_size=512)


@pytest.fixture(autouse=True)
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Ann's session, and a folder of runs of its own."""
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    state: dict[str, Any] = {"visitor": "ann", "linked": {}}
    monkeypatch.setattr(st, "session_state", state)
    return state


def ended_run(root: Path, name: str = "digits-0123456789", owner: str = "ann") -> Run:
    run = create_run(CONFIG, root / name, owner)
    work(run)
    return run


def test_a_run_is_told_in_a_few_words():
    config = TrainConfig(latent_dim=4, beta=2.0)
    assert name_of(config) == "digits · d = 4 · mlp · β = 2"


def test_only_the_settings_that_differ_are_told():
    wide = TrainConfig(hidden=(16, 8), epochs=2, batch_size=512)
    assert settings_that_differ([CONFIG, wide]) == {"hidden": ["8", "16, 8"]}
    assert settings_that_differ([CONFIG, CONFIG]) == {}


def test_a_visitor_sees_their_runs_and_those_they_came_to_by_a_link(tmp_path: Path):
    own, other = (
        create_run(CONFIG, tmp_path / name, owner)
        for name, owner in [("digits-of-ann", "ann"), ("digits-of-bob", "bob")]
    )
    assert [run.token for run in visible_runs()] == [own.token]
    watch(other)
    assert {run.token for run in visible_runs()} == {own.token, other.token}


def test_a_run_edited_by_hand_hides_no_other(tmp_path: Path):
    whole = create_run(CONFIG, tmp_path / "digits-whole", "ann")
    broken = create_run(CONFIG, tmp_path / "digits-broken", "ann")
    (broken.path / "config.json").write_text('{"latent_dim": -1}')
    assert not is_whole(broken)
    assert [run.token for run in broken_runs()] == [broken.token]
    assert run_of(broken.token) is None
    assert [run.token for run in visible_runs()] == [whole.token]


@pytest.mark.parametrize("token", ["", "nobody-knows-it", "../digits-whole", "digits-whole@3"])
def test_what_names_no_run_is_none(tmp_path: Path, token: str):
    create_run(CONFIG, tmp_path / "digits-whole", "ann")
    assert run_of(token) is None


def test_reports_are_read_once_and_begin_anew_where_a_run_was_resumed(tmp_path: Path):
    run = ended_run(tmp_path)
    assert [event["epoch"] for event in new_events(run)] == [1, 2]
    lines = run.events_file.read_text().splitlines(keepends=True)
    run.events_file.write_text(
        lines[0]
    )  # resumed: what came after the first epoch is trained again
    assert [event["epoch"] for event in new_events(run)] == [1]
    run.events_file.write_text("".join(lines))
    assert [event["epoch"] for event in new_events(run)] == [1, 2]


def test_a_row_of_the_table_says_how_a_run_ended(tmp_path: Path):
    row = summary(ended_run(tmp_path))
    assert row["state"] == "finished"
    assert row["done"] == 1
    assert row["loss"] == pytest.approx(row["−reconstruction"] + row["KL"])


def test_a_kept_model_is_in_its_visitor_s_list_and_outlives_the_run(
    tmp_path: Path, session: dict[str, Any]
):
    run = ended_run(tmp_path)
    keep_model(run, "my-digits")
    run.delete()
    (kept,) = (model for model in model_ids() if model.startswith("run:my-digits-"))
    assert kept_models() == [kept.removeprefix("run:")]
    assert load_checkpoint(tmp_path / kept.removeprefix("run:") / "checkpoint").latent_dim == 2
    session.clear()
    session.update(visitor="bob", linked={})
    assert kept not in model_ids()
    session.clear()
    session.update(visitor="bob", linked={"model": kept})  # ann's link: he may look, no more
    assert kept in model_ids()
    assert kept_models() == []


def test_a_name_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = ended_run(tmp_path)
    keep_model(run, "twice")
    with pytest.raises(CheckpointError, match="already"):
        keep_model(run, "twice")
    monkeypatch.setattr(limits, "MAX_MODELS_OF_A_VISITOR", 1)
    with pytest.raises(CheckpointError, match="as many as"):
        keep_model(run, "another")


def test_what_was_brought_is_listed_after_a_reload_and_counted(
    tmp_path: Path, session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    archive = zip_checkpoint(ended_run(tmp_path).checkpoint)
    token = bring_model(io.BytesIO(archive))
    session.clear()
    session.update(visitor="ann", linked={})
    assert kept_models() == [token]
    assert f"run:{token}" in model_ids()
    monkeypatch.setattr(limits, "MAX_UPLOADS_OF_A_VISITOR", 1)
    with pytest.raises(CheckpointError, match="delete one on the page Runs"):
        bring_model(io.BytesIO(archive))


def test_only_ones_own_images_go_with_a_kept_model(tmp_path: Path, session: dict[str, Any]):
    run = ended_run(tmp_path)
    run.images_file.write_bytes(b"ann's images")
    keep_model(run, "hers")
    session.clear()
    session.update(visitor="bob", linked={})
    keep_model(run, "his")
    (hers,) = tmp_path.glob("hers-*")
    (his,) = tmp_path.glob("his-*")
    assert Run(hers).images_file.read_bytes() == b"ann's images"
    assert not Run(his).images_file.exists()


def test_a_run_may_go_while_a_visitor_s_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for token in ("digits-going", "digits-staying"):
        create_run(CONFIG, tmp_path / token, "ann")
    read = Path.read_text

    def gone(path: Path, *encoding: str, **errors: str) -> str:
        if path.parent.name == "digits-going":
            path.unlink()
        return read(path, *encoding, **errors)

    monkeypatch.setattr(Path, "read_text", gone)
    assert owned() == ["digits-staying"]


def test_a_model_is_there_whole_with_its_owner_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = ended_run(tmp_path)

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ui.frame.own_models.write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        keep_model(run, "my-digits")
    with pytest.raises(CheckpointError, match="no zip archive"):
        bring_model(io.BytesIO(b"neither zip nor model"))
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [run.token]


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "x" * 33, "ü", "a.b"])
def test_an_odd_name_is_refused(tmp_path: Path, name: str):
    run = create_run(CONFIG, tmp_path / "digits-waiting", "ann")
    with pytest.raises(CheckpointError, match="cannot be a model's name"):
        keep_model(run, name)


@pytest.mark.parametrize(("epoch_seconds", "looks_every"), [(0.3, 1), (3, 2), (7, 4), (90, 4)])
def test_what_is_learned_is_looked_at_twice_an_epoch(epoch_seconds: float, looks_every: float):
    begun = {"epoch_ended": False, "step": 5, "total_steps": 100, "seconds_left": 1.0}
    first = {"epoch_ended": True, "step": 10, "total_steps": 100, "seconds_left": 9 * epoch_seconds}
    assert look_seconds([], 10) == look_seconds([begun], 10) == 1
    assert look_seconds([first, begun], 10) == looks_every
