"""Make a checkpoint of ONNX files from another program."""

from __future__ import annotations

import argparse
import sys

from vae_core.command.arguments import folder, number
from vae_core.command.figures import print_figures
from vae_core.command.own_images import add_image_arguments, image_flags, read_given_images
from vae_core.command.terminal import draw_bar
from vae_core.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--decoder", required=True, metavar="FILE.onnx", help="z -> image")
    parser.add_argument(
        "--encoder", metavar="FILE.onnx", help="image -> mu, or mu and logvar (or sigma)"
    )
    parser.add_argument(
        "--output", type=folder, required=True, metavar="DIR", help="the checkpoint to make"
    )
    parser.add_argument("--data", metavar="NAME", help="the images that it learned, by their name")
    parser.add_argument(
        "--range",
        type=number,
        nargs=2,
        default=(0.0, 1.0),
        metavar=("BLACK", "WHITE"),
        help="the networks' values for black and white, such as -1 1 (default: 0 1)",
    )
    parser.add_argument(
        "--likelihood",
        choices=("bernoulli", "gaussian"),
        help="p(x|z), the decoder's image being its mean (default: what the file says, else "
        "gaussian, of the sigma that the errors have)",
    )
    parser.add_argument("--download", action="store_true", help="fetch the data set if missing")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    add_image_arguments(parser, shape=True)


def run(options: argparse.Namespace) -> None:
    from vae_core.checkpoints.onnx.importing import check_range, onnx_model, read_onnx
    from vae_core.checkpoints.writing import check_target, save_checkpoint
    from vae_core.data.datasets import check_dataset
    from vae_core.latent.latents import check_image_shape, encode_dataset
    from vae_core.measures.evaluation import evaluate
    from vae_core.runs.data import run_datasets

    check_range(*options.range)
    check_target(options.output)
    files = read_onnx(options.decoder, options.encoder)
    train = test = None
    if image_flags(options):
        if options.data:
            raise ConfigError("--data and --images name two data sets; leave one out.")
        train, test = read_given_images(options)
    elif options.data:
        check_dataset(options.data)
        train, test = run_datasets("", options.data, download=options.download)
    black, white = options.range
    model = onnx_model(files, train, likelihood=options.likelihood, black=black, white=white)
    if test is None or not model.has_encoder:
        save_checkpoint(options.output, model, dataset=test)
        lacks = "no images were given" if test is None else "there is no encoder"
        print(f"zscape: without means and figures: {lacks}.", file=sys.stderr)
        return
    check_image_shape(model, test)
    metrics = evaluate(model, test, on_progress=draw_bar)
    latents = encode_dataset(model, test, on_progress=draw_bar)
    save_checkpoint(options.output, model, metrics=metrics, latents=latents, dataset=test)
    print_figures(metrics.to_json(), options.json)
