"""The command line: python -m vae_core train | evaluate | encode | sample | export | list."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_core.command.images import add_image_arguments, image_flags, read_given_images
from vae_core.command.train import add_train_arguments, print_figures, train_command
from vae_core.errors import ConfigError, DataError, ZscapeError
from vae_core.files.atomic import write_bytes

if TYPE_CHECKING:
    from vae_core.checkpoints.reading import CheckpointInfo


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """Bad arguments are one clear line and exit code 2."""
        print(f"{self.prog}: {message}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m vae_core", description="Train and inspect VAEs.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> Any:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    train = command("train", train_command, "Train a model into a run folder.")
    add_train_arguments(train)

    evaluate = command("evaluate", _evaluate, "Evaluate a checkpoint on a data set.")
    evaluate.add_argument("--data", metavar="NAME", help="default: the one it was trained on")
    evaluate.add_argument(
        "--samples", type=_whole(1, 10_000), default=1, help="draws of z per image (L)"
    )
    evaluate.add_argument(
        "--importance-samples",
        type=_whole(0, 10_000),
        default=0,
        metavar="K",
        help="draws for log p(x)",
    )
    evaluate.add_argument(
        "--binarisation", metavar="none|dynamic|static", help="default: as it was trained"
    )
    evaluate.add_argument(
        "--exact",
        type=_whole(0, 1_000_000),
        default=0,
        metavar="IMAGES",
        help="log p(x) by quadrature, of so many images (d <= 2)",
    )
    evaluate.add_argument(
        "--codes",
        action="store_true",
        help="what the KL is made of, and the classes that can be read off mu, beside PCA",
    )
    evaluate.add_argument(
        "--few-labels",
        type=_whole(0, 100_000),
        default=0,
        metavar="N",
        help="--codes, and the error of M1 with N labels, over ten draws of them",
    )
    evaluate.add_argument(
        "--disentanglement", action="store_true", help="MIG, FactorVAE score, SAP, DCI, modularity"
    )
    evaluate.add_argument("--device", default="cpu", help="a torch device")
    evaluate.add_argument("--seed", type=_whole(0, 2**31 - 1), default=0)
    evaluate.add_argument("--write", action="store_true", help="put them into the checkpoint")

    encode = command("encode", _encode, "Encode a data set; write mu, logvar and more as .npz.")
    encode.add_argument("--data", metavar="NAME", help="default: the one it was trained on")
    encode.add_argument("--output", required=True, metavar="FILE.npz")

    sample = command("sample", _sample, "Decode draws from the prior into one PNG.")
    sample.add_argument("--n", type=_whole(1, 10_000), default=64, help="images (default: 64)")
    sample.add_argument("--seed", type=_whole(0, 2**31 - 1), default=0)
    sample.add_argument("--output", required=True, metavar="FILE.png")

    export = command("export", _export, "Copy a checkpoint, verified, to another folder or a zip.")
    export.add_argument("--output", required=True, metavar="DIR|FILE.zip")

    for sub in (evaluate, encode, sample, export):
        sub.add_argument("checkpoint", metavar="CHECKPOINT", help="a checkpoint folder")
    for sub in (evaluate, encode):
        sub.add_argument(
            "--split",
            default="test",
            choices=("train", "test", "all"),
            help="of --images that are not parted, the test is a tenth (default: test)",
        )
        add_image_arguments(sub, shape=False)
    for sub in (train, evaluate, encode):
        sub.add_argument("--download", action="store_true", help="fetch the data set if missing")
    listing = command("list", _list, "List the checkpoints of a folder.")
    listing.add_argument(
        "root",
        nargs="?",
        default=os.environ.get("ZSCAPE_CHECKPOINTS", "checkpoints"),
        help="a folder of checkpoint folders (default: $ZSCAPE_CHECKPOINTS, or checkpoints)",
    )
    for sub in (train, evaluate, listing):
        sub.add_argument("--json", action="store_true", help="print figures as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it worked, 2 for bad arguments, 1 when it failed."""
    options = build_parser().parse_args(arguments)
    try:
        options.run(options)
    except ConfigError as error:
        print(f"zscape: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    except (ZscapeError, OSError) as error:
        print(f"zscape: {error}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:  # PyTorch's own is a RuntimeError
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        print(
            "zscape: there is not enough memory; choose narrower layers, smaller batches or fewer "
            "samples.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("zscape: interrupted.", file=sys.stderr)
        return 1
    return 0


def _evaluate(options: argparse.Namespace) -> None:
    from vae_core.checkpoints.reading import load_checkpoint, read_config
    from vae_core.checkpoints.writing import write_metrics
    from vae_core.measures.evaluation import evaluate
    from vae_core.training.loop import usable_device

    codes = options.codes or options.few_labels
    if codes and options.split != "test":
        raise ConfigError(
            f"--codes and --few-labels learn from the training images, so --split {options.split} "
            "would judge them by what they know; leave one of them out."
        )
    model = load_checkpoint(options.checkpoint, usable_device(options.device))
    trained = read_config(options.checkpoint)["training"].get("binarisation", "none")
    metrics = evaluate(
        model,
        _dataset(options, options.split),
        samples=options.samples,
        importance_samples=options.importance_samples,
        binarisation=options.binarisation or str(trained),
        exact_images=options.exact,
        codes=_dataset(options, "train") if codes else None,
        labels=options.few_labels,
        disentanglement=options.disentanglement,
        seed=options.seed,
        on_progress=_bar(),
    )
    if options.write:
        write_metrics(options.checkpoint, metrics)
    figures = metrics.to_json()
    print_figures(figures, options.json)
    asked = {
        "log_px": options.importance_samples,
        "exact_log_px": options.exact,
        "aggregate": options.codes,
        "codes": options.codes,
        "disentanglement": options.disentanglement,
    }
    if missing := [name for name, value in asked.items() if value and figures[name] is None]:
        print(
            f"zscape: {', '.join(missing)} not measured: such a model, or such data, have none.",
            file=sys.stderr,
        )


def _encode(options: argparse.Namespace) -> None:
    import io

    import numpy as np

    from vae_core.checkpoints.reading import load_checkpoint
    from vae_core.latent.latents import encode_dataset

    output = _file(options.output)
    data = _dataset(options, options.split)
    latents = encode_dataset(load_checkpoint(options.checkpoint), data, on_progress=_bar())
    buffer = io.BytesIO()
    np.savez(buffer, **{k: v.numpy() for k, v in vars(latents).items() if v is not None})
    write_bytes(output, buffer.getvalue())


def _sample(options: argparse.Namespace) -> None:
    import math

    import torch

    from vae_core.checkpoints.reading import load_checkpoint
    from vae_core.latent.decoded import prior_samples
    from vae_core.latent.manifold import png_bytes, tile_images

    output = _file(options.output)
    model = load_checkpoint(options.checkpoint)
    columns = math.ceil(math.sqrt(options.n))
    rows = math.ceil(options.n / columns)
    sheet = torch.ones(rows * columns, *model.image_shape)
    sheet[: options.n] = prior_samples(model, options.n, options.seed)[1]
    tiles = tile_images(sheet.reshape(rows, columns, *model.image_shape))
    write_bytes(output, png_bytes(tiles))


def _export(options: argparse.Namespace) -> None:
    from vae_core.checkpoints.archives import zip_checkpoint
    from vae_core.checkpoints.figures import read_metrics
    from vae_core.checkpoints.reading import load_checkpoint, load_latents
    from vae_core.checkpoints.writing import copy_checkpoint

    for check in (load_checkpoint, load_latents, read_metrics):
        check(options.checkpoint)
    output = Path(options.output)
    if output.suffix == ".zip":
        write_bytes(_file(options.output), zip_checkpoint(options.checkpoint))
    else:
        copy_checkpoint(options.checkpoint, output)


def _list(options: argparse.Namespace) -> None:
    from vae_core.checkpoints.reading import list_checkpoints
    from vae_core.data.own.source import printable

    if not Path(options.root).is_dir():
        raise ConfigError(f"There is no folder {options.root}.")
    listed = list_checkpoints(options.root)
    if options.json:
        rows = [
            {"name": c.name, "config": c.config, "metrics": c.metrics, "error": c.error}
            for c in listed
        ]
        print(json.dumps(rows))
        return
    if not listed:
        print(f"zscape: no checkpoints in {options.root}.", file=sys.stderr)
    for c in listed:
        name = f"{printable(c.name):20}"
        if c.error:
            print(f"{name} broken: {c.error}")
            continue
        data = f"{c.config.get('dataset')!s:14} d={c.config['latent_dim']:<4}"
        print(f"{name} {printable(data)} {printable(_elbo(c))}".rstrip())


def _elbo(listed: CheckpointInfo) -> str:
    """The ELBO and of what it is: those of unlike likelihoods, pixels or data do not compare."""
    metrics = listed.metrics or {}
    if metrics.get("elbo") is None:
        return ""
    what = str(listed.config["likelihood"])
    if what == "bernoulli":
        grey = metrics.get("grey_cross_entropy")
        what += ", grey pixels: cross-entropy" if grey else ", pixels 0 or 1"
    on = (metrics.get("dataset"), metrics.get("split"))
    if on != (listed.config.get("dataset"), "test"):
        what += f", on {on[0]} ({on[1]})"
    return f"ELBO {metrics['elbo']:9.2f} nats ({what})"


def _bar() -> Callable[[float], None]:
    """What draws the share done as one line of a terminal, over itself; elsewhere nothing."""

    def draw(share: float) -> None:
        bar = ("█" * round(24 * share)).ljust(24, "░")
        end = "\n" if share >= 1 else ""
        print(f"\r{bar} {share:4.0%}\033[K", end=end, file=sys.stderr, flush=True)

    return draw if sys.stderr.isatty() else lambda share: None


def _dataset(options: argparse.Namespace, split: str) -> Any:
    from vae_core.checkpoints.reading import read_config
    from vae_core.data.datasets import SPLITS, check_dataset
    from vae_core.data.own.images import ImageForm
    from vae_core.runs.data import run_dataset

    config = read_config(options.checkpoint)
    if flags := image_flags(options):
        if options.data:
            raise ConfigError("--data and --images name two data sets; leave one out.")
        channels, height, width = config["image_shape"]
        colour = "grey" if channels == 1 else "colour"
        form = ImageForm((height, width), fit=flags.get("fit", "crop"), colour=colour)
        train, test = read_given_images(options, form)
        return train.joined(test) if split == "all" else (train, test)[SPLITS.index(split)]
    if options.data:
        check_dataset(options.data)
    name = options.data or config.get("dataset")
    if not name:
        raise DataError("The checkpoint does not say its data set; name one with --data.")
    run = Path(options.checkpoint).resolve().parent
    parts = [
        run_dataset(run, str(name), part, download=options.download)
        for part in (SPLITS if split == "all" else (split,))
    ]
    return parts[0].joined(parts[1]) if split == "all" else parts[0]


def _file(text: str) -> Path:
    """Where a file may be written: in place of nothing or of a file, never of a device."""
    path = Path(text)
    if not text or (path.exists() and not path.is_file()):
        raise ConfigError(f"--output {text!r} is no place for a file; name one.")
    return path


def _whole(least: int, most: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        with suppress(ValueError):
            if least <= int(text) <= most:
                return int(text)
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a whole number from {least:,} to {most:,}"
        )

    return whole


if __name__ == "__main__":
    try:
        try:
            code = main()
        finally:
            if sys.stdout is not None:  # closed by who called
                sys.stdout.flush()
    except BrokenPipeError:  # `… list | head` is no failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    raise SystemExit(code)
