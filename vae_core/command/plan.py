"""What is to be trained: the flags for it, and the settings that they say."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vae_core.command.arguments import number, whole_number
from vae_core.command.own_images import add_image_arguments, image_flags, read_given_images
from vae_core.errors import ConfigError, TrainingError
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from vae_core.data.image_dataset import ImageDataset
    from vae_core.training.config import TrainConfig

SETTINGS: dict[str, tuple[Callable[[str], object], str]] = {
    "dataset": (str, "what to learn: digits, sprites, mnist, …; a wrong name is answered with all"),
    "latent_dim": (whole_number, "numbers in z"),
    "network": (str, "mlp, conv, resnet, …; a wrong name is answered with all"),
    "activation": (str, "between layers: silu, relu, tanh, …"),
    "likelihood": (str, "p(x|z): bernoulli, gaussian, …; a wrong name is answered with all"),
    "sigma": (number, "standard deviation of a gaussian likelihood, in grey levels of [0, 1]"),
    "link": (str, "from the decoder's outputs to means: sigmoid or identity"),
    "prior": (str, "p(z): normal or vamp"),
    "pseudo_inputs": (whole_number, "components of a VampPrior"),
    "objective": (str, "what is minimised: elbo, iwae, gan, …; a wrong name is answered with all"),
    "binarisation": (str, "of grey images: none, static or dynamic"),
    "beta": (number, "weight of the KL, 1 for the ELBO"),
    "samples": (whole_number, "z drawn for each image"),
    "warm_up": (number, "share of all steps over which the weight of the KL rises from 0"),
    "epochs": (whole_number, "passes over the training images; in all, where a run is resumed"),
    "batch_size": (whole_number, "images in a step"),
    "learning_rate": (number, "Adam's, or its peak in a cycle"),
    "schedule": (str, "of the learning rate: constant or one-cycle"),
    "keep": (str, "the model of the last epoch, or of the best on the held-out images: last, best"),
    "patience": (whole_number, "end after so many epochs without a better one, 0 for never"),
    "seed": (whole_number, "of all that is drawn: the same gives the same weights"),
    "device": (str, "cpu, cuda, …"),
    "threads": (whole_number, "of torch, on the CPU"),
}


def add_setting_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `planned_of` reads."""
    for name, (kind, text) in SETTINGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=text)
    parser.add_argument(
        "--left-out", metavar="CLASS", help="name of a class that is not learned, to be an anomaly"
    )
    parser.add_argument("--hidden", type=_widths, help="layer widths, such as 512,256")
    parser.add_argument(
        "--set",
        type=_named_value,
        action="append",
        metavar="NAME=VALUE",
        help="a setting of the objective's own, such as gamma=10; once for each",
    )
    parser.add_argument("--download", action="store_true", help="fetch the data set if missing")
    add_image_arguments(parser, shape=True)


def planned_of(
    options: argparse.Namespace,
    plan: Callable[[TrainConfig], list[TrainConfig]] = lambda config: [config],
) -> tuple[TrainConfig, Callable[[Run], None]]:
    """The settings that the flags say, and what puts their images into a run's folder.

    plan: those that are to be trained; each is checked, against the images too.
    """
    from dataclasses import replace

    from vae_core.checkpoints.reading import MAX_WEIGHTS
    from vae_core.data.datasets import check_dataset
    from vae_core.data.own.images import write_images
    from vae_core.models.architecture import architecture
    from vae_core.models.device import usable_device
    from vae_core.objectives.registry import find_objective
    from vae_core.runs.data import run_datasets
    from vae_core.training.config import TrainConfig
    from vae_core.training.loop import check_data
    from vae_core.training.presets import preset

    config: TrainConfig = preset(options.preset) if options.preset else TrainConfig()
    flags_given = chosen(options)
    another = flags_given.get("objective", config.objective) != config.objective
    for name, value in options.set or []:
        name = name.replace("-", "_")
        name = "learning_rate" if name == "lr" else name
        if name in (*SETTINGS, "hidden") and name not in find_objective(config.objective).settings:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{name} is no setting of an objective's own; give {flag} {value}.")
    own = ({} if another else dict(config.objective_settings)) | dict(options.set or [])
    config = replace(config, **flags_given, objective_settings=own)
    if flags := image_flags(options):
        if options.dataset:
            raise ConfigError("--dataset and --images name two data sets; leave one out.")
        train, test = read_given_images(options)
        config = replace(config, dataset=train.name)
        if not options.preset:
            given = flags_given | {"dataset": train.name, "objective_settings": own}
            config = _suited(train, options.left_out, given)
    else:
        check_dataset(config.dataset)
        train, test = run_datasets("", config.dataset, download=options.download)
    if options.left_out is not None:
        config = replace(config, left_out=train.label_of(options.left_out))
    if flags and options.batch_size is None:
        n = len(train) if config.left_out < 0 else len(train.without(config.left_out))
        if n < config.batch_size:
            config = replace(config, batch_size=n)
            print(f"zscape: in batches of all {n} images; else give --batch-size.", file=sys.stderr)
    for each in plan(config):
        weights = architecture(each.model_config(train.image_shape)).weights
        if weights > MAX_WEIGHTS:
            raise TrainingError(
                f"The network has {weights:,} weights, and a checkpoint holds {MAX_WEIGHTS:,} at "
                "most; choose fewer or narrower layers."
            )
        usable_device(each.device)
        check_data(each, train, test)

    def write(run: Run) -> None:
        if flags:
            write_images(run.images_file, train, test)

    return config, write


def _suited(train: ImageDataset, left_out: str | None, given: dict[str, Any]) -> TrainConfig:
    """Settings for a user's own images, with why they are so on stderr; given ones are kept."""
    from vae_core.training.suited import suited_to

    learned = train if left_out is None else train.without(train.label_of(left_out))
    found = suited_to(learned, given)
    for sentence in filter(None, (found.why, found.expect)):
        print(f"zscape: {sentence}", file=sys.stderr)
    return found.config


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given as flags."""
    values = {name: getattr(options, name) for name in [*SETTINGS, "hidden"]}
    return {name: value for name, value in values.items() if value is not None}


def named_values(text: str) -> tuple[str, list[Any]]:
    """NAME=A,B,…, each value as its setting has it."""
    name, equals, values = text.partition("=")
    name = name.replace("-", "_")
    if not (name and equals and values):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not NAME=A,B such as beta=1,4,10")
    kind = SETTINGS[name][0] if name in SETTINGS else lambda value: _named_value(f"_={value}")[1]
    return name, [kind(value) for value in values.split(",")]


def _named_value(text: str) -> tuple[str, Any]:
    """NAME=VALUE, the value a number where it reads as one."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not NAME=VALUE, such as gamma=10")
    for kind in (int, float):
        with suppress(ValueError):
            return name, kind(value)
    return name, value


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in text.split(",")) if text else ()
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} is not a list of layer widths such as 512,256"
        ) from None
