"""Train a model into a run folder."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vae_core.command.arguments import folder, whole
from vae_core.command.figures import print_figures
from vae_core.command.own_images import image_flags
from vae_core.command.plan import add_setting_arguments, chosen, named_values, planned_of
from vae_core.command.terminal import asked_to_stop, draw_bar, end_line
from vae_core.errors import CheckpointError, ConfigError, TrainingError
from vae_core.files.atomic import read_json
from vae_core.runs.jobs import new_run_path, start
from vae_core.runs.run import Run, create_run
from vae_core.runs.sweep import Variation, results, table, variations, wait_for
from vae_core.runs.trainer import work

if TYPE_CHECKING:
    from vae_core.training.config import TrainConfig
    from vae_core.training.progress import Progress

NICE = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--preset", help="settings by name, such as digits-2d or mnist-2d")
    source.add_argument("--resume", metavar="RUN", help="go on with the run in this folder")
    parser.add_argument(
        "--seeds",
        type=_seeds,
        metavar="FIRST-LAST",
        help="a run for each of these, such as 0-4 or 1,5,9, and one table at the end",
    )
    parser.add_argument(
        "--vary",
        type=named_values,
        action="append",
        metavar="NAME=A,B,…",
        help="a run for each of these values, such as beta=1,4,10; given twice, for each pair",
    )
    parser.add_argument(
        "--more-epochs",
        type=whole(1, 10_000),
        metavar="N",
        help="with --resume, of a run that has finished: so many in a cycle of their own",
    )
    parser.add_argument(
        "--output",
        type=folder,
        metavar="RUN",
        help="the run folder to make (default: one in $ZSCAPE_RUNS)",
    )
    parser.add_argument(
        "--publish", type=folder, metavar="DIR", help="also save the checkpoint there"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, low priority")
    parser.add_argument(
        "--queue", action="store_true", help="first wait for a turn among the runs of its folder"
    )
    add_setting_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print figures as JSON")


def run(options: argparse.Namespace) -> None:
    if options.publish:
        from vae_core.checkpoints.writing import check_target

        check_target(options.publish)
    if options.more_epochs and options.resume is None:
        raise ConfigError("--more-epochs are for a run that has finished; name it with --resume.")
    if options.seeds or options.vary:
        _sweep(options)
        return
    trained = _new_run(options) if options.resume is None else _run_to_resume(options)
    if options.quiet and hasattr(os, "nice"):
        os.nice(NICE)
    show = _unseen if options.quiet else _shown(trained)
    with asked_to_stop() as asked:
        work(trained, show, asked, queued=options.queue)
    stopped = trained.status().state == "stopped"
    if stopped:
        if not options.quiet:
            end_line()
        print(f"zscape: stopped; go on with train --resume {trained.path}", file=sys.stderr)
    figures = trained.checkpoint / "metrics.json"
    if figures.exists():  # else stopped before its turn came
        print_figures(read_json(figures, CheckpointError), options.json)
    if not options.publish:
        return
    if stopped:  # half of a training is not to take the place of a whole one
        raise TrainingError(
            f"{options.publish} is as it was, since the training is not at its end; "
            f"train --resume {trained.path} --publish {options.publish} puts it there."
        )
    from vae_core.checkpoints.writing import copy_checkpoint

    copy_checkpoint(trained.checkpoint, options.publish)


def _run_to_resume(options: argparse.Namespace) -> Run:
    others = (options.output, options.set, options.left_out is not None)
    if any(others) or chosen(options).keys() - {"epochs"} or image_flags(options):
        raise ConfigError(
            "A resumed run keeps its settings and folder; leave all others than --epochs out."
        )
    if options.epochs and options.more_epochs:
        raise ConfigError("--epochs says how many in all, --more-epochs how many more; give one.")
    run = Run(options.resume)
    if run.path.is_dir() and not (run.path / "status.json").is_file():
        raise TrainingError(f"{run.path.name} is no run's folder: it has no status.json.")
    if not options.queue:  # else `resume` has done so, and what is asked since then counts
        run.forget_requests()
    if options.more_epochs or options.epochs:
        with run.held():
            finished = run.status(holding=True).state == "finished"
            more = _more(run, options.epochs) if options.epochs and finished else 1
            run.add_epochs(options.more_epochs or more)
    return run


def _more(run: Run, epochs: int) -> int:
    """How many more a run that has finished wants for `epochs` in all."""
    if epochs <= (learned := run.epochs_learned):
        raise ConfigError(
            f"{run.token} has learned for {learned} epochs already; --epochs {epochs} is the "
            "number in all, and is to be more."
        )
    return epochs - learned


def _new_run(options: argparse.Namespace) -> Run:
    config, write = planned_of(options)
    if options.output is not None:
        return create_run(config, options.output, write_images=write)
    path = new_run_path(config, _runs_root())
    with _place_told(path.parent):
        run = create_run(config, path, write_images=write)
    print(f"zscape: training in {run.path}", file=sys.stderr)
    return run


def _runs_root() -> Path:
    return Path(os.environ.get("ZSCAPE_RUNS", "runs"))


@contextmanager
def _place_told(root: Path) -> Iterator[None]:
    """Say of a run that cannot be made where it would go, since nobody has named a place."""
    try:
        yield
    except TrainingError as error:
        raise TrainingError(
            f"{error} It would go to {root}, unless --output or ZSCAPE_RUNS says otherwise."
        ) from error


def _sweep(options: argparse.Namespace) -> None:
    """A run for each combination of what varies, as `start` has it; and their table."""
    if options.resume is not None or options.publish or options.queue:
        raise ConfigError("A sweep is of new runs; leave --resume, --publish and --queue out.")
    if options.seeds and options.seed is not None:
        raise ConfigError("--seed and --seeds name two sets of seeds; leave one out.")
    values = dict(options.vary or [])
    if len(values) < len(options.vary or []):
        raise ConfigError("A name is varied twice; give all its values at once.")
    if options.seeds:
        values = {**values, "seed": options.seeds}
    planned: list[Variation] = []

    def plan(config: TrainConfig) -> list[TrainConfig]:
        planned.extend(variations(config, values))
        return [each.config for each in planned]

    _, write = planned_of(options, plan)
    root = Path(options.output) if options.output is not None else _runs_root()
    prefix = "" if options.output is not None else f"sweep-{secrets.token_hex(12)}-"
    for each in planned:  # all or none
        if os.path.lexists(root / (prefix + each.name)):
            raise ConfigError(f"{each.name} is in {root} already; name another folder.")
    with _place_told(root) if options.output is None else nullcontext():
        runs = {
            each.name: start(each.config, root, write_images=write, name=prefix + each.name)
            for each in planned
        }
    print(f"zscape: {len(runs)} runs in {root}", file=sys.stderr)
    with asked_to_stop() as asked:
        wait_for(
            list(runs.values()),
            lambda share, ended: draw_bar(share, f"  {ended} of {len(runs)} runs have ended"),
            asked,
        )
    found = results(runs, planned)
    print(json.dumps(found) if options.json else table(found))
    failed = [row for row in found if row["state"] == "failed"]
    if failed:
        raise TrainingError(
            f"{len(failed)} of {len(found)} runs failed, the first by this: {failed[0]['message']}"
        )


def _seeds(text: str) -> Sequence[int]:
    """0-4, or 1,5,9."""
    first, dash, last = text.partition("-")
    with suppress(ValueError, OverflowError):
        found = range(int(first), int(last) + 1) if dash else list(map(int, text.split(",")))
        if len(found):  # a range is never written out: there are far more seeds than memory
            return found
    raise argparse.ArgumentTypeError(f"{text[:40]!r} is not of seeds such as 0-4 or 1,5,9")


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
