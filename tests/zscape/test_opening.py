"""`zscape PATH`: each kind of model that a path can name, and a sentence for what is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vae_core import CheckpointError, ConfigError, TrainConfig, load_checkpoint
from vae_core.checkpoints.archives import zip_checkpoint
from vae_core.runs.run import create_run
from zscape.opening import Beginning, beginning_with

CHECKPOINT = Path(__file__).resolve().parents[2] / "checkpoints" / "digits-2d"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that has learned something."""
    made = create_run(TrainConfig(dataset="digits"), tmp_path / "runs" / "mine").path
    shutil.copytree(CHECKPOINT, made / "checkpoint")
    return made


def test_a_checkpoint_is_shown_beside_the_shipped_ones(scratch: Path) -> None:
    expected = Beginning({"ZSCAPE_OPEN": str(CHECKPOINT)}, "/?model=digits-2d")
    assert beginning_with(CHECKPOINT, scratch) == expected


def test_a_path_from_the_working_folder_is_made_whole(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CHECKPOINT)
    beginning = beginning_with(Path("."), scratch)
    assert beginning == Beginning({"ZSCAPE_OPEN": str(CHECKPOINT)}, "/?model=digits-2d")


def test_a_zip_is_unpacked_under_its_name(tmp_path: Path, scratch: Path) -> None:
    archive = tmp_path / "my digits (2).zip"
    archive.write_bytes(zip_checkpoint(CHECKPOINT))
    beginning = beginning_with(archive, scratch)
    assert beginning.address == "/?model=my-digits-2"
    assert beginning.environment == {"ZSCAPE_OPEN": str(scratch / "my-digits-2")}
    assert load_checkpoint(scratch / "my-digits-2").latent_dim == 2


def test_a_checkpoint_whose_name_no_link_can_hold_is_shown_under_another(
    tmp_path: Path, scratch: Path
) -> None:
    odd = tmp_path / "Mein Modell: Ziffern"
    shutil.copytree(CHECKPOINT, odd)
    beginning = beginning_with(odd, scratch)
    assert beginning.address == "/?model=Mein-Modell-Ziffern"
    assert load_checkpoint(beginning.environment["ZSCAPE_OPEN"]).latent_dim == 2


def test_a_run_is_shown_among_its_neighbours(run: Path, scratch: Path) -> None:
    expected = Beginning({"ZSCAPE_RUNS": str(run.parent)}, "/?model=run:mine")
    assert beginning_with(run, scratch) == expected


def test_a_folder_of_checkpoints_takes_the_place_of_the_shipped_ones(scratch: Path) -> None:
    beginning = beginning_with(CHECKPOINT.parent, scratch)
    assert beginning == Beginning({"ZSCAPE_CHECKPOINTS": str(CHECKPOINT.parent)}, "/")


def test_a_folder_of_runs_begins_on_their_page(run: Path, scratch: Path) -> None:
    beginning = beginning_with(run.parent, scratch)
    assert beginning == Beginning({"ZSCAPE_RUNS": str(run.parent)}, "/runs")


def test_a_run_that_has_learned_nothing_yet_is_no_model(tmp_path: Path, scratch: Path) -> None:
    made = create_run(TrainConfig(dataset="digits"), tmp_path / "early")
    with pytest.raises(ConfigError, match="early has not learned anything yet"):
        beginning_with(made.path, scratch)


def test_a_run_that_no_link_can_name_is_told_how_to_be_called(run: Path, scratch: Path) -> None:
    spaced = run.rename(run.with_name("my run, ü"))
    assert beginning_with(spaced, scratch).address == "/?model=run:my%2520run%252C%2520%25C3%25BC"
    odd = spaced.rename(run.with_name(".mine"))
    with pytest.raises(ConfigError, match="rename its folder"):
        beginning_with(odd, scratch)


def test_a_folder_without_a_model_is_refused(tmp_path: Path, scratch: Path) -> None:
    with pytest.raises(ConfigError, match="There is no model in"):
        beginning_with(tmp_path, scratch)


def test_another_file_is_refused(tmp_path: Path, scratch: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no zip")
    with pytest.raises(ConfigError, match="no zip of a checkpoint"):
        beginning_with(file, scratch)


def test_a_zip_of_something_else_is_refused(tmp_path: Path, scratch: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "tests"), "zip", Path(__file__).parent)
    with pytest.raises(CheckpointError, match="a checkpoint is one folder with"):
        beginning_with(Path(archive), scratch)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("there/decoder.onnx", "zscape import --decoder"),
        ("there/model_config.json", "zscape.explore"),
        ("there/IMG_1.JPG", "zscape train --images"),
        ("there/notes.txt", "name a checkpoint's folder"),
    ],
)
def test_what_another_program_wrote_is_told_its_way_in(
    tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / name).write_bytes(b"not a model")
    with pytest.raises(ConfigError, match="There is no model in") as folder:
        beginning_with(tmp_path / "there", tmp_path)
    assert said in str(folder.value)


def test_a_file_of_another_program_is_told_its_way_in(tmp_path: Path) -> None:
    for name, said in (("d.onnx", "zscape import"), ("a.h5", "zscape train --images")):
        (tmp_path / name).write_bytes(b"not a model")
        with pytest.raises(ConfigError, match=said):
            beginning_with(tmp_path / name, tmp_path)
