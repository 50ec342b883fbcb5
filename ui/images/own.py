"""A visitor's own images: bring them, see what they become, and learn from them.

They are read for this visitor alone, are kept for a day, and lie in the folder of the run that
learns them. Who has the run's link sees them where the visitor says so, at the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st
import torch
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui.components.image_grid import image_grid
from ui.frame import limits
from ui.frame.owners import alone
from ui.frame.session import is_mine
from ui.images.own_form import FIRST_SIZE, UNSAID, by_name, choose_axes, choose_form
from ui.images.reading import reading
from ui.kept import Results, forget_file, keep_file, kept_file, results
from ui.text.plain import plain, show_error
from ui.widgets import file_uploader, set_widget
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.names import dataset_label, own_label
from vae_core.data.own.arrays import UnclearAxes
from vae_core.data.own.form import ImageForm
from vae_core.data.own.images import Preview, Survey, preview_images, read_images
from vae_core.data.own.opening import Source, may_have_labels
from vae_core.data.own.values import number
from vae_core.errors import DataError
from vae_core.runs.run import Run

IMAGES, LABELS = "own-images", "own-labels"  # as they are kept
SHOWN, SHOWN_CLASSES = 12, 10
KINDS = (
    "A zip or a tar of images, each class in a folder of its own if there are classes; arrays as "
    "`.npz`, HDF5 or `.mat`, labels in one named `y`; a `.parquet` as on the Hugging Face Hub; an "
    "idx file, as it is or as `.gz`; or a TIFF of many images."
)


@dataclass(frozen=True, eq=False)
class OwnImages:
    """What a visitor brought, the form they chose for it, and a look at what becomes of it.

    label: what it is called, by default as its file.
    """

    source: Source
    labels: Source | None
    form: ImageForm
    preview: Preview
    label: str | None = None

    def look_alikes(self, n: int) -> ImageDataset:
        """The previewed images over and over, n in all: enough to see how long learning takes."""
        seen = self.preview
        rows = torch.arange(n) % len(seen.images)
        labels = None if seen.labels is None else seen.labels[rows]
        names = tuple(seen.class_sizes)
        return ImageDataset("own", "train", seen.images[rows], labels, class_names=names)

    def read(self, on_progress: Callable[[float], object]) -> tuple[ImageDataset, ImageDataset]:
        """The training and the test images; DataError names what cannot be read.

        on_progress hears 0 to 1, by the hundredth.
        """
        told = -1

        def tell(done: float) -> None:
            nonlocal told
            if int(100 * done) > told:
                told = int(100 * done)
                on_progress(told / 100)

        return read_images(
            self.source,
            self.labels,
            form=self.form,
            label=self.label,
            max_bytes=limits.MAX_IMAGES_BYTES,
            on_progress=tell,
            on_survey=_seen_before,
        )


def _seen_before(_survey: Survey) -> None:
    """The preview has said it."""


def choose_images(again: Run | None) -> OwnImages | None:
    """Ask for images and show what they become; None until there are some that can be used.

    again: a run of this visitor's whose own images may be learned once more.
    """
    with st.container(border=True):
        try:
            if again is not None and st.toggle(
                "The images of this run again", value=True, key=f"again-{again.token}"
            ):
                return _of_run(again)
            return _uploaded()
        except DataError as error:
            show_error(error)
            return None


def offer_to_show(run: Run) -> None:
    """Let the owner of a run, or of a model in a folder as a run's, show its images by its link."""
    if not run.images_file.exists() or not is_mine(run) or alone():
        return
    key = f"show-{run.token}"
    set_widget(key, run.images_shown)
    st.toggle(
        "Show my images to whoever has the link",
        key=key,
        on_change=lambda: run.show_images(st.session_state[key]),
        help="Off: others see what the model's decoder makes of them, never the images.",
    )


def _of_run(run: Run) -> OwnImages:
    preview = _preview((run.token,), ImageForm(), run.images_file, None)
    name = run.config().dataset
    _show(dataset_label(name), preview)
    return OwnImages(run.images_file, None, ImageForm(), preview, own_label(name))


