"""What the programs behind "Show the code" are given of a model, where that takes thought."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING

from live.images import learned_binary
from live.models import OpenModel
from live.places import among_strangers
from ui.text.show_code import program
from vae_core.data.names import is_own
from vae_core.measures.anomaly import STRANGERS
from vae_core.training.config import TrainConfig

if TYPE_CHECKING:
    from torch import Tensor


def place_of(opened: OpenModel) -> str:
    """Where a program finds the checkpoint, from the folder that the app was started in.

    Among strangers, who have no business with the server's folders: from a checkout of their own.
    """
    if opened.id.startswith("run:"):
        return "checkpoint"  # what "Download" gives, unpacked
    return f"checkpoints/{opened.id}" if among_strangers() else str(opened.path)


def images_of(opened: OpenModel) -> str:
    """The section that loads the test images."""
    return "own images" if is_own(str(opened.config.get("dataset"))) else "a data set"


def anomalies_program(
    opened: OpenModel, against: str, score: str, *, images: int, draws: int
) -> str:
    """The program for the page Anomalies; `against` as that page names it."""
    when = [images_of(opened)]
    given: dict[str, object] = {}
    if against in STRANGERS:
        when += ["all are normal", "strangers"]
        given["KIND"] = against
    elif against.startswith("class "):
        when.append("all but a class")
        given["LABEL"] = opened.config["class_names"].index(against.removeprefix("class "))
    else:
        when += ["all are normal", "another data set"]
        when += ["another data set, binarised"] if learned_binary(opened) else []
        given["OTHER"] = against
    return program(
        "anomalies",
        when,
        CHECKPOINT=place_of(opened),
        SCORE=score,
        SAMPLES=draws if score == "log_px" else 1,
        IMAGES=images,
        **given,
    )


def compare_program(models: Sequence[OpenModel], images: int) -> str:
    """The program for the page Compare; of several runs, the second is unpacked to checkpoint-2."""
    runs = list(dict.fromkeys(model.id for model in models if model.id.startswith("run:")))
    places = tuple(
        f"checkpoint-{runs.index(model.id) + 1}" if model.id in runs[1:] else place_of(model)
        for model in models
    )
    return program("compare", CHECKPOINTS=places, IMAGES=images)


def elbo_program(opened: OpenModel, x: Tensor | int, samples: int) -> str:
    """The terms of log p(x), and with two latent dimensions the posterior's picture.

    x: an image in [0, 1], (1, c, h, w), or the index of one in the test set.
    """
    given: dict[str, object]
    if isinstance(x, int):
        when = [images_of(opened), "a test image"]
        given = {"IMAGE": x}
    else:
        pixels = zlib.compress(x.mul(255).round().byte().numpy().tobytes())
        when = ["a drawing"]
        given = {"DRAWING": b64encode(pixels).decode(), "SHAPE": tuple(x.shape)}
    when.append("exact" if opened.model.latent_dim <= 2 else "sampled")
    when += ["two dimensions"] if opened.model.latent_dim == 2 else []
    if "sampled" in when:
        given["SAMPLES"] = samples
    return program("elbo", when, CHECKPOINT=place_of(opened), **given)


def training_program(name: str, config: TrainConfig) -> str:
    """The program snippets/<name>.py for the settings of this training that are not the usual."""
    usual = TrainConfig().to_json()
    settings = {key: value for key, value in config.to_json().items() if value != usual[key]}
    return program(name, SETTINGS=settings)


def labels_program(
    opened: OpenModel, how: str, *, counts: list[int], draws: int, images: bool
) -> str:
    """The program for the page Few labels; images: whether they are compared with their codes."""
    when = [images_of(opened), "images", how] if images else ["codes alone", how]
    return program("labels", when, CHECKPOINT=place_of(opened), COUNTS=counts, DRAWS=draws)
