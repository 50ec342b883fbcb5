"""Train a model into a run folder."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_core.command.arguments import number, whole, whole_number
from vae_core.command.figures import print_figures
from vae_core.command.own_images import add_image_arguments, image_flags, read_given_images
from vae_core.command.terminal import draw_bar, end_line
from vae_core.errors import CheckpointError, ConfigError, TrainingError
from vae_core.files.atomic import read_json
from vae_core.runs.jobs import new_run_path
from vae_core.runs.run import Run, create_run
from vae_core.runs.trainer import work

if TYPE_CHECKING:
    from vae_core.data.image_dataset import ImageDataset
    from vae_core.training.config import TrainConfig
    from vae_core.training.progress import Progress

NICE = 10
SETTINGS: dict[str, tuple[Callable[[str], object], str]] = {
    "dataset": (str, "what to learn: digits, sprites, mnist, …; a wrong name is answered with all"),
    "latent_dim": (whole_number, "numbers in z"),
    "network": (str, "mlp, conv, resnet, …; a wrong name is answered with all"),
    "activation": (str, "between layers: silu, relu, tanh, …"),
    "likelihood": (str, "p(x|z): bernoulli, gaussian, …; a wrong name is answered with all"),
    "sigma": (number, "standard deviation of a gaussian likelihood, in grey levels of [0, 1]"),
    "link": (str, "from the decoder's outputs to means: sigmoid or identity"),
    "prior": (str, "p(z): normal or vamp"),
    "pseudo_inputs": (whole_number, "components of a VampPrior"),
    "objective": (str, "what is minimised: elbo, iwae, gan, …; a wrong name is answered with all"),
    "binarisation": (str, "of grey images: none, static or dynamic"),
    "beta": (number, "weight of the KL, 1 for the ELBO"),
    "samples": (whole_number, "z drawn for each image"),
    "epochs": (whole_number, "passes over the training images"),
    "batch_size": (whole_number, "images in a step"),
    "learning_rate": (number, "Adam's, or its peak in a cycle"),
    "schedule": (str, "of the learning rate: constant or one-cycle"),
    "keep": (str, "the model of the last epoch, or of the best on the held-out images: last, best"),
    "patience": (whole_number, "end after so many epochs without a better one, 0 for never"),
    "seed": (whole_number, "of all that is drawn: the same gives the same weights"),
    "device": (str, "cpu, cuda, …"),
    "threads": (whole_number, "of torch, on the CPU"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--preset", help="settings by name, such as digits-2d or mnist-2d")
    source.add_argument("--resume", metavar="RUN", help="go on with the run in this folder")
    parser.add_argument(
        "--more-epochs",
        type=whole(1, 10_000),
        metavar="N",
        help="with --resume, of a run that has finished: so many in a cycle of their own",
    )
    parser.add_argument(
        "--output", metavar="RUN", help="the run folder to make (default: one in $ZSCAPE_RUNS)"
    )
    parser.add_argument("--publish", metavar="DIR", help="also save the checkpoint there")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, low priority")
    parser.add_argument(
        "--queue", action="store_true", help="first wait for a turn among the runs of its folder"
    )
    for name, (kind, text) in SETTINGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=text)
    parser.add_argument(
        "--left-out", metavar="CLASS", help="name of a class that is not learned, to be an anomaly"
    )
    parser.add_argument("--hidden", type=_widths, help="layer widths, such as 512,256")
    parser.add_argument(
        "--set",
        type=_named_value,
        action="append",
        metavar="NAME=VALUE",
        help="a setting of the objective's own, such as gamma=10; once for each",
    )
    parser.add_argument("--download", action="store_true", help="fetch the data set if missing")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    add_image_arguments(parser, shape=True)


def run(options: argparse.Namespace) -> None:
    if options.publish:
        from vae_core.checkpoints.writing import check_target

        check_target(options.publish)
    if options.more_epochs and options.resume is None:
        raise ConfigError("--more-epochs are for a run that has finished; name it with --resume.")
    trained = _new_run(options) if options.resume is None else _run_to_resume(options)
    if options.quiet and hasattr(os, "nice"):
        os.nice(NICE)
    show = _unseen if options.quiet else _shown(trained)
    with _asked_to_stop() as asked:
        work(trained, show, asked, queued=options.queue)
    if trained.status().state == "stopped":
        if not options.quiet:
            end_line()
        print(f"zscape: stopped; go on with train --resume {trained.path}", file=sys.stderr)
    figures = trained.checkpoint / "metrics.json"
    if not figures.exists():
        return  # stopped before its turn came
    if options.publish:
        from vae_core.checkpoints.writing import copy_checkpoint

        copy_checkpoint(trained.checkpoint, options.publish)
    print_figures(read_json(figures, CheckpointError), options.json)


def _run_to_resume(options: argparse.Namespace) -> Run:
    others = (options.output, options.set, options.left_out is not None)
    if any(others) or _chosen(options) or image_flags(options):
        more = "" if options.epochs is None else "; further epochs are --more-epochs"
        raise ConfigError(
            f"A resumed run keeps its settings and folder; leave the others out{more}."
        )
    run = Run(options.resume)
    if run.path.is_dir() and not (run.path / "status.json").is_file():
        raise TrainingError(f"{run.path.name} is no run's folder: it has no status.json.")
    if not options.queue:  # else `resume` has done so, and what is asked since then counts
        run.forget_requests()
    if options.more_epochs:
        with run.held():
            run.add_epochs(options.more_epochs)
    return run


def _new_run(options: argparse.Namespace) -> Run:
    from dataclasses import replace

    from vae_core.checkpoints.reading import MAX_WEIGHTS
    from vae_core.data.datasets import check_dataset
    from vae_core.data.own.images import write_images
    from vae_core.models.architecture import architecture
    from vae_core.models.device import usable_device
    from vae_core.objectives.registry import find_objective
    from vae_core.runs.data import run_datasets
    from vae_core.training.config import TrainConfig
    from vae_core.training.loop import check_data
    from vae_core.training.presets import preset

    config: TrainConfig = preset(options.preset) if options.preset else TrainConfig()
    chosen = _chosen(options)
    another = chosen.get("objective", config.objective) != config.objective
    for name, value in options.set or []:
        name = name.replace("-", "_")
        name = "learning_rate" if name == "lr" else name
        if name in (*SETTINGS, "hidden") and name not in find_objective(config.objective).settings:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{name} is no setting of an objective's own; give {flag} {value}.")
    own = ({} if another else dict(config.objective_settings)) | dict(options.set or [])
    config = replace(config, **chosen, objective_settings=own)
    if flags := image_flags(options):
        if options.dataset:
            raise ConfigError("--dataset and --images name two data sets; leave one out.")
        train, test = read_given_images(options)
        config = replace(config, dataset=train.name)
        if not options.preset:
            config = _suited(
                train, options.left_out, chosen | {"dataset": train.name, "objective_settings": own}
            )
    else:
        check_dataset(config.dataset)
        train, test = run_datasets("", config.dataset, download=options.download)
    if options.left_out is not None:
        config = replace(config, left_out=train.label_of(options.left_out))
    if flags and options.batch_size is None:
        n = len(train) if config.left_out < 0 else len(train.without(config.left_out))
        if n < config.batch_size:
            config = replace(config, batch_size=n)
            print(f"zscape: in batches of all {n} images; else give --batch-size.", file=sys.stderr)
    weights = architecture(config.model_config(train.image_shape)).weights
    if weights > MAX_WEIGHTS:
        raise TrainingError(
            f"The network has {weights:,} weights, and a checkpoint holds {MAX_WEIGHTS:,} at most; "
            "choose fewer or narrower layers."
        )
    usable_device(config.device)
    check_data(config, train, test)

    def write(run: Run) -> None:
        if flags:
            write_images(run.images_file, train, test)

    if options.output is not None:
        return create_run(config, options.output, write_images=write)
    path = new_run_path(config, Path(os.environ.get("ZSCAPE_RUNS", "runs")))
    run = create_run(config, path, write_images=write)
    print(f"zscape: training in {run.path}", file=sys.stderr)
    return run


def _suited(train: ImageDataset, left_out: str | None, given: dict[str, Any]) -> TrainConfig:
    """Settings for a user's own images, with why they are so on stderr; given ones are kept."""
    from vae_core.training.suited import suited_to

    learned = train if left_out is None else train.without(train.label_of(left_out))
    found = suited_to(learned, given)
    for sentence in filter(None, (found.why, found.expect)):
        print(f"zscape: {sentence}", file=sys.stderr)
    return found.config


