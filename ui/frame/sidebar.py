"""The one control of the model, the same on every page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from html import escape
from pathlib import Path

import streamlit as st
from PIL import Image

from live.models import OpenModel, here_name, open_model, run_id, run_token
from live.places import checkpoints_root
from ui.components.address import choice_from_link, show_in_address, step_in_address
from ui.frame.card import card_of, figures_of
from ui.frame.hidden import hidden, hidden_controls
from ui.frame.kinds import breaches, note
from ui.frame.leading import followed, show_lead
from ui.frame.owners import alone, called
from ui.frame.room import UPLOADS_STAY_DAYS
from ui.frame.session import NO_MODEL, current_model, model_ids, select_model
from ui.frame.work import heavy_work
from ui.text.models import grouped, purpose
from ui.text.plain import file_name, plain, show_error
from ui.widgets import clicked, file_uploader
from vae_core.data.names import dataset_label
from vae_core.errors import CheckpointError, ConfigError, ZscapeError
from vae_core.files.atomic import Version, open_ordinary, version_of

PREVIEW = 72  # pixels
MAX_PREVIEW = 16 << 20  # bytes of its file
WITHOUT_MODEL = ("train", "runs")  # pages that a broken model does not concern

_MODELS_CSS = """
<style>
[class*="st-key-models-"] { display: grid; gap: 0.75rem 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); }
</style>
"""
_FIGURES_CSS = """
.stHtml dl.figures { display: grid; grid-template-columns: 1fr auto; gap: 0.2rem 0.75rem;
                     margin: 0; padding: 0; font-size: 0.85rem; line-height: 1.35; }
.figures dt { opacity: 0.75; font-weight: 400; }
.figures dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
"""


def show_sidebar(page: str) -> str:
    """Choose the model, and give its name; its figures below; a place to bring one's own.

    page: its url path.
    """
    ids = model_ids()
    if not ids:
        raise ZscapeError(
            "There is no model here; whoever runs the server can run `make checkpoints`, or set "
            "ZSCAPE_CHECKPOINTS to a folder that has some."
        )
    if (chosen := st.session_state.pop("next_model", None)) in ids:
        st.session_state["model"] = chosen
    gone = st.session_state.get("model", ids[0]) not in ids  # by another tab, or its owner
    model = choice_from_link("model", ids, ids[0], NO_MODEL)
    groups = _in_groups(ids)
    if gone:
        shown = plain(model_label(model))
        text = f"The model in view was deleted; **{shown}** is shown in its place."
        if not hidden("models"):
            text += " The list of models at the side has others."
        st.warning(text, icon=":material/delete:")
    changed = st.session_state.get("model_said", model) != model
    st.session_state["model_said"] = model
    with st.sidebar:
        if hidden("models"):
            st.markdown(f"**{plain(model_label(model))}**")
        else:
            in_order = [name for names in groups.values() for name in names]
            st.selectbox("Model", in_order, format_func=model_label, key="model")
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(purpose(model), width="stretch")
                if clicked("All models", icon=":material/grid_view:", type="tertiary"):
                    _show_models(groups)
        # A place of its own on each page: following a link empties the address.
        say = step_in_address if changed else show_in_address
        hide = ",".join(hidden_controls())
        say(f"model-{page}", model=model, hide=hide, open=None, room=followed())
        figures = st.container()
        if not hidden("upload") and clicked(
            "Open a checkpoint", icon=":material/upload:", width="stretch"
        ):
            _upload()
        show_lead(page)
    with figures:
        try:
            with st.spinner("Opening the model…"):
                opened = open_model(model)
        except CheckpointError as error:
            if page not in WITHOUT_MODEL:
                raise
            show_error(error)
        else:
            _describe(opened)
            if not hidden("models") and clicked(
                "Save as a page", icon=":material/save:", width="stretch"
            ):
                _save_page()
    return model_label(model)


def model_label(model_id: str) -> str:
    """How a model is called in lists: its name, or what a run of one's own learned."""
    token = run_token(model_id)
    if not token:
        return here_name(model_id) or model_id
    name, mark = called(token)
    return f"{dataset_label(name)} (yours, {mark})" if mark else f"{name} (yours)"


