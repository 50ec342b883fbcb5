"""Train live: a model learns while you look. Page and trainer share only the run's folder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from live.models import OpenModel, open_model
from ui import limits
from ui.components.action_button import action_button
from ui.components.address import linked, show_in_address
from ui.components.curves import curves
from ui.components.timeline import timeline
from ui.curves import COLLAPSED, fractional_epoch, kl_panel, training_panels
from ui.film import Playback, gif, playback, sample_of
from ui.learned import show_learned
from ui.navigation import page_path
from ui.network_figure import show_network
from ui.runs import (
    choose_run,
    chosen_run,
    config_of,
    delete_button,
    keep_model,
    name_of,
    new_events,
    silence,
    spoken,
    state_badge,
    visible_runs,
    watch,
)
from ui.session import link_to_open, model_ids, own, runs_root, visitor
from ui.train_settings import choose_settings
from vae_core.architecture import Architecture, architecture
from vae_core.calibration import seconds_per_epoch
from vae_core.checkpoints import zip_checkpoint
from vae_core.datasets import dataset_available, load_dataset
from vae_core.errors import ConfigError, TrainingError, ZscapeError
from vae_core.runs import Run, Status
from vae_core.train_config import TrainConfig

POLL_SECONDS = 0.7
SHOWN_BEFORE = "digits-2d"  # what a visitor sees who has not trained anything yet

Events = list[dict[str, Any]]


# ---- before a run --------------------------------------------------------------------------------


def prepare() -> None:
    """Choose what to train, see what that is, and start it."""
    config = choose_settings()
    network = plan(config) if config else None
    refusal = limits.why_not_now(runs_root(), visitor())
    with st.container(horizontal=True, vertical_alignment="center"):
        clicked = action_button(
            "Start training",
            key="start",
            testid="start-training",
            icon="play_arrow",
            kind="primary",
            disabled=network is None or bool(refusal),
        )
        estimate = st.empty()
    if config is None or network is None:
        return
    if clicked:
        try:
            run = limits.start_run(config, runs_root(), visitor())
        except TrainingError as error:
            refusal = str(error)
        else:
            own(run.token)
            choose_run(run)
            st.rerun()
    if refusal:
        st.info(refusal, icon=":material/hourglass_top:")
        return
    seconds = config.epochs * epoch_seconds(replace(config, seed=0, epochs=1, beta=1.0))
    estimate.caption(f"Takes about {spoken(seconds)} on this machine, and a few seconds to begin.")


def plan(config: TrainConfig) -> Architecture | None:
    """Show the network that will be trained; None, with the reason, where it cannot be."""
    if not dataset_available(config.dataset):
        st.warning(
            f"The data set {config.dataset} is not on this server yet: download it first.",
            icon=":material/download:",
        )
        return None
    data = load_dataset(config.dataset, "train")
    try:
        network = architecture(config.model_config(data.image_shape))
        limits.check_settings(config, network, len(data))
    except ConfigError as error:
        st.error(str(error), icon=":material/error:")
        return None
    show_network(network, variational=config.objective != "autoencoder")
    st.caption(
        f"**{config.dataset}**: {len(data):,} training images · {network.weights:,} weights · "
        f"{config.epochs} epochs of {-(-len(data) // config.batch_size):,} steps"
    )
    return network


@st.cache_data(show_spinner=False, max_entries=256)
def epoch_seconds(config: TrainConfig) -> float:
    test_images = len(load_dataset(config.dataset, "test"))
    return seconds_per_epoch(config, load_dataset(config.dataset, "train"), test_images)


# ---- a run ---------------------------------------------------------------------------------------


def show_run(polls: bool) -> None:
    """The run as it is now: a fragment that asks again and again until all of it is there."""
    run = chosen_run()
    if run is None or (run.status().active and not polls):
        st.rerun()
    status, config, events = run.status(), config_of(run), new_events(run)
    if status.active:
        show_progress(run, status, config, events)
    else:
        show_end(run, status, config)
    film = show_what_was_learned(run, status, config)
    if events:
        show_curves(config, events, film, config.epochs if status.active else events[-1]["epoch"])
    read = film is None or film.complete
    st.session_state["read_run"] = run.token if read and not status.active else ""
    if polls and read and not status.active:
        st.rerun()


def show_progress(run: Run, status: Status, config: TrainConfig, events: Events) -> None:
    """How far the run is, and for who started it the buttons that steer it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(*progress(run, status, config, events))
        if run.owner != visitor():
            st.caption("You are watching.", help="Who started it steers it.", width="content")
        else:
            steer(run, status, events)
    if reason := silence(run):
        st.warning(reason, icon=":material/bedtime:")