def _chosen(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given as flags."""
    values = {name: getattr(options, name) for name in [*SETTINGS, "hidden"]}
    return {name: value for name, value in values.items() if value is not None}


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl-C or SIGTERM has come meanwhile; a second Ctrl-C is final."""
    asked = told = False

    def ask(_signal: int, _frame: Any) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def heard() -> bool:
        nonlocal told
        if asked and not told:
            told = True
            print("\nzscape: stopping to evaluate and keep; Ctrl-C aborts.", file=sys.stderr)
        return asked

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _named_value(text: str) -> tuple[str, Any]:
    """NAME=VALUE, the value a number where it reads as one."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not NAME=VALUE, such as gamma=10")
    for kind in (int, float):
        with suppress(ValueError):
            return name, kind(value)
    return name, value


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in text.split(",")) if text else ()
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a list of layer widths such as 512,256"
        ) from None


def _shown(run: Run) -> Callable[[Progress], None]:
    """What draws a run's progress on a terminal."""
    epochs = 0

    def show(progress: Progress) -> None:
        nonlocal epochs
        epochs = epochs or run.config().epochs
        test = f"  test {progress.test.loss:.2f} nats" if progress.test else ""
        draw_bar(
            progress.step / progress.total_steps,
            f"  epoch {progress.epoch} of {epochs}  {progress.images_per_second:,.0f} images/s  "
            f"{progress.seconds_left:,.0f} s left{test}",
        )

    return show


def _unseen(_progress: Progress) -> None:
    """Nobody looks."""
