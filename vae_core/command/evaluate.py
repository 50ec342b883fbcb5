"""Evaluate a checkpoint on a data set."""

from __future__ import annotations

import argparse
import sys

from vae_core.command.arguments import (
    add_checkpoint_argument,
    add_data_arguments,
    given_dataset,
    whole,
)
from vae_core.command.figures import print_figures
from vae_core.command.terminal import draw_bar
from vae_core.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint_argument(parser)
    add_data_arguments(parser)
    parser.add_argument(
        "--samples", type=whole(1, 10_000), default=1, help="draws of z per image (L)"
    )
    parser.add_argument(
        "--importance-samples",
        type=whole(0, 10_000),
        default=0,
        metavar="K",
        help="draws for log p(x)",
    )
    parser.add_argument(
        "--binarisation", metavar="none|dynamic|static", help="default: as it was trained"
    )
    parser.add_argument(
        "--exact",
        type=whole(0, 1_000_000),
        default=0,
        metavar="IMAGES",
        help="log p(x) by quadrature, of so many images (d <= 2)",
    )
    parser.add_argument(
        "--codes",
        action="store_true",
        help="what the KL is made of, and the classes that can be read off mu, beside PCA",
    )
    parser.add_argument(
        "--few-labels",
        type=whole(0, 100_000),
        default=0,
        metavar="N",
        help="--codes, and the error of M1 with N labels, over ten draws of them",
    )
    parser.add_argument(
        "--label-curves",
        type=whole(0, 100),
        default=0,
        metavar="DRAWS",
        help="the error by number of labels that the page Few labels shows: minutes",
    )
    parser.add_argument(
        "--disentanglement",
        action="store_true",
        help="MIG, BetaVAE and FactorVAE scores, SAP, DCI, modularity",
    )
    parser.add_argument(
        "--measure",
        action="append",
        default=[],
        metavar="NAME",
        help="a further measure, such as prior-holes; a wrong name is answered with all",
    )
    parser.add_argument("--device", default="cpu", help="a torch device")
    parser.add_argument("--seed", type=whole(0, 2**31 - 1), default=0)
    parser.add_argument("--write", action="store_true", help="put them into the checkpoint")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")


def run(options: argparse.Namespace) -> None:
    from vae_core.checkpoints.reading import learned_binarisation, load_checkpoint, read_config
    from vae_core.checkpoints.writing import write_metrics
    from vae_core.measures.evaluation import evaluate
    from vae_core.models.device import usable_device

    codes = options.codes or options.few_labels
    if codes and options.split != "test":
        raise ConfigError(
            f"--codes and --few-labels learn from the training images, so --split {options.split} "
            "would judge them by what they know; leave one of them out."
        )
    model = load_checkpoint(options.checkpoint, usable_device(options.device))
    trained = learned_binarisation(read_config(options.checkpoint))
    metrics = evaluate(
        model,
        given_dataset(options, options.split),
        samples=options.samples,
        importance_samples=options.importance_samples,
        binarisation=options.binarisation or trained,
        exact_images=options.exact,
        codes=given_dataset(options, "train") if codes else None,
        labels=options.few_labels,
        label_draws=options.label_curves,
        disentanglement=options.disentanglement,
        measures=options.measure,
        seed=options.seed,
        on_progress=draw_bar,
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
        "label_curves": options.label_curves,
        "disentanglement": options.disentanglement,
    }
    if missing := [name for name, value in asked.items() if value and figures[name] is None]:
        print(
            f"zscape: {', '.join(missing)} not measured: such a model, or such data, have none.",
            file=sys.stderr,
        )
