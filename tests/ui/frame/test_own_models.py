"""A visitor's own models: kept, brought, counted."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ui.frame import limits
from ui.frame.own_models import bring_model, keep_model, kept_models
from ui.frame.session import model_ids
from vae_core.checkpoints.archives import zip_checkpoint
from vae_core.checkpoints.reading import load_checkpoint
from vae_core.errors import CheckpointError
from vae_core.runs.run import Run, create_run
from vae_core.training.config import TrainConfig

pytestmark = pytest.mark.usefixtures("session")

CONFIG = TrainConfig(hidden=(8,), epochs=2, batch_size=512)


def test_a_kept_model_is_in_its_visitor_s_list_and_outlives_the_run(
    ended_run: Callable[..., Run], tmp_path: Path, session: dict[str, Any]
):
    run = ended_run()
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


def test_a_name_is_kept_once(ended_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch):
    run = ended_run()
    keep_model(run, "twice")
    with pytest.raises(CheckpointError, match="already"):
        keep_model(run, "twice")
    monkeypatch.setattr(limits, "MAX_MODELS_OF_A_VISITOR", 1)
    with pytest.raises(CheckpointError, match="as many as"):
        keep_model(run, "another")


def test_what_was_brought_is_listed_after_a_reload_and_counted(
    ended_run: Callable[..., Run], session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    archive = zip_checkpoint(ended_run().checkpoint)
    token = bring_model(io.BytesIO(archive))
    session.clear()
    session.update(visitor="ann", linked={})
    assert kept_models() == [token]
    assert f"run:{token}" in model_ids()
    monkeypatch.setattr(limits, "MAX_UPLOADS_OF_A_VISITOR", 1)
    with pytest.raises(CheckpointError, match="delete one on the page Runs"):
        bring_model(io.BytesIO(archive))


def test_only_ones_own_images_go_with_a_kept_model(
    ended_run: Callable[..., Run], tmp_path: Path, session: dict[str, Any]
):
    run = ended_run()
    run.images_file.write_bytes(b"ann's images")
    keep_model(run, "hers")
    session.clear()
    session.update(visitor="bob", linked={})
    keep_model(run, "his")
    (hers,) = tmp_path.glob("hers-*")
    (his,) = tmp_path.glob("his-*")
    assert Run(hers).images_file.read_bytes() == b"ann's images"
    assert not Run(his).images_file.exists()


def test_a_model_is_there_whole_with_its_owner_or_not_at_all(
    ended_run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = ended_run()

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ui.frame.own_models.write_bytes", full)
    with pytest.raises(CheckpointError, match=r"kept here: No space left.*make room"):
        keep_model(run, "my-digits")
    with pytest.raises(CheckpointError, match="no zip archive"):
        bring_model(io.BytesIO(b"neither zip nor model"))
    folders = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert folders - {".servers"} == {run.token}


def test_where_nothing_can_be_written_a_checkpoint_is_refused_with_a_sentence(
    ended_run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    archive = zip_checkpoint(ended_run().checkpoint)
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path / "file" / "runs"))
    with pytest.raises(CheckpointError, match="set ZSCAPE_RUNS to a folder"):
        bring_model(io.BytesIO(archive))


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "x" * 33, "ü", "a.b"])
def test_an_odd_name_is_refused(tmp_path: Path, name: str):
    run = create_run(CONFIG, tmp_path / "digits-waiting", "ann")
    with pytest.raises(CheckpointError, match="cannot be a model's name"):
        keep_model(run, name)
