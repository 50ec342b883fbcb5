"""Encode a data set; write mu, logvar and more as .npz."""

from __future__ import annotations

import argparse

from vae_core.command.arguments import (
    add_checkpoint_argument,
    add_data_arguments,
    given_dataset,
    output_file,
)
from vae_core.command.terminal import draw_bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint_argument(parser)
    add_data_arguments(parser)
    parser.add_argument("--output", required=True, metavar="FILE.npz")


def run(options: argparse.Namespace) -> None:
    import io

    import numpy as np

    from vae_core.checkpoints.reading import load_checkpoint
    from vae_core.files.atomic import write_bytes
    from vae_core.latent.latents import encode_dataset

    output = output_file(options.output)
    data = given_dataset(options, options.split)
    latents = encode_dataset(load_checkpoint(options.checkpoint), data, on_progress=draw_bar)
    buffer = io.BytesIO()
    np.savez(buffer, **{k: v.numpy() for k, v in vars(latents).items() if v is not None})
    write_bytes(output, buffer.getvalue())
