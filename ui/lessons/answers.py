"""What the app knows that a task asks about: the class at z, and the visitor's own trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from live.models import OpenModel
from live.places import runs_root
from ui.lessons.tasks import FIGURES, Trained
from vae_core.errors import DataError, ZscapeError
from vae_core.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor


def told_at(opened: OpenModel, z: Sequence[float]) -> dict[str, float]:
    """The probability of each class at z (d,), by the model's classifier on codes.

    DataError where the model has no stored codes with classes.
    """
    import torch

    names = _class_names(opened)
    shares = _classifier(opened.number, opened)(torch.tensor([z]))[0]
    return dict(zip(names, shares.tolist(), strict=True))


def slant_at(opened: OpenModel, z: Sequence[float]) -> float:
    """How far the image leans to the right that is decoded from z (d,)."""
    import torch

    from vae_core.measures.slant import slant

    return slant(opened.model.decode(torch.tensor([z]))[0])


def trained(tokens: Iterable[str]) -> Iterator[Trained]:
    """What the visitor's trainings have come to, at the last epoch that has ended."""
    for token in tokens:
        with suppress(ZscapeError, OSError):  # a model that was brought, or a run just deleted
            run = Run(runs_root() / token)
            config = run.config()
            ended = [event["test"] for event in run.events() if event["test"]]
            if ended:
                yield Trained(config.dataset, config.latent_dim, _figures(ended[-1]))


def _figures(means: dict[str, float | None]) -> dict[str, float]:
    figures = {name: float(v) for name in FIGURES if (v := means.get(name)) is not None}
    if "reconstruction" in figures and "kl" in figures:
        figures["elbo"] = figures["reconstruction"] - figures["kl"]
    return figures


def _class_names(opened: OpenModel) -> list[str]:
    latents = opened.latents
    if latents is None or latents.labels is None or not len(latents):
        raise DataError(f"{opened.id} has no stored codes with classes, by which to tell one.")
    count = int(latents.labels.max()) + 1
    names = [str(name) for name in opened.config.get("class_names") or []]
    return names + [str(k) for k in range(len(names), count)]


@st.cache_resource(show_spinner=False, max_entries=8)
def _classifier(number: int, _opened: OpenModel) -> Callable[[Tensor], Tensor]:
    """number: of the model; Streamlit tells nothing by an argument whose name begins with _."""
    from vae_core.measures.codes.class_at import class_probabilities

    latents = _opened.latents
    assert latents is not None  # `_class_names` has seen to it
    return class_probabilities(latents, len(_class_names(_opened)))
