"""Few labels: how well classes are told when only a few images are labelled."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import streamlit as st

from live.images import test_dataset
from live.models import OpenModel
from live.weights.classifier import CODES
from ui.components.address import choice_from_link, number_from_link, show_in_address
from ui.components.curves import curves
from ui.components.image_grid import image_grid
from ui.components.latent_plane import Overlay, Trail, latent_plane
from ui.figures.labels import label_panels
from ui.figures.regions import BY, Learned, WayOut, learned_from, show_way_out, way_out
from ui.figures.told import (
    HOW,
    RANDOM,
    TOLD,
    choice_of,
    kept_curves,
    m2_errors,
    shipped_curves,
    task_of,
    told_of,
)
from ui.frame.instead import refuse_model
from ui.frame.kinds import no_codes
from ui.frame.session import current_model
from ui.frame.work import Report, heavy_work
from ui.images.pictures import data_note
from ui.numbers import decimal
from ui.palette import SYMBOL_COLOURS
from ui.text.explain import explain
from ui.text.plain import plain
from ui.text.programs import labels_program
from ui.text.show_code import show_code
from ui.view.planes import default_plane, keep_z, plane_points
from ui.view.point import current_z, z_text
from ui.view.stored import latents_of
from ui.widgets import clicked
from vae_core.data.names import dataset_label
from vae_core.latent.decoded import decoded
from vae_core.measures.codes.label_curves import (
    CLASSIFIERS,
    PCA,
    PIXELS,
    LabelTask,
    label_counts,
    label_curves,
)
from vae_core.models.m2 import M2

if TYPE_CHECKING:
    from torch import Tensor

    from ui.figures.labels import Curves
    from vae_core.measures.codes.few_labels import LabelErrors

TRUE = "true class"
DRAWS = (3, 5, 10)
SHOWN = 20  # labelled images
MAX_SEED = 99_999

opened = current_model()
if lacking := no_codes(opened):
    refuse_model(
        opened, f"{lacking} Without codes there is nothing for a classifier to learn from."
    )
    explain("labels")
    st.stop()
latents = latents_of(opened)
if latents.labels is None:
    data = dataset_label(opened.config.get("dataset") or "its data")
    refuse_model(
        opened,
        f"There are no classes in {plain(data)}, so "
        "there is nothing to label. What its codes have in common is on the page Clusters.",
    )
    explain("labels")
    st.stop()
class_names = opened.config.get("class_names") or [str(k) for k in latents.labels.unique().tolist()]


def new_seed() -> None:
    st.session_state["seed"] = secrets.randbelow(MAX_SEED)


@st.fragment
def explore() -> None:
    task = task_of(opened)
    counts = label_counts(task.labels)
    default = next((n for n in counts if n >= 5 * counts[0]), counts[-1])
    n = choice_from_link("labels", counts, default)
    how = choice_from_link("chosen", list(HOW), RANDOM)
    colour = choice_from_link("colours", [TRUE, *TOLD], TRUE)
    by = choice_from_link("by", list(BY), CODES)
    seed = number_from_link("seed", 0, MAX_SEED, default=0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(counts) > 1:
            st.select_slider(
                "Labels",
                counts,
                format_func="{:,}".format,
                key="labels",
                persist_state="session",
                width=190,
            )
        st.segmented_control(
            "Chosen", list(HOW), required=True, key="chosen", persist_state="session"
        )
        st.button("New draw", icon=":material/casino:", on_click=new_seed)
        st.segmented_control(
            "Colours",
            [TRUE, *TOLD],
            required=True,
            key="colours",
            persist_state="session",
            wrap=True,
        )
        st.segmented_control(
            "Regions by",
            list(BY),
            format_func=BY.__getitem__,
            required=True,
            key="by",
            persist_state="session",
        )
    rows, found = told_of(opened, how, n, seed)
    learned = learned_from(opened, tuple(rows), by)
    way = way_out(opened, tuple(rows), by, current_z(opened))
    show_plane(rows, None if colour == TRUE else found[colour][0], learned, way)
    figures = ", ".join(f"{name} **{100 * error:.1f}%**" for name, (_, error) in found.items())
    st.markdown(
        f"{len(rows):,} labels, and μ of {len(task.test_labels):,} other images are told wrongly "
        f"by {figures}; by guessing {decimal(100 - 100 / counts[0], '.0f')}%."
    )
    show_way_out(opened, learned, way)
    show_labelled(rows)
    show_in_address(
        "labels",
        labels=n,
        chosen=how,
        colours=None if colour == TRUE else colour,
        by=None if by == CODES else by,
        seed=seed or None,
        z=z_text(current_z(opened)),
    )
    show_curves(task, how, counts)


def show_plane(
    rows: list[int], told: Tensor | None, learned: Learned | None, way: WayOut | None
) -> None:
    """All means, the labelled ones marked, coloured by their class or by what they are told.

    Under them the regions of what was learned, and the way from z into another.
    """
    plane = default_plane(opened)
    points = plane_points(opened, plane)
    if points is not None:
        points = replace(points, covariance=None)  # no ellipses: it is the labels that matter here
        if told is not None:
            points = replace(points, category=told.numpy(), names=tuple(class_names))
    latent_plane(
        opened.id,
        key=f"labels-plane-{opened.id}",
        z=current_z(opened),
        plane=plane,
        points=points,
        selected=rows,
        layers=("rings", "regions"),
        classifiers={} if learned is None else learned.published,
        overlay=Overlay(trails=[] if way is None else [Trail(way.z.numpy(), SYMBOL_COLOURS["z"])]),
        height=400,
        on_change=keep_z,
    )


def show_labelled(rows: list[int]) -> None:
    assert latents.labels is not None
    dataset = test_dataset(opened)
    some = latents.take(rows[:SHOWN])
    images = decoded(opened.model, some.mu) if dataset is None else dataset.floats(some.indices)
    assert some.labels is not None
    image_grid(
        images[None],
        key="labelled",
        testid="labelled",
        alt=f"{len(images)} labelled images",
        labels=[class_names[k][:9] for k in some.labels.tolist()],
        captions=[class_names[k] for k in some.labels.tolist()],
        min_tile=40,
        max_tile=64,
    )
    held = len(latents.labels[rows].unique())
    some_of = f"{SHOWN} of {len(rows):,} shown. " if len(rows) > SHOWN else ""
    st.caption(f"Labelled images. {some_of}{held} of {len(class_names)} classes are among them.")
    data_note(dataset is not None or not opened.model.has_decoder)


def show_curves(task: LabelTask, how: str, counts: list[int]) -> None:
    """The errors by number of labels; measured when the visitor asks."""
    st.header("Images told wrongly, in percent, by number of labels")
    draws = choice_from_link("draws", DRAWS, 3)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control("Draws", DRAWS, required=True, key="draws", persist_state="session")
        found = kept_curves(opened, how, draws)
        lines = len(CLASSIFIERS) * len(task.codes)
        done = sum(map(len, found.values()))
        shipped = {} if done else shipped_curves(opened, how, draws, counts)
        if (
            done < lines * len(counts)
            and "measuring" not in st.session_state
            and clicked(
                "Measure it whole" if done else "Measure anew" if shipped else "Measure",
                type="secondary" if shipped else "primary",
                icon=":material/play_arrow:",
            )
        ):
            measure(how, draws, counts)
            st.rerun()
    show_in_address("draws", draws=draws)
    show_panels(found or shipped, counts)
    if shipped:
        st.caption("Measured beforehand, and shipped with the model.")
    elif not done:
        span = " to ".join(f"{n:,}" for n in dict.fromkeys([counts[0], counts[-1]]))
        st.caption(
            f"{draws} draws of {span} labels each, {lines} lines: "
            "seconds for small data, a minute or two for 10,000 images. It can be stopped."
        )
    half = f"{len(task.labels):,} test images may be labelled, {len(task.test_labels):,} others"
    notes = f"{half} are told. Bars: 95% intervals, over draws and images."
    if opened.model.is_variational and not isinstance(opened.model, M2):
        notes += " μ: M1 of Kingma et al. (2014)."
    if PIXELS in task.codes:
        d = task.codes[PCA].shape[1]
        notes += f" PCA: {d} component{'s' * (d > 1)} of the images that may be labelled."
    else:
        notes += " PCA and pixels need the data set, which is not at hand or too large."
    if counts[-1] < 10 * counts[0]:
        notes += f" The rarest class has {counts[-1] // counts[0]} to be labelled."
    if task.alone:
        names = ", ".join(class_names[k] for k in task.alone)
        notes += f" Left out, with one image to label or to test on but not both: {plain(names)}."
    st.caption(notes)
    images = PIXELS in task.codes
    explain("labels")
    show_code("labels", labels_program(opened, how, counts=counts, draws=draws, images=images))


def show_panels(found: Curves, counts: list[int]) -> None:
    if not found:
        return
    by_m2 = m2_errors(opened)
    curves(
        label_panels(found, by_m2),
        key="label-curves",
        testid="label-curves",
        alt="The share of images told wrongly, by the number of labels.",
        x_range=(min([*counts, *by_m2]) * 0.9, max([*counts, *by_m2]) * 1.1),
        x_name="labels",
        unit="percent",
        height=240,
        log_x=True,
    )
    if by_m2:
        told = ", ".join(f"{error:.1f}% with {n:,} labels" for n, error in by_m2.items())
        st.caption(
            f"M2 by its own classifier: {told}. Each is a model that learned from so many labels "
            "and all other images without; train more with **M2** on Train live."
        )


@dataclass(eq=False)
class Measuring:
    """Curves of a model that are being measured."""

    opened: OpenModel
    found: Curves
    points: Iterator[tuple[str, str, LabelErrors]]
    lines: int
    total: int
    done: int = 0


def measure(how: str, draws: int, counts: list[int]) -> None:
    task, found = task_of(opened), kept_curves(opened, how, draws)
    found.clear()
    points = label_curves(task, choice_of(opened, how), counts=counts, draws=draws)
    lines = len(CLASSIFIERS) * len(task.codes)
    st.session_state["measuring"] = Measuring(opened, found, points, lines, lines * len(counts))


def stop() -> None:
    st.session_state.pop("measuring", None)


def go_on(measuring: Measuring, report: Report) -> None:
    """Measure with one more number of labels, then draw the page anew; Stop keeps what there is.

    Not in the fragment: a click there would wait for the fragment's end.
    """
    with heavy_work(report):
        for name, code, errors in islice(measuring.points, measuring.lines):
            measuring.found.setdefault((name, code), []).append(errors)
            measuring.done += 1
            share = measuring.done / measuring.total
            report(share, f"{errors.labels:,} labels: {name} on {code}")
    if measuring.done == measuring.total:
        stop()
    st.rerun()


def show_measuring(measuring: Measuring) -> Report:
    bar = st.progress(measuring.done / measuring.total, "The next labels…")
    st.button("Stop", icon=":material/stop:", help="Keeps what has been measured", on_click=stop)
    return bar.progress


measuring: Measuring | None = st.session_state.get("measuring")
if measuring is None or measuring.opened is not opened:
    stop()
    explore()
else:
    bar = show_measuring(measuring)
    explore()
    go_on(measuring, bar)
