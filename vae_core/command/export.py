"""Copy a checkpoint, verified, to a folder or a zip; or write it for other programs.

The page is made by who shows models in a browser: `options.make_page`, see `command.main`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vae_core.command.arguments import add_checkpoint_argument, folder, whole
from vae_core.command.output import output_of
from vae_core.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint_argument(parser)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--output", metavar="DIR|FILE.zip", help="a copy; - is a zip to standard output"
    )
    target.add_argument(
        "--html", metavar="FILE.html", help="one page to open from disk, which decodes by itself"
    )
    target.add_argument(
        "--onnx",
        type=folder,
        metavar="DIR",
        help='encoder.onnx and decoder.onnx there; needs pip install "zscape[onnx]"',
    )
    target.add_argument(
        "--projector",
        type=folder,
        metavar="DIR",
        help="the codes there, for TensorBoard's projector",
    )
    page = parser.add_argument_group("for --html")
    page.add_argument(
        "--encoder", action="store_true", help="the encoder goes along, with a pad to draw on"
    )
    page.add_argument(
        "--thumbnails",
        type=whole(0, 100_000),
        metavar="N",
        help="so many test images go along at most (default: 300, fewer of large ones)",
    )


def run(options: argparse.Namespace) -> None:
    if options.html is None and (options.encoder or options.thumbnails is not None):
        raise ConfigError("--encoder and --thumbnails are of --html; leave them out.")
    if options.html is not None:
        _page(options)
    elif options.onnx is not None:
        from vae_core.export.onnx import ENCODER, write_onnx

        if ENCODER not in write_onnx(options.checkpoint, options.onnx):
            print(f"zscape: without {ENCODER}: the model has no encoder.", file=sys.stderr)
    elif options.projector is not None:
        from vae_core.export.projector import SPRITE, write_projector

        if why := write_projector(options.checkpoint, options.projector):
            print(f"zscape: without {SPRITE}: {why}", file=sys.stderr)
    else:
        _copy(options.checkpoint, options.output)


def _page(options: argparse.Namespace) -> None:
    if options.make_page is None:
        raise ConfigError(
            "A page is made of the app: write it by `zscape export NAME --html FILE`."
        )
    output = output_of(options.html, (".html",), "--html")
    page = options.make_page(Path(options.checkpoint), options.encoder, options.thumbnails)
    output.write(page)


def _copy(checkpoint: str, output: str) -> None:
    from vae_core.checkpoints.archives import zip_checkpoint
    from vae_core.checkpoints.figures import read_metrics
    from vae_core.checkpoints.reading import load_checkpoint, load_latents
    from vae_core.checkpoints.writing import copy_checkpoint

    path = Path(output)
    zipped = None
    if output == "-" or path.suffix.lower() == ".zip":
        zipped = output_of(output, (".zip",))
    elif not output or (path.suffix[1:].isalpha() and not path.is_dir()):
        raise ConfigError(f"--output {output!r} is to be a folder, or a file that ends in .zip.")
    for check in (load_checkpoint, load_latents, read_metrics):
        check(checkpoint)
    if zipped is not None:
        zipped.write(zip_checkpoint(checkpoint))
    else:
        copy_checkpoint(checkpoint, path)
