"""Runs on a user's own images: all that is needed lies in the run's folder, and nothing beside."""

import io
import json
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.reading import load_checkpoint, load_latents, read_config
from vae_core.command.main import main
from vae_core.data.binarisation import binarised
from vae_core.data.datasets import load_dataset
from vae_core.data.names import dataset_label
from vae_core.data.own.form import ImageForm
from vae_core.data.own.images import read_images, write_images
from vae_core.errors import ConfigError, DataError, TrainingError
from vae_core.runs import cluster
from vae_core.runs.cluster import RemoteRun
from vae_core.runs.data import checkpoint_images, run_dataset, run_datasets
from vae_core.runs.jobs import keep, start
from vae_core.runs.mirror import receive
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig

QUICK = ["train", "--epochs", "2", "--hidden", "16", "--batch-size", "16"]


def picture(seed: int, size: tuple[int, int] = (12, 10)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "My Photos.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        for k in range(40):
            bundle.writestr(f"{('cats', 'dogs')[k % 2]}/{k:02}.png", picture(k))
    return path


@pytest.fixture(scope="module")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on a copy of the photos that is gone since."""
    folder = tmp_path_factory.mktemp("trained")
    copy = shutil.copy(photos, folder)
    flags = ["--images", str(copy), "--size", "8x9", "--colour", "grey"]
    assert main([*QUICK, *flags, "--output", str(folder / "run")]) == 0
    Path(copy).unlink()
    return Run(folder / "run")


def test_a_run_keeps_the_images_it_learns_from(trained: Run, photos: Path) -> None:
    expected = read_images(photos, form=ImageForm((8, 9), colour="grey"))
    name = trained.config().dataset
    assert name == expected[0].name and name.startswith("own-my_photos-")
    assert dataset_label(name) == "own images, my_photos"
    for ours, theirs in zip(run_datasets(trained.path, name), expected, strict=True):
        assert (ours.name, ours.split) == (theirs.name, theirs.split)
        assert torch.equal(ours.images, theirs.images) and torch.equal(ours.labels, theirs.labels)
        assert ours.class_names == ("cats", "dogs")
    assert load_checkpoint(trained.checkpoint).image_shape == (1, 8, 9)
    assert read_config(trained.checkpoint)["class_names"] == ["cats", "dogs"]
    latents = load_latents(trained.checkpoint)
    assert latents is not None and latents.labels is not None
    assert torch.equal(latents.labels, expected[1].labels)


def test_a_checkpoints_images_are_those_that_it_was_trained_on(
    trained: Run, photos: Path, tmp_path: Path
) -> None:
    train, test = read_images(photos, form=ImageForm((8, 9), colour="grey"))
    assert torch.equal(checkpoint_images(trained.checkpoint).images, test.images)
    assert torch.equal(checkpoint_images(trained.checkpoint, "train").images, train.images)
    alone = shutil.copytree(trained.checkpoint, tmp_path / "alone")
    with pytest.raises(DataError, match="not beside the model"):
        checkpoint_images(alone)
    assert torch.equal(checkpoint_images(alone, own=photos).images, test.images)

    config = json.loads((alone / "config.json").read_text("utf-8"))
    config["training"]["binarisation"] = "dynamic"
    (alone / "config.json").write_text(json.dumps(config), "utf-8")
    drawn = checkpoint_images(alone, own=photos)
    assert set(drawn.images.unique().tolist()) == {0, 255}
    assert torch.equal(drawn.images, binarised(test).images)  # as its latents are of

    config["dataset"] = None
    (alone / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(DataError, match="does not say its data set"):
        checkpoint_images(alone)


def test_a_run_on_own_images_is_resumed_from_its_folder_alone(trained: Run, tmp_path: Path) -> None:
    whole = load_checkpoint(trained.checkpoint).state_dict()
    moved = Run(tmp_path / "moved")
    create_run(
        trained.config(),
        moved.path,
        write_images=lambda run: shutil.copy(trained.images_file, run.images_file),
    )
    steps: list[int] = []
    work(moved, lambda progress: steps.append(progress.epoch), lambda: bool(steps))
    assert moved.status().state == "stopped"
    assert main(["train", "--resume", str(moved.path)]) == 0
    resumed = load_checkpoint(moved.checkpoint).state_dict()
    assert all(torch.equal(resumed[key], weight) for key, weight in whole.items())


def test_figures_are_the_same_from_the_run_and_from_the_images_again(
    trained: Run, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(trained.checkpoint), "--json"]) == 0
    beside = json.loads(capsys.readouterr().out)
    assert beside == read_metrics(trained.checkpoint)
    alone = tmp_path / "alone"
    shutil.copytree(trained.checkpoint, alone)
    assert main(["evaluate", str(alone), "--images", str(photos), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == beside
    for data in ([], ["--data", trained.config().dataset]):
        output = tmp_path / "codes.npz"
        assert main(["encode", str(trained.checkpoint), *data, "--output", str(output)]) == 0
        latents = load_latents(trained.checkpoint)
        assert latents is not None
        assert np.array_equal(np.load(output)["mu"], latents.mu)


def test_a_checkpoint_alone_says_what_it_lacks(
    trained: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = keep(trained, "kept", tmp_path)
    assert load_checkpoint(path).latent_dim == 3
    assert main(["evaluate", str(path)]) == 1
    assert "own images, my_photos are not beside the model" in capsys.readouterr().err
    with pytest.raises(DataError, match="folder of their run alone"):
        load_dataset(trained.config().dataset)


def test_a_run_with_other_images_or_none_does_not_train(trained: Run, tmp_path: Path) -> None:
    other = read_images(io.BytesIO(_zip_of(range(50, 60))), form=ImageForm((8, 9), colour="grey"))
    run = create_run(
        trained.config(),
        tmp_path / "other",
        write_images=lambda r: write_images(r.images_file, *other),
    )
    with pytest.raises(DataError, match="in other holds own-my_photos-"):
        work(run)
    run.images_file.write_bytes(trained.images_file.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"images\.npz is no zip archive"):
        run_dataset(run.path, trained.config().dataset, "test")
    run.images_file.unlink()
    with pytest.raises(DataError, match="not beside the model"):
        run_dataset(run.path, trained.config().dataset, "test")


def _zip_of(seeds: range) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for seed in seeds:
            bundle.writestr(f"{seed}.png", picture(seed))
    return buffer.getvalue()


def test_a_split_is_read_once(trained: Run) -> None:
    name = trained.config().dataset
    first = run_dataset(trained.path, name, "test")
    assert run_dataset(str(trained.path), name, "test") is first
    assert run_dataset(trained.path, "digits", "test") is load_dataset("digits", "test")


def test_a_run_whose_images_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    def full(run: Run) -> None:
        run.images_file.write_bytes(b"half of")
        raise OSError(28, "No space left on device")

    config = TrainConfig(dataset="own-a-0123456789ab")
    with pytest.raises(TrainingError, match="No space left on device"):
        create_run(config, tmp_path / "run", "ann", full)
    assert [file.name for file in (tmp_path / "run").iterdir()] in ([], [".lock"])
    create_run(replace(config, dataset="digits"), tmp_path / "run")


def test_a_node_of_a_cluster_is_sent_the_images_and_sends_none_back(
    trained: Run, tmp_path: Path
) -> None:
    files = {n: (trained.path / n).read_bytes() for n in ("config.json", "images.npz")}
    assert set(files) <= set(cluster.SENT)
    remote = RemoteRun("there", files, {})
    ended, here = False, tmp_path / "here"
    while not ended:
        parts, ended = remote.changes(stop=False)
        assert not any(path == "images.npz" for path, _, _ in parts)
        receive(here, parts)
    assert Run(remote.run.path).status().state == "finished"
    assert read_metrics(here / "checkpoint") == read_metrics(trained.checkpoint)


@pytest.mark.parametrize("name", ["own", "own-a-0123456789ab"])
def test_settings_may_name_own_images(name: str) -> None:
    assert TrainConfig.from_json(TrainConfig(dataset=name).to_json()).dataset == name


@pytest.mark.parametrize("name", ["own-", "own-a", "own-../x-0123456789ab", "own-a-0123456789AB"])
def test_no_path_passes_as_a_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Unknown data set"):
        start(TrainConfig(dataset=name), tmp_path / "runs")
    assert not any(tmp_path.iterdir())


REFUSED = {
    "a size alone": (["--size", "8"], 2, "--size says how --images"),
    "two data sets": (["--images", "x.zip", "--dataset", "digits"], 2, "two data sets"),
    "a size that is none": (["--images", "x.zip", "--size", "big"], 2, "32x32"),
    "an enormous size": (["--images", "x.zip", "--size", "9999"], 2, "1 to 512 pixels"),
    "no such file": (["--images", "nowhere.zip"], 1, "no file or folder"),
    "too large a batch": (["--images", "{photos}", "--size", "8", "--batch-size", "64"], 2, "36"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_flags_that_cannot_be_are_one_line(
    case: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags, code, said = REFUSED[case]
    words = [flag.format(photos=photos) for flag in flags]
    try:
        left = main(["train", *words, "--output", str(tmp_path / "run")])
    except SystemExit as leaving:
        left = int(leaving.code or 0)
    error = capsys.readouterr().err
    *found, error = error.splitlines()
    assert left == code and said in error, error
    assert all(re.search("images of|learned by heart", line) for line in found)
    assert not (tmp_path / "run").exists()
