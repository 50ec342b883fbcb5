"""Decode draws from the prior into one picture, a PNG or a JPEG."""

from __future__ import annotations

import argparse

from vae_core.command.arguments import add_checkpoint_argument, whole
from vae_core.command.output import add_output_argument, output_of

ENDINGS = (".png", ".jpg", ".jpeg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint_argument(parser)
    parser.add_argument("--n", type=whole(1, 10_000), default=64, help="images (default: 64)")
    parser.add_argument("--seed", type=whole(0, 2**31 - 1), default=0)
    add_output_argument(parser, ENDINGS)


def run(options: argparse.Namespace) -> None:
    import math

    import torch

    from vae_core.checkpoints.reading import load_checkpoint
    from vae_core.latent.decoded import prior_samples
    from vae_core.latent.manifold import jpeg_bytes, png_bytes, tile_images

    output = output_of(options.output, ENDINGS)
    model = load_checkpoint(options.checkpoint)
    columns = math.ceil(math.sqrt(options.n))
    rows = math.ceil(options.n / columns)
    sheet = torch.ones(rows * columns, *model.image_shape)
    sheet[: options.n] = prior_samples(model, options.n, options.seed)[1]
    tiles = tile_images(sheet.reshape(rows, columns, *model.image_shape))
    output.write(png_bytes(tiles) if output.ending == ".png" else jpeg_bytes(tiles))