def steer(run: Run, status: Status, events: Events) -> None:
    """Pause, continue, stop: while there is something left to learn."""
    over = run.stop_requested or all_learned(events)
    pausing = run.pause_requested
    if status.state != "waiting" and action_button(
        "Continue" if pausing else "Pause",
        key="pause",
        testid="pause-training",
        icon="play_arrow" if pausing else "pause",
        disabled=over,
    ):
        if pausing:
            run.request_continue()
        else:
            run.request_pause()
        st.rerun(scope="fragment")
    if action_button(
        "Stop and keep",
        key="stop",
        testid="stop-training",
        icon="stop",
        disabled=over,
    ):
        run.request_stop()
        st.rerun(scope="fragment")


def progress(run: Run, status: Status, config: TrainConfig, events: Events) -> tuple[float, str]:
    """How far the run is: a fraction and a line of text."""
    done = events[-1]["step"] / events[-1]["total_steps"] if events else 0.0
    return done, f"**{name_of(config)}** · {doing(run, status, config, events)}"


def doing(run: Run, status: Status, config: TrainConfig, events: Events) -> str:
    """What the run does at this moment, in words."""
    if run.stop_requested:
        return "stopping: what was learned is evaluated and kept…"
    if place := run.place:
        before = f"{place - 1} before it" if place > 1 else "the next to begin"
        return f"in the queue, {before}"
    if all_learned(events):
        return "all epochs are done: evaluating on the whole test set…"
    if run.pause_requested:
        return f"{at_epoch(config, events)}{'paused' if status.state == 'paused' else 'pausing…'}"
    if status.state == "paused":
        return f"{at_epoch(config, events)}continues when its turn comes"
    if not events or events[-1]["time"] < status.started:
        return "starting a process of its own…"
    last = events[-1]
    return (
        f"{at_epoch(config, events)}{last['images_per_second']:,.0f} images/s · "
        f"about {spoken(last['seconds_left'])} left"
    )


def all_learned(events: Events) -> bool:
    return bool(events) and events[-1]["step"] == events[-1]["total_steps"]


def at_epoch(config: TrainConfig, events: Events) -> str:
    """The epoch under way, as the beginning of a text; empty before the first report."""
    if not events:
        return ""
    epoch = int(fractional_epoch(events[-1], config.epochs)) + 1
    return f"epoch {min(epoch, config.epochs)} of {config.epochs} · "


def show_end(run: Run, status: Status, config: TrainConfig) -> None:
    """How a run ended, its figures, and what to do with it."""
    learned = (run.checkpoint / "config.json").exists()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{name_of(config)}** {state_badge(run)}", width="stretch")
        if learned:
            offer_model(run)
        if run.owner == visitor():
            offer_resume(run, status)
            if delete_button(run):
                choose_run(None)
                st.rerun()
        if st.button("Close", icon=":material/close:"):
            choose_run(None)
            st.rerun()
    if status.state == "failed":
        st.error(status.message, icon=":material/error:")
    if learned and (metrics := open_model(f"run:{run.token}").metrics):
        st.markdown(figures(metrics))


def offer_model(run: Run) -> None:
    """The ways to go on with what was learned."""
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
        if st.button("Keep", key=f"do-keep-{run.token}", type="primary"):
            try:
                keep_model(run, name)
            except ZscapeError as error:
                st.error(str(error), icon=":material/error:")
            else:
                st.toast(f"{name} is in your list of models now.")
                st.rerun()
    st.download_button(
        "Download",
        lambda: zip_checkpoint(run.checkpoint),
        f"{config_of(run).dataset}-{run.token[-4:]}.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
        help="The checkpoint folder as a zip: open it here again, or with vae_core.",
    )


def offer_resume(run: Run, status: Status) -> None:
    """Go on with a run that ended before its time."""
    if status.resumable and st.button("Resume", icon=":material/resume:", type="primary"):
        try:
            limits.resume_run(run, visitor())
        except TrainingError as error:
            st.error(str(error), icon=":material/error:")
        else:
            st.rerun()


def figures(metrics: dict[str, Any]) -> str:
    """The checkpoint's figures in a line."""
    grey = metrics.get("grey_cross_entropy")
    name = "cross-entropy" if grey else "−E[log p(x given z)]"
    parts = [f"{name} **{-metrics['reconstruction']:.1f}**"]
    if metrics.get("kl") is not None:
        parts += [
            f"KL **{metrics['kl']:.2f}**",
            f"{'sum' if grey else '−ELBO'} **{-metrics['elbo']:.1f}**",
            f"**{metrics['active_units']}** active units",
        ]
    return f"On all test images, in nats per image: {' · '.join(parts)}"


