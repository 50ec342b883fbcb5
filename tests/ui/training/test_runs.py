"""What pages say of runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ui.training.film import snapshots_of
from ui.training.runs import (
    broken_runs,
    config_of,
    is_whole,
    name_of,
    new_events,
    run_of,
    settings_that_differ,
    summary,
    visible_runs,
    watch,
)
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import TrainingError
from vae_core.models.kinds import build_model
from vae_core.runs.run import Run, create_run
from vae_core.training.config import TrainConfig

pytestmark = pytest.mark.usefixtures("session")

CONFIG = TrainConfig(hidden=(8,), epochs=2, batch_size=512)


def test_a_run_is_told_in_a_few_words(tmp_path: Path):
    config = TrainConfig(latent_dim=4, beta=2.0)
    assert name_of(Run(tmp_path), config) == "digits · d = 4 · mlp · β = 2"


def test_a_class_left_out_is_told_by_its_name(tmp_path: Path):
    run, config = create_run(CONFIG, tmp_path / "run"), replace(CONFIG, left_out=1)
    assert "without a class" in name_of(run, config)
    data = ImageDataset(
        "own", "test", torch.ones(4, 1, 8, 8, dtype=torch.uint8), class_names=("-1", "17")
    )
    model = build_model(config.model_config(data.image_shape))
    save_checkpoint(run.checkpoint, model, config=config, dataset=data)
    assert "without class 17" in name_of(run, config)


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


def test_a_run_edited_by_hand_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = create_run(CONFIG, tmp_path / "digits-whole", "ann")
    broken = create_run(CONFIG, tmp_path / "digits-broken", "ann")
    (broken.path / "config.json").write_text('{"latent_dim": -1}')
    assert not is_whole(broken)
    empty = create_run(CONFIG, tmp_path / "digits-empty", "ann")
    (empty.path / "config.json").write_text("{}")
    torn = create_run(CONFIG, tmp_path / "digits-torn", "ann")
    torn.events_file.mkdir()
    nameless = Path(os.fsdecode(os.fsencode(tmp_path) + b"/digits-\xe9"))
    create_run(CONFIG, nameless, "ann")
    broken_of_ann = broken_runs()
    assert broken_of_ann.keys() == {broken.token, empty.token, torn.token}
    assert "lacks dataset" in broken_of_ann[empty.token]
    monkeypatch.setenv("ZSCAPE_ALONE", "1")
    assert "not in UTF-8" in broken_runs()[nameless.name]
    monkeypatch.delenv("ZSCAPE_ALONE")
    assert run_of(broken.token) is None
    assert [run.token for run in visible_runs()] == [whole.token]


@pytest.mark.parametrize("token", ["", "nobody-knows-it", "../digits-whole", "digits-whole@3"])
def test_what_names_no_run_is_none(tmp_path: Path, token: str):
    create_run(CONFIG, tmp_path / "digits-whole", "ann")
    assert run_of(token) is None


def test_reports_are_read_once_and_begin_anew_where_a_run_was_resumed(
    ended_run: Callable[..., Run],
):
    run = ended_run()
    assert [event["epoch"] for event in new_events(run)] == [1, 2]
    lines = run.events_file.read_text().splitlines(keepends=True)
    run.events_file.write_text(
        lines[0]
    )  # resumed: what came after the first epoch is trained again
    assert [event["epoch"] for event in new_events(run)] == [1]
    run.events_file.write_text("".join(lines))
    assert [event["epoch"] for event in new_events(run)] == [1, 2]


def test_a_run_that_another_tab_deletes_is_told_to_be_missing(ended_run: Callable[..., Run]):
    run = ended_run()
    assert new_events(run)
    run.delete()
    assert new_events(run) == [] and run.snapshot_epochs() == [] and snapshots_of(run) == []
    with pytest.raises(TrainingError, match=r"config\.json is missing"):
        config_of(run)


def test_a_row_of_the_table_says_how_a_run_ended(ended_run: Callable[..., Run]):
    row = summary(ended_run())
    assert row["state"] == "finished"
    assert row["done"] == 1
    assert row["loss"] == pytest.approx(row["cross-entropy"] + row["KL"])
