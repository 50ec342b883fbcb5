"""A run that has ended: its figures, and what to do with it and with what it learned."""

from __future__ import annotations

from typing import Any

import streamlit as st

from live.models import open_model, run_id
from ui.frame import limits
from ui.frame.navigation import page_path
from ui.frame.own_models import keep_model
from ui.frame.session import is_mine, link_to_open
from ui.frame.work import working
from ui.images.own import offer_to_show
from ui.kept import visitor
from ui.numbers import bound_name, decimal, reconstruction_name
from ui.text.plain import plain, show_error
from ui.training.film import gif
from ui.training.runs import (
    choose_run,
    config_of,
    delete_button,
    name_of,
    new_events,
    state_badge,
)
from ui.widgets import clicked
from vae_core.checkpoints.archives import zip_checkpoint
from vae_core.errors import CheckpointError, TrainingError, ZscapeError
from vae_core.runs.run import Run, Status
from vae_core.training.config import TrainConfig


def show_end(run: Run, status: Status, config: TrainConfig) -> None:
    """How a run ended, its figures, and what to do with it."""
    learned = (run.checkpoint / "config.json").exists()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(name_of(run, config))}** {state_badge(run)}", width="stretch")
        if clicked("Close", icon=":material/close:"):
            choose_run(None)
            st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        if learned:
            offer_model(run)
        if is_mine(run):
            offer_resume(run, status)
            offer_more_epochs(run, status, config)
            if delete_button(run.token):
                choose_run(None)
                st.rerun()
    offer_to_show(run)
    if status.state == "failed":
        show_error(status.message)
    elif status.message:
        st.info(status.message, icon=":material/timer_off:")
    if learned:
        show_figures(run)
    if ended := how_it_ended(run, config):
        st.caption(ended)


def show_figures(run: Run) -> None:
    """What the run's checkpoint says that it reaches; why it cannot be read, where it is broken."""
    try:
        metrics = open_model(run_id(run.token)).metrics
    except CheckpointError as error:
        show_error(error)
    else:
        if metrics and (text := figures(metrics)):
            st.markdown(text)


def offer_model(run: Run) -> None:
    """The ways to go on with what was learned."""
    if kept := st.session_state.pop("kept", None):  # a toast before the rerun would not be seen
        st.toast(f"Your model `{kept}` is in your list of models now, marked as yours.")
    # A link, no button: a switch by script would have to drop the settings bound to the address.
    st.page_link(
        page_path("overview"),
        label="**Explore this model**",
        icon=":material/explore:",
        query_params=link_to_open(run.token),
    )
    with st.popover("Keep it", icon=":material/bookmark:"):
        name = st.text_input("Name", key=f"keep-{run.token}", placeholder="my-digits")
        st.caption("A checkpoint of this name, in your list of models from then on.")
        if clicked("Keep", key=f"do-keep-{run.token}", type="primary"):
            try:
                keep_model(run, name)
            except ZscapeError as error:
                show_error(error)
            else:
                st.session_state["kept"] = name
                st.rerun()
    st.download_button(
        "Download",
        lambda: zip_checkpoint(run.checkpoint, sources=is_mine(run)),
        f"{config_of(run).dataset}-{run.token[-4:]}.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
        help="The checkpoint folder as a zip: open it here again, or with vae_core.",
    )


def offer_resume(run: Run, status: Status) -> None:
    """Go on with a run that ended before its time."""
    if status.resumable and clicked("Resume", icon=":material/resume:", type="primary"):
        try:
            limits.resume_run(run, visitor())
        except TrainingError as error:
            show_error(error)
        else:
            st.rerun()


def offer_more_epochs(run: Run, status: Status, config: TrainConfig) -> None:
    """Go on with a run that has finished."""
    if status.state != "finished" or config.epochs >= limits.MAX_EPOCHS:
        return
    with st.popover("More epochs", icon=":material/more_time:"):
        most = limits.MAX_EPOCHS - config.epochs
        more = st.number_input("How many", 1, most, min(10, most), key=f"more-{run.token}")
        anew = " The learning rate rises and falls anew over them."
        st.caption(
            "They go on from the last epoch's weights."
            f"{anew if config.schedule == 'one-cycle' else ''}"
        )
        if clicked("Go on", key=f"do-more-{run.token}", type="primary"):
            try:
                limits.resume_run(run, visitor(), more)
            except ZscapeError as error:
                show_error(error)
            else:
                st.rerun()


def how_it_ended(run: Run, config: TrainConfig) -> str:
    """Which epoch was the last and which is kept, where the settings let that be open."""
    if config.keep == "last" and not config.patience:
        return ""
    ends = [event for event in new_events(run) if event["epoch_ended"] and event["test"]]
    compared = [event for event in ends if config.compares(event["epoch"])]
    if not compared:
        return ""
    best = min(compared, key=lambda event: event["test"]["loss"])
    early = ends[-1]["epoch"] < config.epochs
    parts = [f"Least held-out loss after epoch {best['epoch']}"]
    parts += [f"ended after {ends[-1]['epoch']} of {config.epochs}"] if early else []
    parts += ["its model is the one kept"] if config.keep == "best" else []
    return f"{', '.join(parts)}. The held-out images chose, so their figures flatter a little."


def figures(metrics: dict[str, Any]) -> str:
    """The checkpoint's figures in a line; empty where there are none."""
    if metrics.get("discriminator_accuracy") is not None:
        return (
            f"The discriminator tells **{metrics['discriminator_accuracy']:.1%}** of all test "
            "images and as many generated ones rightly; 50% is a guess. There is no ELBO."
        )
    if metrics.get("reconstruction") is None:
        return ""
    grey = bool(metrics.get("grey_cross_entropy"))
    parts = [f"{reconstruction_name(grey)} **{decimal(-metrics['reconstruction'], ',.1f')}**"]
    if metrics.get("kl") is not None:
        parts += [
            f"KL **{decimal(metrics['kl'])}**",
            f"{bound_name(grey)} **{decimal(-metrics['elbo'], ',.1f')}**",
            f"**{metrics['active_units']}** active units",
        ]
    if metrics.get("class_error") is not None:
        parts.append(f"classes told wrongly **{metrics['class_error']:.1%}**")
    return f"On all test images, in nats per image: {' · '.join(parts)}"


@st.fragment
def offer_gif(run: Run) -> None:
    """The training as a GIF: made on a click, then there to be taken."""
    made = st.session_state.get("gif", (None, b""))
    with st.container(horizontal=True, vertical_alignment="center"):
        if clicked("Make a GIF of the training", icon=":material/gif_box:"):
            text = "Drawing each epoch's plane and manifold…"
            try:
                with working(text) as report:
                    made = (run.token, gif(run, lambda done: report(done, text)))
            except ZscapeError as error:
                show_error(error)
            st.session_state["gif"] = made
        if made[0] == run.token:
            st.download_button(
                f"Download the GIF, {len(made[1]) / 1e6:.1f} MB",
                made[1],
                f"{config_of(run).dataset}-{run.token[-4:]}.gif",
                "image/gif",
                icon=":material/download:",
                on_click="ignore",
            )
