"""Copy a checkpoint, verified, to another folder or a zip."""

from __future__ import annotations

import argparse
from pathlib import Path

from vae_core.command.arguments import add_checkpoint_argument, output_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint_argument(parser)
    parser.add_argument("--output", required=True, metavar="DIR|FILE.zip")


def run(options: argparse.Namespace) -> None:
    from vae_core.checkpoints.archives import zip_checkpoint
    from vae_core.checkpoints.figures import read_metrics
    from vae_core.checkpoints.reading import load_checkpoint, load_latents
    from vae_core.checkpoints.writing import copy_checkpoint
    from vae_core.files.atomic import write_bytes

    for check in (load_checkpoint, load_latents, read_metrics):
        check(options.checkpoint)
    output = Path(options.output)
    if output.suffix == ".zip":
        write_bytes(output_file(options.output), zip_checkpoint(options.checkpoint))
    else:
        copy_checkpoint(options.checkpoint, output)
