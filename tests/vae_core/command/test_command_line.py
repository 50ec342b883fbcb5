"""The command line: exit codes 0, 2 and 1, one clear line on failure, JSON that parses."""

import io
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vae_core.checkpoints.archives import unpack_checkpoint
from vae_core.checkpoints.card import left_out_class
from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.reading import load_checkpoint, read_config
from vae_core.command.figures import print_figures
from vae_core.command.main import main
from vae_core.errors import DataError, TrainingError
from vae_core.files.atomic import read_json, write_json
from vae_core.measures.codes.label_curves import CLASSIFIERS
from vae_core.runs.run import Run, create_run, list_runs
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig
from vae_core.training.presets import preset

ROOT = Path(__file__).parents[3]
PATIENCE = 120  # seconds; a bound for a machine that is busy with other things
QUICK = ["train", "--preset", "digits-2d", "--epochs", "1", "--hidden", "8"]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process."""

    def run(*arguments: object) -> Outcome:
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Outcome(code, captured.out, captured.err)

    return run


def assert_refused(outcome: Outcome, code: int, *words: str) -> None:
    """One clear line on stderr, nothing on stdout."""
    assert outcome.code == code, outcome
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1 and outcome.err.endswith("\n")
    assert all(word in outcome.err for word in words), outcome.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert main([*QUICK, "--output", str(folder)]) == 0
    return folder


@pytest.fixture
def checkpoint(trained: Path) -> Path:
    return trained / "checkpoint"


# train


def test_a_preset_trains_with_the_settings_given_beside_it(trained: Path) -> None:
    config = Run(trained).config()
    assert config.epochs == 1 and config.hidden == (8,)
    assert config.learning_rate == preset("digits-2d").learning_rate
    assert Run(trained).status().state == "finished"
    assert load_checkpoint(trained / "checkpoint").image_shape == (1, 8, 8)


def test_every_setting_has_its_flag(run: Command, tmp_path: Path) -> None:
    settings = {
        "dataset": "digits", "latent-dim": 3, "network": "conv", "hidden": "4,8",
        "activation": "relu", "likelihood": "gaussian", "sigma": 0.2, "link": "identity",
        "prior": "vamp", "pseudo-inputs": 7,
        "objective": "elbo", "binarisation": "static", "beta": 0.5, "samples": 2, "warm-up": 0.5,
        "epochs": 1, "batch-size": 400, "left-out": 3,
        "learning-rate": 0.01, "schedule": "constant", "keep": "best", "patience": 3,
        "seed": 5, "device": "cpu", "threads": 1,
    }  # fmt: skip
    flags = [word for name, value in settings.items() for word in (f"--{name}", value)]
    outcome = run("train", *flags, "--output", tmp_path / "run", "--json")
    assert outcome.code == 0
    config = Run(tmp_path / "run").config().to_json()
    expected = {name.replace("-", "_"): value for name, value in settings.items()}
    assert config == expected | {
        "hidden": [4, 8],
        "objective_settings": {},
        "continued": [],
    }


def test_an_objectives_own_settings_are_set_by_name(run: Command, tmp_path: Path) -> None:
    flags = ("--objective", "capacity", "--set", "gamma=30", "--set", "rise=0.5")
    assert run(*QUICK, *flags, "--output", tmp_path / "run").code == 0
    own = {"capacity": 25.0, "gamma": 30.0, "rise": 0.5}
    assert Run(tmp_path / "run").config().objective_settings == own


def test_training_prints_its_figures_as_json(run: Command, tmp_path: Path) -> None:
    outcome = run(*QUICK, "--output", tmp_path / "run", "--json", "--publish", tmp_path / "named")
    assert outcome.code == 0
    assert json.loads(outcome.out) == read_metrics(tmp_path / "named")
    assert "# named" in (tmp_path / "named" / "README.md").read_text()


def test_a_run_goes_on_by_its_folder_alone(run: Command, trained: Path) -> None:
    outcome = run("train", "--resume", trained)
    assert outcome.code == 0 and "elbo" in outcome.out and "nats" in outcome.out


def test_training_gives_the_signals_back(run: Command, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run(*QUICK, "--output", tmp_path / "run")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--hidden", "abc"], ["--hidden", "'abc'", "512,256"]),
        (["--hidden", "0"], ["hidden=(0,)"]),
        (["--epochs", "0"], ["epochs=0"]),
        (["--epochs", "many"], ["--epochs", "'many'"]),
        (["--epochs", "1,5"], ["--epochs", "'1,5' is not a whole number"]),
        (["--beta", "0,5"], ["--beta", "'0,5'", "after a point, as in 0.5"]),
        (["--learning-rate", "nan"], ["learning_rate=nan"]),
        (["--batch-size", "100000000"], ["batch_size=100000000"]),
        (["--seed", "-1"], ["seed=-1"]),
        (["--latent-dim", "0"], ["latent_dim=0"]),
        (["--preset", "huge"], ["'huge'", "digits-2d"]),
        (["--dataset", "imagenet"], ["'imagenet'", "digits"]),
        (["--network", "alexnet"], ["'alexnet'", "mlp"]),
        (["--network", "conv", "--hidden", "64"], ["conv", "hidden has 1"]),
        (["--device", "abacus"], ["device='abacus'"]),
        (["--device", "cuda:99"], ["device=cuda:99", "choose cpu"]),
        (["--batch-size", "2000"], ["batch_size=2000", "1437"]),
        (["--colour", "red"], ["--colour"]),
        (["--set", "gamma"], ["--set", "'gamma'", "gamma=10"]),
        (["--set", "gamma=2"], ["'gamma'", "elbo"]),
        (["--set", "beta=4"], ["beta", "give --beta 4"]),
        (["--set", "hidden=4"], ["give --hidden 4"]),
        (["--set", "lr=0.1"], ["give --learning-rate 0.1"]),
        (["--set", "latent-dim=4"], ["give --latent-dim 4"]),
        (["--images", "x", "--scale", "bright"], ["--scale", "'bright'", "0:255"]),
        (["--scale", "0:1"], ["--scale", "--images"]),
        (["--images", "x", "--frames", "last"], ["--frames"]),
        (["--objective", "capacity", "--set", "gamma=much"], ["gamma='much'", "number"]),
        (["--objective", "iwae", "--beta", "2"], ["beta=2", "iwae"]),
        (["--binarisation", "random"], ["'random'", "static"]),
        (["--preset", "digits-2d", "--resume", "x"], ["not allowed with"]),
    ],
)
def test_bad_settings_are_one_line(
    run: Command, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    assert_refused(run("train", *arguments, "--output", tmp_path / "run"), 2, *words)


def test_training_wants_a_folder_of_its_own(run: Command, trained: Path, tmp_path: Path) -> None:
    assert_refused(run(*QUICK, "--output", trained), 2, "exists already")
    (tmp_path / "file").touch()
    assert_refused(run(*QUICK, "--output", tmp_path / "file"), 1)


def test_what_cannot_be_learned_leaves_no_folder(run: Command, tmp_path: Path) -> None:
    for flags, word in (
        (["--left-out", "10"], "no class is named '10', to be left out; the classes are 0, 1, 2"),
        (["--objective", "m2", "--set", "labels=7"], "labels"),
        (["--objective", "pca", "--latent-dim", "64"], "components"),
        (["--device", "hpu"], "choose cpu"),
        (["--link", "straight"], "sigmoid or identity"),
    ):
        outcome = run("train", "--dataset", "digits", *flags, "--output", tmp_path / "run")
        assert outcome.code in (1, 2) and word in outcome.err
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_run_s_is_left_alone(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    shutil.copytree(checkpoint, tmp_path / "alone")
    before = sorted((tmp_path / "alone").iterdir())
    assert_refused(run("train", "--resume", tmp_path / "alone"), 1, "no run's folder")
    assert sorted((tmp_path / "alone").iterdir()) == before
    assert_refused(run("train", "--resume", ""), 1)


def test_other_files_are_not_replaced(run: Command, checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert_refused(run("export", checkpoint, "--output", tmp_path), 1, "thesis.txt", "lost")
    outcome = run(*QUICK, "--output", tmp_path / "run", "--publish", tmp_path)
    assert_refused(outcome, 1, "thesis.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_share_done_is_drawn_on_a_terminal(
    run: Command, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "%" not in run("evaluate", checkpoint).err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert "100%" in run("evaluate", checkpoint).err
    assert "100%" in run("encode", checkpoint, "--output", tmp_path / "latents.npz").err


def test_unknown_devices_and_data_are_bad_arguments(run: Command, checkpoint: Path) -> None:
    assert_refused(run("evaluate", checkpoint, "--device", "hpu"), 2, "choose cpu")
    assert_refused(run("evaluate", checkpoint, "--data", "nope"), 2, "nope", "digits")


def test_a_resumed_run_keeps_its_settings(run: Command, trained: Path) -> None:
    outcome = run("train", "--resume", trained, "--epochs", "5", "--beta", "2")
    assert_refused(outcome, 2, "keeps its settings", "--epochs")


@pytest.mark.parametrize("flag", [("--more-epochs", 2), ("--epochs", 3)])
def test_a_finished_run_is_taken_further(
    flag: tuple[str, int], run: Command, trained: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(trained, tmp_path / "longer")
    before = Run(folder).config()
    assert run("train", "--resume", folder, *flag, "--json").code == 0
    config = Run(folder).config()
    assert config == before.with_more_epochs(2, before.epochs)
    assert_refused(run("train", "--resume", folder, "--epochs", "3"), 2, "for 3 epochs already")
    assert Run(folder).events()[-1]["epoch"] == config.epochs
    assert Run(folder).status().state == "finished"


def test_more_epochs_are_for_a_run_that_has_finished(run: Command, tmp_path: Path) -> None:
    assert_refused(run("train", "--more-epochs", "2"), 2, "name it with --resume")
    assert_refused(run("train", "--more-epochs", "0"), 2, "whole number from 1")
    waiting = create_run(TrainConfig(epochs=2), tmp_path / "waiting")
    outcome = run("train", "--resume", waiting.path, "--more-epochs", "2")
    assert_refused(outcome, 1, "has not finished")
    outcome = run("train", "--resume", waiting.path, "--epochs", "2")
    assert_refused(outcome, 1, "has not finished")


def test_a_sweep_is_runs_of_their_own_and_one_table(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae_core.runs.jobs._launch", lambda run, threads: work(run))
    flags = ["--seeds", "3-4", "--vary", "beta=1,2.5", "--output", tmp_path / "sweep"]
    outcome = run(*QUICK, *flags)
    assert outcome.code == 0, outcome
    runs = {each.token: each.config() for each in list_runs(tmp_path / "sweep")}
    assert {name: (c.beta, c.seed) for name, c in runs.items()} == {
        f"beta-{beta:g}_seed-{seed}": (beta, seed) for beta in (1.0, 2.5) for seed in (3, 4)
    }
    rows = [line.split() for line in outcome.out.splitlines()]
    assert rows[0][:3] == ["beta", "seed", "elbo"]
    metrics = [read_json(tmp_path / "sweep" / row[-1] / "checkpoint" / "metrics.json", DataError)
               for row in rows[1:5]]  # fmt: skip
    assert [row[2] for row in rows[1:5]] == [f"{each['elbo']:.2f}" for each in metrics]
    of_one = [each["elbo"] for each in metrics[:2]]
    assert rows[5][2:5] == [f"{mean(of_one):.2f}", "±", f"{stdev(of_one):.2f}"]

    assert_refused(run(*QUICK, *flags), 2, "beta-1_seed-3 is in")
    assert_refused(run(*QUICK, "--seeds", "0-1", "--seed", "2"), 2, "--seeds")
    assert_refused(run(*QUICK, "--seeds", "0-999"), 2, "256 are the most")
    assert_refused(run(*QUICK, "--seeds", "0-9999999999"), 2, "10,000,000,000 runs")
    assert_refused(run(*QUICK, "--seeds", f"0-{10**30}"), 2, "0-4")
    assert_refused(run(*QUICK, "--vary", "colour=1,2"), 2, "colour cannot be varied", "beta")
    assert_refused(run(*QUICK, "--vary", "beta=1,-1"), 2, "beta=-1")
    assert_refused(run(*QUICK, "--vary", "beta=1,1"), 2, "same settings")
    assert_refused(run(*QUICK, "--seeds", "4-2"), 2, "0-4")


def test_a_sweep_that_failed_in_part_says_so(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(run: Run, threads: int) -> None:
        with suppress(TrainingError):
            work(run)

    monkeypatch.setattr("vae_core.runs.jobs._launch", launch)
    bad = ["--schedule", "constant", "--likelihood", "gaussian", "--sigma", "0.0001"]
    bad += ["--vary", "learning-rate=1e-8,10", "--output", tmp_path / "s", "--json"]
    outcome = run(*QUICK, "--epochs", "10", *bad)
    assert outcome.code == 1 and "1 of 2 runs failed" in outcome.err
    assert [row["state"] for row in json.loads(outcome.out)] == ["finished", "failed"]


def test_a_missing_run_cannot_be_resumed(run: Command, tmp_path: Path) -> None:
    assert_refused(run("train", "--resume", tmp_path / "nowhere"), 1, "no run folder nowhere")


def test_a_loss_that_is_not_finite_fails(run: Command, tmp_path: Path) -> None:
    bad = ["--learning-rate", "10", "--schedule", "constant", "--epochs", "200"]
    bad += ["--likelihood", "gaussian", "--sigma", "0.0001", "--hidden", "8"]
    outcome = run("train", "--dataset", "digits", *bad, "--output", tmp_path / "run")
    assert_refused(outcome, 1, "not a finite number")


def test_a_network_too_large_for_a_checkpoint_fails_before_it_is_built(
    run: Command, tmp_path: Path
) -> None:
    wide = ",".join(["8192"] * 16)
    outcome = run("train", "--dataset", "digits", "--hidden", wide, "--output", tmp_path / "run")
    assert_refused(outcome, 1, "134,217,728 at most", "narrower layers")
    assert not (tmp_path / "run").exists()


def test_too_little_memory_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vae_core", "train", "--dataset", "digits", "--epochs", "1"]
    command += ["--hidden", "8192", "--batch-size", "1437", "--samples", "64"]
    gigabytes = 3 << 29
    outcome = subprocess.run(
        [*command, "--output", str(tmp_path / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (gigabytes, gigabytes)),
    )
    assert outcome.returncode == 1
    assert outcome.stderr.splitlines() == [
        "zscape: there is not enough memory; choose narrower layers, smaller batches or fewer "
        "samples."
    ]


def test_missing_data_fails(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZSCAPE_DATA", str(tmp_path))
    outcome = run("train", "--preset", "mnist-2d", "--output", tmp_path / "run")
    assert_refused(outcome, 1, "mnist", "--download")
    assert not (tmp_path / "run").exists()


def test_ctrl_c_once_stops_and_keeps(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = ["train", "--hidden", "8", "--epochs", "10000", "--output", str(folder)]
    with subprocess.Popen(
        [sys.executable, "-m", "vae_core", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as trainer:  # fmt: skip
        try:
            patience = time.monotonic() + PATIENCE
            while not Run(folder).events():
                assert trainer.poll() is None and time.monotonic() < patience
                time.sleep(0.02)
            trainer.send_signal(signal.SIGINT)
            out, err = trainer.communicate(timeout=PATIENCE)
        finally:
            trainer.kill()
    assert trainer.returncode == 0
    assert "elbo" in out and "Traceback" not in err
    assert f"--resume {folder}" in err
    assert Run(folder).status().state == "stopped"
    assert load_checkpoint(folder / "checkpoint").latent_dim == 2


def test_half_of_a_training_is_not_published(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, `make checkpoints/NAME` once left a model of one epoch where the whole one lay."""
    named, folder = tmp_path / "named", tmp_path / "run"
    assert run(*QUICK, "--output", tmp_path / "whole", "--publish", named).code == 0
    before = {path: path.read_bytes() for path in named.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(
            "vae_core.runs.recording.append_report",
            lambda *_, **__: signal.raise_signal(signal.SIGINT),
        )
        outcome = run(*QUICK, "--epochs", "9", "--output", folder, "--publish", named)
    assert outcome.code == 1 and f"--resume {folder} --publish {named}" in outcome.err
    assert {path: path.read_bytes() for path in named.iterdir()} == before
    assert run("train", "--resume", folder, "--publish", named).code == 0
    assert read_metrics(named) == read_metrics(folder / "checkpoint")


def test_a_second_ctrl_c_aborts_and_the_run_can_be_resumed(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    folder, before = tmp_path / "run", signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("vae_core.runs.recording.append_report", impatient)
    outcome = run("train", "--hidden", "8", "--epochs", "9", "--output", folder)
    assert outcome.code == 0 and Run(folder).status().state == "stopped"

    monkeypatch.setattr("vae_core.runs.recording.evaluate", impatient)
    outcome = run("train", "--resume", folder)
    assert outcome.code == 1 and outcome.err.endswith("zscape: interrupted.\n")
    status = Run(folder).status()
    assert status.state == "failed" and "interrupted" in status.message
    assert Run(folder).resumable
    assert signal.getsignal(signal.SIGINT) is before


def test_a_terminal_shows_a_bar_drawn_over_itself(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    drawn = run("train", "--epochs", 2, "--hidden", "8", "--output", tmp_path / "run").err
    assert drawn.count("\n") == 1
    assert re.fullmatch(
        r"\r█{24} 100%  epoch 2 of 2  [\d,]+ images/s  0 s left  test \d+\.\d\d nats\x1b\[K\n",
        drawn[drawn.rindex("\r") :],
    )


def test_a_run_without_a_place_goes_where_the_app_looks(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    outcome = run(*QUICK)
    (made,) = list_runs(tmp_path)
    assert outcome.code == 0 and outcome.err == f"zscape: training in {made.path}\n"
    assert made.status().state == "finished"


@pytest.mark.parametrize("more", [[], ["--seeds", "0-1"]])
def test_a_run_without_a_place_says_where_it_could_not_go(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    (tmp_path / "file").touch()
    root = tmp_path / "file" / "runs"
    monkeypatch.setenv("ZSCAPE_RUNS", str(root))
    outcome = run(*QUICK, *more)
    assert outcome.code == 1 and outcome.err.count("\n") == 1
    assert f"would go to {root}, unless --output or ZSCAPE_RUNS says otherwise." in outcome.err


def test_a_run_may_wait_for_its_turn(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_SLOTS", "1")
    waited = create_run(replace(preset("digits-2d"), epochs=1), tmp_path / "run")
    waited.request_stop()
    outcome = run("train", "--resume", waited.path, "--queue")
    assert outcome.code == 0 and outcome.out == ""
    assert f"--resume {waited.path}" in outcome.err
    assert run("train", "--resume", waited.path, "--queue").code == 0
    assert waited.status().state == "finished"


def test_ctrl_c_elsewhere_is_one_line(
    run, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vae_core.measures.evaluation.evaluate", interrupt)
    assert_refused(run("evaluate", checkpoint), 1, "interrupted")


# evaluate, encode, sample, export, list


def test_evaluate_prints_what_training_wrote(run: Command, checkpoint: Path) -> None:
    outcome = run("evaluate", checkpoint, "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out) == read_metrics(checkpoint)


def test_evaluate_takes_split_draws_and_seed(run: Command, checkpoint: Path) -> None:
    options = ["--split", "train", "--samples", 2, "--importance-samples", 3, "--seed", 4]
    metrics = json.loads(run("evaluate", checkpoint, "--json", *options).out)
    assert (metrics["images"], metrics["split"], metrics["samples"]) == (1437, "train", 2)
    assert metrics["importance_samples"] == 3 and metrics["log_px"] > metrics["elbo"] - 1


def test_evaluate_takes_both_splits_and_says_what_they_are(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    np.savez(
        tmp_path / "own.npz", x=np.random.default_rng(0).integers(0, 256, (30, 8, 8), np.uint8)
    )
    for options, said in (
        ([], "360 images of digits (test)"),
        (["--split", "all"], "1,797 images of digits (all)"),
        (["--images", tmp_path / "own.npz"], "3 images of own-own"),
        (["--images", tmp_path / "own.npz", "--split", "all"], "30 images of own-own"),
    ):
        assert run("evaluate", checkpoint, *options).out.startswith(said)


def test_what_becomes_of_own_images_is_said(run: Command, checkpoint: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 4096, (40, 32, 32, 3), np.uint16)
    np.savez(tmp_path / "own.npz", x=images, y=np.array([3, 99])[np.arange(40) % 2])
    outcome = run("evaluate", checkpoint, "--images", tmp_path / "own.npz")
    assert outcome.err.splitlines() == [
        "zscape: 40 images of 2 classes (3, 99), 32x32 in colour, values 0 to 4,095, read as 8x8 "
        "in grey, black 0 and white 4,095; 4 are the test, drawn at random by seed 0.",
        "zscape: The values run from 0 to 4,095: 0 is taken as black and 4,095 as white.",
    ]
    outcome = run("evaluate", checkpoint, "--images", tmp_path / "own.npz", "--scale", "0:65535")
    assert outcome.code == 0 and "white 65,535" in outcome.err and "taken" not in outcome.err


def test_names_in_a_zip_are_read_as_told(run: Command, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        for k in range(20):
            file = io.BytesIO()
            Image.fromarray(np.full((6, 6), 12 * k, np.uint8)).save(file, "PNG")
            bundle.writestr(f"{('Q0', 'Q1')[k % 2]}/{k}.png", file.getvalue())
    data = buffer.getvalue().replace(b"Q0/", "表".encode("cp932") + b"/")  # it ends in a backslash
    (tmp_path / "own.zip").write_bytes(data.replace(b"Q1/", "猫".encode("cp932") + b"/"))
    train = ("train", "--images", tmp_path / "own.zip", "--epochs", 1, "--hidden", 8)
    guessed = run(*train, "--output", tmp_path / "guessed")
    assert "2 classes (猫, 表)" in guessed.err and "read as Japanese (cp932)" in guessed.err
    assert read_config(tmp_path / "guessed" / "checkpoint")["class_names"] == ["猫", "表"]
    chosen = run(*train, "--names", "gb18030", "--output", tmp_path / "chosen")
    assert "does not say" not in chosen.err
    names = read_config(tmp_path / "chosen" / "checkpoint")["class_names"]
    assert names == sorted(
        ("表".encode("cp932").decode("gb18030"), "猫".encode("cp932").decode("gb18030"))
    )
    assert_refused(run(*train, "--names", "klingon"), 2, "'klingon'", "cp932")
    assert_refused(run(*train, "--names", "utf-8"), 1, "not written in utf-8", "cp932")


def test_fewer_images_than_a_batch_are_one_batch(run: Command, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
    np.savez(tmp_path / "own.npz", x=images)
    few = ("train", "--images", tmp_path / "own.npz", "--epochs", 1, "--hidden", 8)
    few = (*few, "--preset", "digits-2d")
    outcome = run(*few, "--output", tmp_path / "run")
    assert outcome.code == 0 and "batches of all 18 images" in outcome.err
    assert Run(tmp_path / "run").config().batch_size == 18
    refused = run(*few, "--batch-size", 50, "--output", tmp_path / "other")
    assert refused.code == 2 and "batch_size=50" in refused.err


def test_settings_suit_own_images_and_say_so(run: Command, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
    np.savez(tmp_path / "own.npz", x=images)
    train = ("train", "--images", tmp_path / "own.npz", "--epochs", 1, "--output", tmp_path / "run")
    outcome = run(*train)
    assert outcome.code == 0
    assert "Chosen for 18 images of 8x8: mlp, as they are small; learned-gaussian" in outcome.err
    assert "18 images are learned by heart" in outcome.err
    config = Run(tmp_path / "run").config()
    assert (config.epochs, config.likelihood) == (1, "learned-gaussian")


def test_a_class_is_left_out_by_its_name(run: Command, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (48, 8, 8), np.uint8)
    np.savez(tmp_path / "own.npz", x=images, y=np.array([-1, 3, 17, 99])[np.arange(48) % 4])
    for name, label in (("3", 1), ("99", 3)):
        outcome = run(
            "train", "--images", tmp_path / "own.npz", "--left-out", name, "--epochs", 1,
            "--hidden", 8, "--batch-size", 8, "--output", tmp_path / name,
        )  # fmt: skip
        assert outcome.code == 0 and Run(tmp_path / name).config().left_out == label
        config = read_json(tmp_path / name / "checkpoint" / "config.json", DataError)
        assert left_out_class(config) == name


def test_the_folder_of_a_run_stands_for_the_checkpoint_in_it(run: Command, trained: Path) -> None:
    of_run, of_checkpoint = run("evaluate", trained), run("evaluate", trained / "checkpoint")
    assert of_run.code == 0 and of_run.out == of_checkpoint.out


def test_what_is_no_checkpoint_is_told_what_it_is(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    run("export", checkpoint, "--output", tmp_path / "model.zip")
    outcome = run("evaluate", tmp_path / "model.zip")
    assert_refused(outcome, 1, "model.zip is a zip", "unpack it")
    foreign = {"_class_name": "AutoencoderKL", "_diffusers_version": "0.30.0"}
    write_json(tmp_path / "sd-vae" / "config.json", foreign)
    assert_refused(run("evaluate", tmp_path / "sd-vae"), 1, "sd-vae is a model of diffusers")
    write_json(tmp_path / "bare" / "config.json", {"_class_name": "AutoencoderKL"})
    assert_refused(run("evaluate", tmp_path / "bare"), 1, "config.json is not one of Zscape's")


def test_messages_on_images_name_the_flag(run: Command, tmp_path: Path) -> None:
    for k in range(8):
        Image.fromarray(np.full((8, 8 + k % 2), 9 * k, np.uint8)).save(tmp_path / f"{k}.png")
    train = ("train", "--output", tmp_path / "run", "--images")
    assert_refused(run(*train, tmp_path), 1, "not of one size", "--size 32x32")
    few = ("--epochs", 1, "--hidden", 8, "--output", tmp_path / "sized")
    sized = run("train", "--images", tmp_path, "--size", "6×5", *few)  # as the page writes it
    assert "read as 6x5" in sized.err
    (tmp_path / "all.7z").write_bytes(b"7z\xbc\xaf")
    assert_refused(run(*train, tmp_path / "all.7z"), 1, "is a 7z archive", "unpack it")
    np.savez(tmp_path / "two.npz", x_train=np.ones((9, 4, 4)), x_test=np.ones((9, 4, 4)) * 250)
    assert_refused(run(*train, tmp_path / "two.npz"), 1, "unlike scales", "--scale=0:255")


def test_exact_figures_of_many_dimensions_are_refused_by_flag(run: Command, tmp_path: Path) -> None:
    run(*QUICK, "--latent-dim", 3, "--output", tmp_path / "run")
    outcome = run("evaluate", tmp_path / "run", "--exact", 2)
    assert_refused(outcome, 2, "1 or 2 latent dimensions", "vae with 3", "--importance-samples")


def test_evaluate_names_what_it_could_not_measure(run: Command, tmp_path: Path) -> None:
    run(*QUICK, "--objective", "autoencoder", "--output", tmp_path / "run")
    outcome = run("evaluate", tmp_path / "run" / "checkpoint", "--importance-samples", 2, "--codes")
    assert outcome.code == 0
    assert outcome.err == (
        "zscape: log_px, aggregate not measured: such a model, or such data, have none.\n"
    )


def test_few_draws_and_missed_modes_are_told(
    run: Command, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run("evaluate", checkpoint, "--importance-samples", 20).out
    assert "The 20 weights count as" in out and "too few" in out
    figures = json.loads(run("evaluate", checkpoint, "--importance-samples", 20, "--json").out)
    assert figures["unreliable"] == 1
    print_figures(figures | {"missed": 0.25}, as_json=False)
    assert (
        "for 25.0% of these the draws behind log_px met less than half" in capsys.readouterr().out
    )


def test_evaluate_gives_what_else_it_is_asked_for(run: Command, checkpoint: Path) -> None:
    options = ["--binarisation", "static", "--exact", 3, "--codes", "--device", "cpu"]
    metrics = json.loads(run("evaluate", checkpoint, "--json", *options).out)
    assert metrics["binarisation"] == "static" and not metrics["grey_cross_entropy"]
    assert metrics["exact_images"] == 3 and metrics["exact_log_px"] < 0
    aggregate = metrics["aggregate"]
    assert aggregate["kl"] == pytest.approx(metrics["kl"], abs=5 * aggregate["kl_se"])
    assert metrics["codes"]["train_images"] == 1437
    figures = run("evaluate", checkpoint, *options).out
    for name in ("exact_log_px", "mutual_information", "knn", "pca_linear"):
        assert name in figures
    assert "cross-entropy" not in figures


def test_evaluate_writes_the_error_by_number_of_labels_where_asked(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    shutil.copytree(checkpoint, tmp_path / "copy")
    out = run("evaluate", tmp_path / "copy", "--label-curves", 1, "--write").out
    assert re.search(r"nearest neighbours on μ: 0\.\d{3} wrong by 10 labels, 0\.\d{3} by \d+", out)
    stored = (read_metrics(tmp_path / "copy") or {})["label_curves"]
    assert stored["labels"][0] == 10 and stored["errors"].keys() == CLASSIFIERS.keys()


def test_a_binarised_model_is_evaluated_as_it_was_trained(run: Command, tmp_path: Path) -> None:
    run(*QUICK, "--binarisation", "dynamic", "--output", tmp_path / "run")
    metrics = json.loads(run("evaluate", tmp_path / "run" / "checkpoint", "--json").out)
    assert metrics["binarisation"] == "dynamic"
    assert metrics == read_metrics(tmp_path / "run" / "checkpoint")


def test_evaluate_writes_only_when_told(run: Command, checkpoint: Path, tmp_path: Path) -> None:
    run("export", checkpoint, "--output", tmp_path / "copy")
    before = read_metrics(tmp_path / "copy")
    outcome = run("evaluate", tmp_path / "copy", "--seed", 9)
    assert "cross-entropy" in outcome.out and read_metrics(tmp_path / "copy") == before
    run("evaluate", tmp_path / "copy", "--seed", 9, "--write")
    metrics = read_metrics(tmp_path / "copy")
    assert metrics is not None and metrics["seed"] == 9
    assert f"{metrics['elbo']:.2f}" in (tmp_path / "copy" / "README.md").read_text()


def test_encode_writes_arrays_that_need_no_pickle(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    assert run("encode", checkpoint, "--output", tmp_path / "z.npz").code == 0
    with np.load(tmp_path / "z.npz", allow_pickle=False) as arrays:
        assert arrays["mu"].shape == arrays["logvar"].shape == (360, 2)
        assert arrays["labels"].shape == arrays["indices"].shape == (360,)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npz"])
def test_encode_says_of_which_part_each_row_of_all_is(
    run: Command, checkpoint: Path, tmp_path: Path, ending: str
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    np.savez(tmp_path / "own.npz", x_train=images[:28], x_test=images[28:])
    written = tmp_path / f"z{ending}"
    given = ("encode", checkpoint, "--images", tmp_path / "own.npz", "--output", written)
    assert run(*given, "--split", "all").code == 0
    if ending == ".npz":
        with np.load(written, allow_pickle=False) as arrays:
            split = arrays["split"].tolist()
    else:
        split = list((pd.read_csv if ending == ".csv" else pd.read_parquet)(written)["split"])
    assert split == ["train"] * 28 + ["test"] * 12
    assert run(*given).code == 0
    if ending == ".csv":
        assert "split" not in pd.read_csv(written)


def test_a_scale_from_below_zero_needs_no_equals_sign(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    images = np.random.default_rng(0).uniform(-0.5, 0.5, (40, 8, 8))
    np.savez(tmp_path / "own.npz", images=images)
    given = ("encode", checkpoint, "--images", tmp_path / "own.npz", "--output", tmp_path / "z.npz")
    outcome = run(*given, "--scale", "-.5:.5")
    assert outcome.code == 0 and "black -0.5 and white 0.5" in outcome.err


def test_sample_draws_one_sheet(run: Command, checkpoint: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        assert run("sample", checkpoint, "--n", 7, "--output", tmp_path / name).code == 0
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.size == (3 * 8, 3 * 8)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_encode_writes_the_table_that_the_ending_asks_for(
    run: Command, checkpoint: Path, tmp_path: Path, ending: str
) -> None:
    assert run("encode", checkpoint, "--output", tmp_path / f"z{ending.upper()}").code == 0
    assert run("encode", checkpoint, "--output", tmp_path / "z.npz").code == 0
    read = pd.read_csv if ending == ".csv" else pd.read_parquet
    table = read(tmp_path / f"z{ending.upper()}")
    names = ["index", "label", "mu_1", "mu_2", "sigma_1", "sigma_2", "kl", "log_px_given_mu"]
    assert list(table) == names
    with np.load(tmp_path / "z.npz") as arrays:
        np.testing.assert_allclose(table[["mu_1", "mu_2"]], arrays["mu"], rtol=1e-6)
        np.testing.assert_array_equal(table["label"].astype(int), arrays["labels"])


def test_sample_writes_the_picture_that_the_ending_asks_for(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    for name, kind in (("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.JPEG", "JPEG")):
        assert run("sample", checkpoint, "--n", 4, "--output", tmp_path / name).code == 0
        with Image.open(tmp_path / name) as picture:
            assert picture.format == kind
    pixels = [np.asarray(Image.open(tmp_path / name), int) for name in ("a.png", "a.jpg")]
    assert np.abs(pixels[0] - pixels[1]).mean() < 4


@pytest.mark.parametrize(
    ("command", "name", "words"),
    [
        ("encode", "x.png", [".npz, .csv or .parquet"]),
        ("encode", "x", [".npz, .csv or .parquet"]),
        ("encode", ".csv", [".npz, .csv or .parquet"]),
        ("sample", "x.gif", [".png, .jpg or .jpeg"]),
        ("sample", "x.png.", [".png, .jpg or .jpeg"]),
        ("export", "x.tar", ["folder", ".zip"]),
        ("export", "x.html", ["folder", ".zip"]),
    ],
)
def test_an_ending_that_nothing_is_written_as_is_refused(
    run: Command, checkpoint: Path, tmp_path: Path, command: str, name: str, words: list[str]
) -> None:
    assert_refused(run(command, checkpoint, "--output", tmp_path / name), 2, *words)
    assert list(tmp_path.iterdir()) == []


STREAMS = [("encode", b"PK\x03\x04"), ("sample", b"\x89PNG"), ("export", b"PK\x03\x04")]


@pytest.mark.parametrize(("command", "head"), STREAMS)
def test_a_dash_is_standard_output_and_never_a_terminal(
    checkpoint: Path,
    tmp_path: Path,
    command: str,
    head: bytes,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([command, str(checkpoint), "--output", "-"]) == 0
    assert capfdbinary.readouterr().out.startswith(head)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main([command, str(checkpoint), "--output", "-"]) == 2
    told = capfdbinary.readouterr()
    assert told.out == b"" and b"terminal" in told.err and told.err.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_goes_by_its_name_from_anywhere(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(ROOT / "checkpoints"))
    monkeypatch.chdir(tmp_path)
    assert run("sample", "digits-2d", "--output", "a.png").code == 0
    assert_refused(run("sample", "digits-3d", "--output", "b.png"), 1, "no checkpoint 'digits-3d'")
    (tmp_path / "digits-2d").mkdir()
    assert_refused(run("sample", "digits-2d", "--output", "b.png"), 1, "config.json is missing")


def test_export_writes_for_other_programs(run: Command, tmp_path: Path) -> None:
    shipped = ROOT / "checkpoints"
    outcome = run("export", shipped / "mnist-2d-gan", "--onnx", tmp_path / "gan")
    assert outcome == Outcome(0, "", "zscape: without encoder.onnx: the model has no encoder.\n")
    assert [file.name for file in (tmp_path / "gan").iterdir()] == ["decoder.onnx"]
    outcome = run("export", shipped / "digits-2d", "--projector", tmp_path / "codes")
    assert outcome == Outcome(0, "", "")
    assert len(list((tmp_path / "codes").iterdir())) == 4
    missing = tmp_path / "nowhere" / "codes"
    for flag in ("--onnx", "--projector"):
        outcome = run("export", shipped / "digits-2d", flag, missing)
        assert_refused(outcome, 2, "There is no folder", "nowhere")
        assert_refused(run("export", shipped / "digits-2d", flag, ""), 2, "name one")


def test_export_makes_a_folder_or_a_zip(run: Command, checkpoint: Path, tmp_path: Path) -> None:
    assert run("export", checkpoint, "--output", tmp_path / "copy").code == 0
    assert load_checkpoint(tmp_path / "copy").config == load_checkpoint(checkpoint).config
    assert run("export", checkpoint, "--output", tmp_path / "copy.zip").code == 0
    data = io.BytesIO((tmp_path / "copy.zip").read_bytes())
    assert zipfile.is_zipfile(data)
    unpack_checkpoint(data, tmp_path / "unpacked")


def test_list_shows_broken_folders_beside_good_ones(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    run("export", checkpoint, "--output", tmp_path / "good")
    (tmp_path / "broken").mkdir()
    outcome = run("list", tmp_path)
    broken, good = outcome.out.splitlines()
    assert outcome.code == 0 and broken.startswith("broken") and "config.json is missing" in broken
    assert good.startswith("good") and "digits" in good and "d=2" in good
    assert good.endswith("nats (bernoulli, grey pixels: cross-entropy)")
    rows = {row["name"]: row for row in json.loads(run("list", tmp_path, "--json").out)}
    assert rows["broken"]["error"] and rows["good"]["error"] is None
    assert rows["good"]["config"]["latent_dim"] == 2 and rows["good"]["metrics"]["images"] == 360


def test_a_list_tells_of_what_its_figures_are(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    for name, figures, told in (
        ("a", {"grey_cross_entropy": False}, "(bernoulli, pixels 0 or 1)"),
        ("b", {"split": "train"}, "(bernoulli, grey pixels: cross-entropy, on digits (train))"),
        ("c", {"dataset": "\x1b[2J"}, "cross-entropy, on ?[2J (test))"),
    ):
        run("export", checkpoint, "--output", tmp_path / name)
        file = tmp_path / name / "metrics.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | figures))
        assert run("list", tmp_path).out.splitlines()[-1].endswith(told)


def test_a_name_from_outside_is_listed_as_one_plain_line(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    run("export", checkpoint, "--output", tmp_path / "odd")
    file = tmp_path / "odd" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"dataset": "\x1b[2Jdigits\n"}))
    outcome = run("list", tmp_path)
    assert outcome.out.count("\n") == 1 and "?[2Jdigits?" in outcome.out


def test_an_empty_list_is_no_failure_and_no_folder_is(run: Command, tmp_path: Path) -> None:
    assert run("list", tmp_path) == Outcome(0, "", f"zscape: no checkpoints in {tmp_path}.\n")
    assert json.loads(run("list", tmp_path, "--json").out) == []
    assert_refused(run("list", tmp_path / "nowhere"), 2, "no folder")


@pytest.mark.parametrize("place", ["pipe", "folder", ""])
@pytest.mark.parametrize("command", ["encode", "sample"])
def test_only_files_are_replaced(
    run: Command, checkpoint: Path, tmp_path: Path, command: str, place: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    output = str(tmp_path / place) if place else ""
    assert_refused(run(command, checkpoint, "--output", output), 2, "no place for a file")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_codes_are_not_judged_by_what_they_know(run: Command, checkpoint: Path) -> None:
    assert_refused(run("evaluate", checkpoint, "--codes", "--split", "train"), 2, "--split train")


@pytest.mark.parametrize("command", ["evaluate", "encode", "sample", "export"])
def test_a_missing_or_foreign_checkpoint_fails(run: Command, tmp_path: Path, command: str) -> None:
    ending = {"encode": ".npz", "sample": ".png"}.get(command, "")
    output = [] if command == "evaluate" else ["--output", tmp_path / f"out{ending}"]
    nowhere = run(command, tmp_path / "nowhere", *output)
    assert_refused(nowhere, 1, "no checkpoint 'nowhere'", "a folder", "the command `list`")
    (tmp_path / "x.h5").touch()
    foreign = run(command, tmp_path / "x.h5", *output)
    assert_refused(foreign, 1, "x.h5 is a file", "folder")
    assert "ickle" not in foreign.err
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04")
    assert_refused(run(command, tmp_path / "model.pt", *output), 1, "model.pt is a file")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "--samples", "0"], ["--samples", "'0' is not a whole number from 1"]),
        (["evaluate", "--importance-samples", "1000000000"], ["'1000000000'"]),
        (["evaluate", "--seed", "99999999999999999999"], ["--seed"]),
        (["evaluate", "--split", "middle"], ["--split", "'middle'"]),
        (["evaluate", "--binarisation", "random"], ["'random'", "static"]),
        (["evaluate", "--exact", "-1"], ["--exact", "'-1'"]),
        (["evaluate", "--device", "cuda:99"], ["device=cuda:99", "choose cpu"]),
        (["sample", "--n", "-1", "--output", "x.png"], ["--n"]),
        (["sample", "--n", "1000000000", "--output", "x.png"], ["--n"]),
        (["sample"], ["--output"]),
        (["encode"], ["--output"]),
        (["export"], ["--output", "--onnx", "--projector"]),
        (["export", "--onnx", "a", "--projector", "b"], ["not allowed with"]),
    ],
)
def test_bad_arguments_are_one_line(
    run: Command, checkpoint: Path, arguments: list[str], words: list[str]
) -> None:
    assert_refused(run(*arguments, checkpoint), 2, *words)


def test_a_data_set_that_does_not_fit_fails(run: Command, checkpoint: Path) -> None:
    assert_refused(run("evaluate", checkpoint, "--data", "sprites"), 1, "(1, 8, 8)", "(1, 32, 32)")


def test_an_output_that_cannot_be_written_fails(
    run: Command, checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert_refused(run("export", checkpoint, "--output", tmp_path / "file" / "x"), 1)
    for command, name in (("encode", "x.csv"), ("sample", "x.png"), ("export", "x.zip")):
        for place, why in (("file", "cannot be put in"), ("nowhere", "There is no folder")):
            outcome = run(command, checkpoint, "--output", tmp_path / place / name)
            assert_refused(outcome, 2, why, place, name)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "digits-2d", "--onnx"],
        ["export", "digits-2d", "--projector"],
        ["import", "--decoder", "decoder.onnx", "--output"],
        ["pull", "ann/digits", "--output"],
        ["train", "--preset", "digits-2d", "--output"],
        ["train", "--preset", "digits-2d", "--publish"],
    ],
)
def test_standard_output_takes_no_folder(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(run(*arguments, "-"), 2, arguments[-1], "standard output takes no folder")
    assert list(tmp_path.iterdir()) == []


# The program itself


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vae_core", *arguments], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize("command", ["train", "evaluate", "encode", "sample", "export", "list"])
def test_every_command_explains_itself(run: Command, command: str) -> None:
    outcome = run(command, "--help")
    assert outcome.code == 0 and outcome.out.startswith(f"usage: python -m vae_core {command}")


def test_the_program_leaves_with_its_codes() -> None:
    help_, nothing, bad = program("--help"), program(), program("fly")
    assert help_.returncode == 0 and "train" in help_.stdout
    assert nothing.returncode == bad.returncode == 2
    assert nothing.stderr.count("\n") == bad.stderr.count("\n") == 1
    missing = program("evaluate", "nowhere")
    assert missing.returncode == 1 and missing.stderr.count("\n") == 1


def test_a_reader_who_leaves_early_is_no_failure() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "vae_core", "--help"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0 and errors == b""


@pytest.mark.parametrize(
    "command",
    [
        ["sample", "digits-2d", "--output"],
        ["encode", "digits-2d", "--output"],
        ["export", "digits-2d", "--output"],
        ["train", "--preset", "digits-2d", "--output"],
    ],
)
def test_a_place_that_cannot_be_written_is_named_in_a_sentence(
    run: Command, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "file").touch()
    name = {"sample": "x.png", "encode": "x.npz"}.get(command[0], "x")
    place = tmp_path / "file" / name  # below a file nothing can be, whoever asks
    done = run(*command, place)
    assert done.code in (1, 2)
    assert "Errno" not in done.err and ".part" not in done.err
    assert f"{name} cannot be" in done.err and done.err.count("\n") == 1
