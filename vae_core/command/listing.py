"""List the checkpoints of a folder."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vae_core.command.arguments import checkpoints_root
from vae_core.errors import ConfigError

if TYPE_CHECKING:
    from vae_core.checkpoints.reading import CheckpointInfo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "root",
        nargs="?",
        default=checkpoints_root(),
        help="a folder of checkpoint folders (default: $ZSCAPE_CHECKPOINTS, or checkpoints)",
    )
    parser.add_argument("--json", action="store_true", help="print figures as JSON")


def run(options: argparse.Namespace) -> None:
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
    from vae_core.models.likelihoods import is_density_of_grey

    metrics = listed.metrics or {}
    if metrics.get("elbo") is None:
        return ""
    what = str(listed.config["likelihood"])
    if not is_density_of_grey(what):
        grey = metrics.get("grey_cross_entropy")
        what += ", grey pixels: cross-entropy" if grey else ", pixels 0 or 1"
    on = (metrics.get("dataset"), metrics.get("split"))
    if on != (listed.config.get("dataset"), "test"):
        what += f", on {on[0]} ({on[1]})"
    return f"ELBO {metrics['elbo']:9.2f} nats ({what})"
