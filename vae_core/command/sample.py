"""Decode draws from the prior into one PNG."""

from __future__ import annotations

import argparse

from vae_core.command.arguments import add_checkpoint_argument, output_file, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint_argument(parser)
    parser.add_argument("--n", type=whole(1, 10_000), default=64, help="images (default: 64)")
    parser.add_argument("--seed", type=whole(0, 2**31 - 1), default=0)
    parser.add_argument("--output", required=True, metavar="FILE.png")


def run(options: argparse.Namespace) -> None:
    import math

    import torch

    from vae_core.checkpoints.reading import load_checkpoint
    from vae_core.files.atomic import write_bytes
    from vae_core.latent.decoded import prior_samples
    from vae_core.latent.manifold import png_bytes, tile_images

    output = output_file(options.output)
    model = load_checkpoint(options.checkpoint)
    columns = math.ceil(math.sqrt(options.n))
    rows = math.ceil(options.n / columns)
    sheet = torch.ones(rows * columns, *model.image_shape)
    sheet[: options.n] = prior_samples(model, options.n, options.seed)[1]
    tiles = tile_images(sheet.reshape(rows, columns, *model.image_shape))
    write_bytes(output, png_bytes(tiles))
