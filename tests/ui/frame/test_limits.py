"""What a visitor may start, and the sentence when they may not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from ui.frame import limits
from ui.training.form import FIRST_HIDDEN, layer_widths
from ui.training.presets import PRESETS
from vae_core.checkpoints import archives
from vae_core.errors import ConfigError, TrainingError
from vae_core.models.architecture import architecture
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training import presets as training_presets
from vae_core.training.config import TrainConfig
from vae_core.training.presets import preset

CONFIG = TrainConfig(hidden=(8,), epochs=1, batch_size=512)


def waiting_run(root: Path, name: str, owner: str) -> None:
    run = create_run(CONFIG, root / name)
    (run.path / "owner").write_text(owner)


def test_nothing_hinders_the_first_run(tmp_path: Path):
    assert limits.why_not_now(tmp_path, "ann") == ""
    assert limits.why_not_now(tmp_path / "not yet there", "ann") == ""


def test_a_visitor_has_only_so_many_runs_at_a_time(tmp_path: Path):
    for number in range(limits.MAX_ACTIVE_OF_A_VISITOR):
        assert limits.why_not_now(tmp_path, "ann") == ""
        waiting_run(tmp_path, f"digits-{number}", "ann")
    assert "of yours" in limits.why_not_now(tmp_path, "ann")
    assert limits.why_not_now(tmp_path, "bob") == ""


def test_an_address_has_only_so_many_whatever_names_its_browsers_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("vae_core.runs.jobs._launch", lambda run, threads: None)
    monkeypatch.setattr(limits, "MAX_ACTIVE_OF_AN_ADDRESS", 2)
    monkeypatch.setattr(limits, "address", lambda: "school")
    for name in ("ann", "bob"):
        limits.start_run(CONFIG, tmp_path, name)
    with pytest.raises(TrainingError, match="from your network"):
        limits.start_run(CONFIG, tmp_path, "cleo")
    monkeypatch.setattr(limits, "address", lambda: "home")
    limits.start_run(CONFIG, tmp_path, "cleo")


def test_where_the_disk_is_full_nothing_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "why_no_room", lambda *_: "There is no room.")
    with pytest.raises(TrainingError, match="There is no room"):
        limits.start_run(CONFIG, tmp_path, "ann")
    run = create_run(CONFIG, tmp_path / "digits-ended", "ann")
    with pytest.raises(TrainingError, match="There is no room"):
        limits.resume_run(run, "ann")


def test_where_nothing_can_be_written_a_training_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match="set ZSCAPE_RUNS to a folder"):
        limits.start_run(CONFIG, tmp_path / "file" / "runs", "ann")
    run = create_run(CONFIG, tmp_path / "digits-ended", "ann")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(limits, "FileLock", refuse)
    with pytest.raises(TrainingError, match="kept here: Permission denied"):
        limits.resume_run(run, "ann")


def test_five_runs_can_be_started_at_once():
    assert limits.MAX_ACTIVE_OF_A_VISITOR >= 5


def test_the_server_bears_only_so_many_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MAX_ACTIVE", 2)
    waiting_run(tmp_path, "digits-a", "ann")
    assert limits.why_not_now(tmp_path, "bob") == ""
    waiting_run(tmp_path, "digits-b", "eve")
    assert "2 runs" in limits.why_not_now(tmp_path, "bob")
    with pytest.raises(TrainingError, match="try again"):
        limits.start_run(CONFIG, tmp_path, "bob")
    assert len(list(tmp_path.glob("digits-*"))) == 2


def test_a_run_takes_its_images_with_it_and_others_start_while_they_are_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("vae_core.runs.jobs._launch", lambda run, threads: None)

    def prepare(run: Run) -> None:
        with FileLock(tmp_path / ".starting").acquire(timeout=0):
            run.images_file.write_bytes(b"images")

    run = limits.start_run(CONFIG, tmp_path, "ann", prepare)
    assert run.images_file.read_bytes() == b"images"
    assert [folder.name for folder in tmp_path.iterdir() if folder.is_dir()] == [run.token]


def test_who_has_too_many_runs_resumes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = create_run(CONFIG, tmp_path / "digits-ended", "ann")
    work(run, should_stop=lambda: True)
    monkeypatch.setattr(limits, "MAX_ACTIVE_OF_A_VISITOR", 1)
    monkeypatch.setattr(limits, "MAX_KEPT_OF_A_VISITOR", 1)
    waiting_run(tmp_path, "digits-a", "ann")
    with pytest.raises(TrainingError, match="of yours"):
        limits.resume_run(run, "ann")
    assert not run.status().active


def test_a_run_that_has_ended_counts_no_more(tmp_path: Path):
    run = create_run(CONFIG, tmp_path / "digits-a")
    (run.path / "owner").write_text("ann")
    work(run)
    assert limits.why_not_now(tmp_path, "ann") == ""


def test_old_runs_are_deleted_before_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "MAX_KEPT_OF_A_VISITOR", 1)
    run = create_run(CONFIG, tmp_path / "digits-a")
    (run.path / "owner").write_text("ann")
    work(run)
    assert "delete one" in limits.why_not_now(tmp_path, "ann")


def test_a_network_too_large_is_refused_before_it_is_built():
    config = TrainConfig(hidden=(8192, 8192))
    network = architecture(config.model_config((1, 8, 8)))
    with pytest.raises(ConfigError, match="narrower"):
        limits.check_settings(config, network, 1_000)


def test_a_batch_larger_than_the_data_is_refused():
    network = architecture(CONFIG.model_config((1, 8, 8)))
    with pytest.raises(ConfigError, match=r"512.*100"):
        limits.check_settings(CONFIG, network, 100)


def test_a_batch_that_is_compared_is_bounded():
    config = TrainConfig(objective="beta-tcvae", batch_size=2_048, latent_dim=10)
    network = architecture(config.model_config((1, 8, 8)))
    with pytest.raises(ConfigError, match=r"beta-tcvae .* batch of 1,414 at most"):
        limits.check_settings(config, network, 10_000)
    limits.check_settings(TrainConfig(batch_size=2_048, latent_dim=10), network, 10_000)


def test_a_batch_that_fills_the_memory_is_refused():
    config = TrainConfig(
        dataset="sprites", network="conv", hidden=(512, 64, 64), objective="iwae", samples=16,
        batch_size=4_096,
    )  # fmt: skip
    network = architecture(config.model_config((1, 32, 32)))
    with pytest.raises(ConfigError, match="smaller batch"):
        limits.check_settings(config, network, 20_000)
    for name in ("sprites-6d", "mnist-16d", "mnist-50d-iwae", "dsprites-10d"):
        usual = preset(name)
        side = {"dsprites": 64, "sprites": 32}.get(usual.dataset, 28)
        limits.check_settings(usual, architecture(usual.model_config((1, side, side))), 40_000)


def test_a_network_that_works_too_long_on_an_image_is_refused_with_both_figures():
    config = TrainConfig(network="resnet", hidden=(320, 4), batch_size=1)
    network = architecture(config.model_config((1, 72, 72)))
    with pytest.raises(ConfigError, match=r"takes [\d,]+ multiply-adds, and 128,000,000 are"):
        limits.check_settings(config, network, 1_000)


@pytest.mark.parametrize("name", [*training_presets.PRESETS, *(p.label for p in PRESETS)])
def test_every_preset_takes_a_quarter_of_the_work_that_is_allowed(name: str):
    by_label = {p.label: p.config for p in PRESETS}
    config = by_label[name] if name in by_label else preset(name)
    network = architecture(config.model_config((1, 64, 64)))
    assert network.multiply_adds <= archives.MAX_MULTIPLY_ADDS / 4
    limits.check_settings(replace(config, batch_size=2), network, 1_000)


@pytest.mark.parametrize(("name", "hidden"), FIRST_HIDDEN.items())
def test_every_network_of_the_form_learns_colour_images_as_it_is_offered(name: str, hidden: str):
    config = TrainConfig(network=name, hidden=layer_widths(hidden), batch_size=32)
    side = limits.MAX_IMAGE_SIDE
    network = architecture(config.model_config((3, side, side)))
    limits.check_settings(config, network, 1_000)


def test_a_prior_of_many_pseudo_inputs_counts_into_what_a_batch_fills():
    config = TrainConfig(network="conv", hidden=(128, 16), batch_size=1, pseudo_inputs=2_000)
    network = architecture(config.model_config((3, 64, 64)))
    limits.check_settings(config, network, 1_000)
    with pytest.raises(ConfigError, match="places between the layers"):
        limits.check_settings(replace(config, prior="vamp"), network, 1_000)
