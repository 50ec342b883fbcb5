"""Fetch a checkpoint from the Hugging Face Hub."""

from __future__ import annotations

import argparse
import os
import sys

from vae_core.command.arguments import checkpoints_root, folder
from vae_core.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repository", metavar="OWNER/NAME", help="such as ann/mnist-2d")
    parser.add_argument(
        "--output",
        type=folder,
        metavar="DIR",
        help="default: NAME in $ZSCAPE_CHECKPOINTS, or checkpoints",
    )


def run(options: argparse.Namespace) -> None:
    from vae_core.checkpoints.hub import pull

    target = options.output or checkpoints_root() / options.repository.rpartition("/")[2]
    if not options.output and os.path.lexists(target):
        raise ConfigError(f"There is a checkpoint {target.name} already; name --output.")
    pull(options.repository, target, lambda text: print(f"zscape: {text}", file=sys.stderr))
    print(target)