def _uploaded() -> OwnImages | None:
    size = limits.MAX_UPLOAD_MB
    brought = file_uploader(
        "Your own images",
        max_upload_size=size,
        key=IMAGES,
        help=KINDS,
        on_change=_removed,
        args=(IMAGES,),
    )
    source = _at_hand(IMAGES, brought)
    if source is None:
        st.caption(
            f"{KINDS} They stay with you, for a day or as long as a run that learned them, and a "
            "link to that run shows them to nobody, unless you say so there."
        )
        return None
    labels = None
    if may_have_labels(source):
        brought = file_uploader(
            "Their labels, another idx file, if there are any",
            max_upload_size=size,
            key=LABELS,
            on_change=_removed,
            args=(LABELS,),
        )
        labels = _at_hand(LABELS, brought)
    ids = tuple(_id_of(file) for file in (source, labels) if file is not None)
    first, axes = _first_look(ids, source, labels)
    if first is None:
        return None
    form = replace(choose_form(first), axes=axes)
    preview = _preview(ids, form, source, labels)
    _show(source.name, preview)
    if doubt := preview.reading.doubt:
        st.info(plain(f"{doubt}. Which values are black and white?"), icon=":material/help:")
        return None
    return OwnImages(source, labels, form, preview)


def _first_look(
    ids: tuple[str, ...], source: Source, labels: Source | None
) -> tuple[Preview | None, str | None]:
    """What there is to choose from, and the axes of an array as chosen in place of the guess.

    Nothing until they are chosen, where there is no guess.
    """

    def look(axes: str | None = None) -> Preview:
        return _preview(ids, ImageForm(FIRST_SIZE, axes=axes), source, labels)

    try:
        first = look()
    except UnclearAxes as unclear:
        axes = choose_axes((UNSAID, *unclear.axes))
        if axes is None:
            st.info(plain(f"{unclear.doubt}. Which is it?"), icon=":material/help:")
            return None, None
        return look(axes), axes
    axes = choose_axes(first.axes)
    return look(axes) if axes else first, axes


def _at_hand(key: str, brought: UploadedFile | None) -> UploadedFile | Path | None:
    """The file brought just now, which is kept; else that kept before, unless it is put away.

    Streamlit itself forgets a file with the page.
    """
    if brought is not None:
        if st.session_state.get(f"{key}-kept") != brought.file_id:
            st.session_state[f"{key}-kept"] = brought.file_id
            if key == IMAGES:
                forget_file(LABELS)  # of other images
            if not keep_file(key, brought.name, brought.getvalue()):
                st.toast("There is no room to keep this file: it is gone when you leave the page.")
        return brought
    kept = kept_file(key)
    if kept is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(kept.name)}**, as you brought it", width="stretch")
            st.button("Put away", key=f"{key}-away", on_click=forget_file, args=(key,))
    return kept


def _removed(key: str) -> None:
    """The visitor took a file out again, or brings another."""
    if st.session_state[key] is None:
        forget_file(key)


def _id_of(file: UploadedFile | Path) -> str:
    """What tells a file from any other."""
    return f"{file}-{file.stat().st_mtime_ns}" if isinstance(file, Path) else file.file_id


def _preview(
    ids: tuple[str, ...], form: ImageForm, source: Source, labels: Source | None
) -> Preview:
    """What `form` makes of a source, told from all others by the ids of its files."""
    found: Results[Preview] = results("own-images")
    key = (ids, form)
    if key not in found:
        with reading("Looking at the images… To stop, take the file out") as tell:
            found[key] = preview_images(
                source,
                labels,
                form=form,
                n=SHOWN,
                max_bytes=limits.MAX_IMAGES_BYTES,
                on_progress=tell,
            )
    return found[key]


def _show(name: str, preview: Preview) -> None:
    names = list(preview.class_sizes)
    labels = None
    if preview.labels is not None:
        labels = [names[label] for label in preview.labels.tolist()]
    image_grid(
        preview.images[None],
        key="own-preview",
        testid="own-preview",
        alt=f"{len(preview.images)} of the images as they will be learned",
        labels=labels,
        gap=6,
        min_tile=72,
        max_tile=96,
    )
    came = by_name(preview.smallest)
    if preview.largest != preview.smallest:
        came = f"{came} to {by_name(preview.largest)}"
    parts = [
        f"**{plain(name)}**: {preview.n:,} images of {came} pixels, {len(preview.images)} shown",
        f"values {preview.values}, shown from black {number(preview.reading.scale[0])} to white "
        f"{number(preview.reading.scale[1])}",
        f"{preview.n - preview.n_test:,} to learn from, {preview.n_test:,} held out for the test, "
        + ("as they come" if preview.parted else "drawn at random"),
    ]
    if names:
        sizes = [f"{plain(name)} {preview.class_sizes[name]:,}" for name in names[:SHOWN_CLASSES]]
        more = f" and {len(names) - SHOWN_CLASSES} more" if len(names) > SHOWN_CLASSES else ""
        classes = "class" if len(names) == 1 else "classes"
        parts.append(f"{len(names)} {classes}: {', '.join(sizes)}{more}")
    st.caption(" · ".join(parts))
    if preview.notes:
        st.info("  \n".join(map(plain, preview.notes)), icon=":material/info:")
