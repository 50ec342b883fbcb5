"""Put a checkpoint on the Hugging Face Hub."""

from __future__ import annotations

import argparse

from vae_core.command.arguments import add_checkpoint_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint_argument(parser)
    parser.add_argument("repository", metavar="OWNER/NAME", help="made if it is not there")
    parser.add_argument("--private", action="store_true", help="of a new one: for you alone")


def run(options: argparse.Namespace) -> None:
    from vae_core.checkpoints.hub import push

    print(push(options.checkpoint, options.repository, private=options.private))
