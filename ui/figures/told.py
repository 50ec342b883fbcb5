"""What is told of a model's images when only a few are labelled, kept for all visitors."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import streamlit as st

from live.images import test_dataset
from live.models import OpenModel
from ui.frame.session import models_beside
from ui.images.pictures import pixels_fit
from ui.kept import Results, results
from ui.view.stored import HASHES, latents_of, stored_latents
from vae_core.measures.codes.label_curves import (
    MU,
    LabelCurves,
    LabelTask,
    classes_told,
    label_task,
    labels_at_random,
    labels_by_clusters,
)
from vae_core.models.m2 import M2
from vae_core.objectives.m2 import class_error

if TYPE_CHECKING:
    from torch import Tensor

    from ui.figures.labels import Curves
    from vae_core.measures.codes.few_labels import Choose

RANDOM, BY_CLUSTERS = "at random", "by clusters"
HOW = {RANDOM: labels_at_random, BY_CLUSTERS: labels_by_clusters}
TOLD = ("nearest neighbours", "logistic regression")
MOST_M2 = 4  # models set beside this one: the server keeps few open for all


@st.cache_resource(show_spinner="Reading the images…", max_entries=4, hash_funcs=HASHES)
def task_of(opened: OpenModel) -> LabelTask:
    stored, dataset = latents_of(opened), test_dataset(opened)
    if dataset is None or not pixels_fit(len(stored), dataset.image_shape):
        return label_task(stored, None)
    return label_task(stored, dataset.floats(stored.indices))


@st.cache_resource(show_spinner=False, max_entries=8, hash_funcs=HASHES)
def choice_of(opened: OpenModel, how: str) -> Choose:
    task = task_of(opened)
    return HOW[how](task.labels if how == RANDOM else task.codes[MU])


@st.cache_resource(show_spinner="Choosing and telling…", max_entries=32, hash_funcs=HASHES)
def told_of(
    opened: OpenModel, how: str, n: int, seed: int
) -> tuple[list[int], dict[str, tuple[Tensor, float]]]:
    """The labelled rows of the latents, and by classifier all images' classes and the test error.

    Told by the codes mu.
    """
    task, stored = task_of(opened), latents_of(opened)
    rows = choice_of(opened, how)(n, seed)
    found = {name: classes_told(task, stored.mu, rows, classifier=name, seed=seed) for name in TOLD}
    return task.rows[rows].tolist(), found


@st.cache_data(show_spinner=False, max_entries=8, hash_funcs=HASHES)
def m2_error(opened: OpenModel, m2: OpenModel) -> float | None:
    """The error of M2's own classifier on the same test images; None where they are not at hand."""
    task, dataset = task_of(opened), test_dataset(opened)
    if not isinstance(m2.model, M2) or dataset is None:
        return None
    x = dataset.floats(latents_of(opened).indices[task.test_rows])
    return class_error(m2.model, x, task.test_labels)


def m2_errors(opened: OpenModel) -> dict[int, float]:
    """In percent, by the number of labels from which an M2 of the same data has learned."""
    found: dict[int, float] = {}
    for m2 in islice(models_beside(opened, "m2"), MOST_M2):
        taught = (m2.config.get("training") or {}).get("objective_settings", {}).get("labels")
        error = m2_error(opened, m2)
        if isinstance(taught, int) and taught > 0 and error is not None:
            found.setdefault(taught, 100 * error)  # the newest of as many
    return dict(sorted(found.items()))


def kept_curves(opened: OpenModel, how: str, draws: int) -> Curves:
    """What the visitor has had measured of the model, as far as it came."""
    kept: Results[Curves] = results("label_curves")
    return kept.setdefault((*stored_latents(opened), how, draws), {})


def shipped_curves(opened: OpenModel, how: str, draws: int, counts: list[int]) -> Curves:
    """What `evaluate --label-curves` measured of the model, where it is just this."""
    if how != RANDOM or not (found := (opened.metrics or {}).get("label_curves")):
        return {}
    curves = LabelCurves.from_json(found)
    fits = curves.draws == draws and curves.labels == counts
    return curves.by_line if fits and curves.images == len(task_of(opened).test_labels) else {}