def _in_groups(ids: Sequence[str]) -> dict[str, list[str]]:
    """The models by group: those of the app by what they are for, the visitor's own last."""
    own = [model_id for model_id in ids if run_token(model_id)]
    groups = grouped([model_id for model_id in ids if model_id not in own])
    return groups | {"Yours": own} if own else groups


@st.dialog("Models", width="large")
def _show_models(groups: dict[str, list[str]]) -> None:
    """Each model with its manifold and what it is for, to be chosen from."""
    st.html(_MODELS_CSS)
    for k, (title, names) in enumerate(groups.items()):
        st.markdown(f"**{title}**")
        with st.container(key=f"models-{k}"):
            for name in names:
                _show_model(name)


def _show_model(model_id: str) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        preview = checkpoints_root() / model_id / "preview.png"
        if not run_token(model_id):
            with suppress(ZscapeError):  # there is none, or none that can be read
                st.image(_middle_of(preview, version_of(preview)), width=PREVIEW)
        with st.container(gap=None):
            if clicked(model_label(model_id), key=f"choose-{model_id}", type="tertiary"):
                select_model(model_id)
                st.rerun()
            st.caption(purpose(model_id))


@st.cache_resource(show_spinner=False, max_entries=64)
def _middle_of(preview: Path, version: Version) -> Image.Image:
    """The middle of a manifold: few enough of its images to be seen small.

    version: of the file; a model that is trained anew has another.
    """
    from vae_core.data.own.decoding import decoded, open_image  # with torch

    with open_ordinary(preview, CheckpointError, MAX_PREVIEW) as file:
        whole = decoded(open_image(file.read()), 0, PREVIEW, (0, 255), "white")
    (w, h), part = whole.size, 1 / 3
    return whole.crop((round(w * part), round(h * part), round(w - w * part), round(h - h * part)))


def _describe(opened: OpenModel) -> None:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in figures_of(opened)
    )
    st.html(f"<style>{_FIGURES_CSS}</style><dl class='figures'>{rows}</dl>")
    if text := note(opened):
        st.caption(text)
    if broken := breaches(opened):
        st.caption(f":material/warning: {plain(broken)}")


def _how_long() -> str:
    if alone():
        return "It stays with you."
    return f"It stays with you, and goes after {UPLOADS_STAY_DAYS} days."


@st.dialog("Save as a page")
def _save_page() -> None:
    from ui.outside.page import html_page, most_thumbnails, usual_thumbnails

    opened = current_model()  # with the images that the visitor brought for it
    st.markdown(
        "One HTML file with the plane, its points and the model, which decodes in whatever browser "
        "opens it, from disk and without a network."
    )
    encoder = opened.model.has_encoder and st.checkbox(
        "With the encoder: a pad to draw on and the trust fog", key="page_encoder"
    )
    images = 0
    if opened.latents is not None:
        images = st.number_input(
            "Test images at most",
            0,
            most_thumbnails(opened),
            usual_thumbnails(opened),
            key="page_images",
            help="Images of other points are decoded from their means.",
        )
    name = model_label(opened.id)
    waiting = st.empty()
    try:
        with (
            st.spinner("Writing the page…"),
            heavy_work(lambda _, text: waiting.caption(text), "page"),
        ):
            page = html_page(opened, card_of(opened, name), encoder=encoder, thumbnails=images)
    except ConfigError as error:
        show_error(error)
        return
    waiting.empty()
    st.download_button(
        f"Save ({len(page) / 1e6:.1f} MB)",
        page,
        f"{file_name(name)}.html",
        "text/html",
        icon=":material/download:",
        on_click="ignore",
    )


@st.dialog("Open a checkpoint")
def _upload() -> None:
    st.markdown(
        "The zip of a checkpoint's folder, as **Download** on Train live or `python -m vae_core "
        "export` makes it: safetensors and JSON, or ONNX; or of `decoder.onnx` and, if there is "
        f"one, `encoder.onnx` alone. 64 MB at most. {_how_long()}"
    )
    file = file_uploader("Zip of a checkpoint folder", type="zip", key="upload")
    if file is None:
        return
    from ui.frame.own_models import bring_model  # with torch

    try:
        token = bring_model(file)
    except CheckpointError as error:
        show_error(error)
        return
    select_model(run_id(token))
    st.rerun()