def show_what_was_learned(run: Run, status: Status, config: TrainConfig) -> Playback | None:
    """Timeline, plane and pictures; before there are any, the network."""
    if not (run.checkpoint / "config.json").exists():
        shape = load_dataset(config.dataset, "test").image_shape
        network = architecture(config.model_config(shape))
        show_network(network, variational=config.objective != "autoencoder")
        if status.active:
            st.caption("Its latent plane appears here as soon as the first images are learned.")
        return None
    opened, present = as_it_stands(run, status, config)
    film = playback(run, opened)
    if film.complete or status.active:
        show_timeline(run, config, film, present)
    else:
        st.caption(f"Reading the snapshots, {len(film.epochs)} so far…")
    show_learned(opened, run.token, film.parts, sample_of(opened))
    return film


def as_it_stands(run: Run, status: Status, config: TrainConfig) -> tuple[OpenModel, str]:
    """The model as it stands, and what that moment is called behind the last snapshot.

    A finished run stands at its last snapshot, with the same test images as all others.
    """
    if status.active:
        return open_model(f"run:{run.token}"), "now"
    if config.epochs in run.snapshot_epochs():
        return open_model(f"run:{run.token}@{config.epochs}"), ""
    return open_model(f"run:{run.token}"), "the end"


def show_timeline(run: Run, config: TrainConfig, film: Playback, present: str) -> None:
    """The epochs under the visitor's hand; the address says on which one they rest."""
    asked = linked("epoch") if linked("run") == run.token else ""
    first = [k for k, epoch in enumerate(film.epochs) if str(epoch) == asked]
    frame = timeline(
        film.name,
        film.epochs,
        of=config.epochs,
        key=f"timeline-{run.token}",
        testid="epoch-scrubber",
        present=present,
        first=first[0] if first else None,
    )
    show_in_address("epoch", epoch=None if frame is None else film.epochs[frame])


def show_curves(config: TrainConfig, events: Events, film: Playback | None, epochs: int) -> None:
    """The terms of the objective, and the KL of each dimension, over so many epochs."""
    variational = config.objective != "autoencoder"
    span = (0, max(epochs, 1))
    frames = film.parts.get("curves") if film else None
    curves(
        training_panels(events, config),
        key="curves",
        testid="curves",
        alt="Terms by epoch.",
        x_range=span,
        film=frames,
    )
    st.caption(
        "Train: means over an epoch, while the weights changed. Test: held-out images at its end."
    )
    if variational:
        curves(
            [kl_panel(events, epochs=config.epochs)],
            key="kl",
            testid="kl-by-dimension",
            alt="By epoch.",
            x_range=span,
            legend=False,
            height=220,
            film=frames,
        )
        st.caption(
            f"Collapsed: a KL below {COLLAPSED:g} nats, as of a mean whose variance is 0.01, the "
            "limit of an active unit. The decoder does without it."
        )


@st.fragment
def offer_gif(run: Run) -> None:
    """The training as a GIF: made on a click, then there to be taken."""
    made = st.session_state.get("gif", (None, b""))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Make a GIF of the training", icon=":material/gif_box:"):
            text = "Drawing each epoch's plane and manifold…"
            bar = st.progress(0.0, text)
            try:
                made = (run.token, gif(run, lambda done: bar.progress(done, text)))
            except ZscapeError as error:
                st.error(str(error), icon=":material/error:")
            st.session_state["gif"] = made
            bar.empty()
        if made[0] == run.token:
            st.download_button(
                f"Download the GIF, {len(made[1]) / 1e6:.1f} MB",
                made[1],
                f"{config_of(run).dataset}-{run.token[-4:]}.gif",
                "image/gif",
                icon=":material/download:",
                on_click="ignore",
            )


run = chosen_run()
show_in_address("run", run=run.token if run else None)
if run is not None:
    watch(run)
    polls = run.status().active or st.session_state.get("read_run") != run.token
    st.fragment(show_run, run_every=POLL_SECONDS if polls else None)(polls)
    if run.snapshot_epochs():
        offer_gif(run)
if run is None or not run.status().active:
    if run is not None:
        st.subheader("Train another", divider="gray")
    prepare()
if run is None:
    shipped = SHOWN_BEFORE if SHOWN_BEFORE in model_ids() else model_ids()[0]
    st.subheader(f"Trained before: {shipped}", divider="gray")
    show_learned(open_model(shipped), shipped)
if runs := visible_runs():
    st.page_link(
        page_path("runs"),
        label=f"Runs: {len(runs)} to open or compare",
        icon=":material/stacked_line_chart:",
    )
