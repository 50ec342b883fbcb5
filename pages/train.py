"""Train live: a model learns while you look. Page and trainer share only the run's folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from live.models import OpenModel, run_id
from live.places import runs_root
from ui.components.action_button import action_button
from ui.components.address import linked, show_in_address
from ui.components.curves import curves
from ui.components.timeline import timeline
from ui.figures.network import show_network
from ui.frame import limits
from ui.frame.navigation import page_path
from ui.frame.session import open_here, own
from ui.images.own import choose_images
from ui.kept import visitor
from ui.text.explain import explain
from ui.text.plain import plain, show_error
from ui.text.programs import training_program
from ui.text.show_code import show_code
from ui.training.before import trained_before
from ui.training.by_hand import offer_notebooks
from ui.training.curves import (
    COLLAPSED,
    fractional_epoch,
    has_encoder,
    has_kl,
    kl_panel,
    training_panels,
)
from ui.training.end import offer_gif, show_end
from ui.training.estimate import epoch_seconds
from ui.training.film import Playback, playback, sample_of
from ui.training.form import choose_settings, left_out_name
from ui.training.learned import show_learned
from ui.training.own_settings import suit
from ui.training.planned import (
    Data,
    data_of,
    leaving_out,
    own_images_at_hand,
    plan,
    start_run,
)
from ui.training.progress import look_seconds, show_progress
from ui.training.runs import (
    Events,
    choose_run,
    chosen_run,
    config_of,
    new_events,
    spoken,
    visible_runs,
    watch,
)
from vae_core.data.names import is_own
from vae_core.errors import CheckpointError, TrainingError, ZscapeError
from vae_core.models.architecture import architecture
from vae_core.runs.data import run_dataset
from vae_core.runs.run import Run, Status
from vae_core.runs.slots import run_seconds
from vae_core.training.config import TrainConfig


def prepare() -> tuple[TrainConfig | None, Callable[[], None]]:
    """Choose what to train, see what that is, and start it.

    Gives the settings where they can be, and what tells how long the training takes.
    """
    config = choose_settings()
    own_images = choose_images(own_images_at_hand()) if config and is_own(config.dataset) else None
    if config and own_images:
        suit(config, own_images)
    config = leaving_out(left_out_name(), config, own_images) if config else None
    data = data_of(config, own_images) if config else None
    network = plan(config, data) if config and data else None
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
    if config is None or data is None or network is None:
        return config, lambda: None
    if clicked:
        try:
            run = start_run(config, own_images)
        except TrainingError as error:
            refusal = str(error)
        except ZscapeError as error:
            show_error(error)
        else:
            own(run.token)
            choose_run(run)
            st.rerun()
    if refusal:
        st.info(plain(refusal), icon=":material/hourglass_top:")
        return config, lambda: None
    return config, partial(tell_time, estimate, config, data)


def show_before(config: TrainConfig | None) -> None:
    """What such a training leads to, where a shipped model shows it."""
    shipped, d = trained_before(config) if config else ("", 0)
    if config is None or not shipped:
        return
    st.header(f"Trained before: {shipped}", divider="gray")
    if d != config.latent_dim:
        st.caption(f"The same data and objective; z has {d} dimensions there.")
    show_learned(open_here(shipped), shipped)


def tell_time(place: DeltaGenerator, config: TrainConfig, data: Data) -> None:
    """How long the training will take, by a few steps of it; the last that the page does."""
    one = replace(config, seed=0, epochs=1, beta=1.0, left_out=-1)  # as costly a step as any
    try:
        epoch = epoch_seconds(place, one, data.some, data.train, data.test)
    except TrainingError as error:
        place.caption(f"A few steps were tried. {plain(str(error))}")
        return
    seconds, most = config.epochs * epoch, run_seconds()
    told = f"Takes about {spoken(seconds)} on this machine, and a few seconds to begin."
    if seconds > most:
        told += f" A run may train for {spoken(most)} at a time; it ends then, to be resumed."
    place.caption(told)


def show_state(polls: bool, looks_every: float) -> None:
    """How far the run is, or how it ended: a fragment that asks again while it is under way."""
    run = chosen_run()
    if run is None or run.status().active != polls:
        st.rerun()
    status, config = run.status(), config_of(run)
    if not status.active:
        show_end(run, status, config)
        return
    events = new_events(run)
    show_progress(run, status, config, events)
    if look_seconds(events, config.epochs) != looks_every:
        st.rerun()


def show_look(polls: bool) -> None:
    """What the run has learned so far: a fragment that looks again until all of it is there."""
    run = chosen_run()
    if run is None:
        st.rerun()
    status, config, events = run.status(), config_of(run), new_events(run)
    film = None
    try:
        film = show_what_was_learned(run, status, config)
    except CheckpointError as error:
        if status.active:  # of one that has ended it is told above
            show_error(error)
    if events:
        show_curves(status, config, events, film)
    read = film is None or film.complete
    st.session_state["read_run"] = run.token if read and not status.active else ""
    if polls and read and not status.active:
        st.rerun()


def show_what_was_learned(run: Run, status: Status, config: TrainConfig) -> Playback | None:
    """Timeline, plane and pictures; before there are any, the network."""
    if not (run.checkpoint / "config.json").exists():
        shape = run_dataset(run.path, config.dataset, "test").image_shape
        network = architecture(config.model_config(shape))
        show_network(network, variational=has_kl(config))
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
        return open_here(run_id(run.token)), "now"
    if config.keep == "best":
        return open_here(run_id(run.token)), "the best"
    if config.epochs in run.snapshot_epochs():
        return open_here(run_id(run.token, config.epochs)), ""
    return open_here(run_id(run.token)), "the end"


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


def show_curves(status: Status, config: TrainConfig, events: Events, film: Playback | None) -> None:
    """The terms of the objective, and the KL of each dimension, by epoch."""
    reached = config.epochs if status.active else fractional_epoch(events[-1], config.epochs)
    span = (0, max(1, reached))
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
    if has_kl(config):
        panel = kl_panel(events, epochs=config.epochs)
        if not panel.lines:
            st.caption(f"**{panel.title}**: appears after the first epoch.")
            return
        curves(
            [panel],
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


config: TrainConfig | None = None
tell_how_long: Callable[[], object] | None = None
run = chosen_run()
show_in_address("run", run=run.token if run else None)
if run is not None:
    watch(run)
    active, every = run.status().active, look_seconds(new_events(run), config_of(run).epochs)
    st.fragment(show_state, run_every=max(1.0, every / 2) if active else None)(active, every)
    looks = active or st.session_state.get("read_run") != run.token
    st.fragment(show_look, run_every=every if looks else None)(looks)
    if run.snapshot_epochs() and has_encoder(config_of(run)):
        offer_gif(run)  # of how its means move
if run is None or not run.status().active:
    if run is not None:
        st.header("Train another", divider="gray")
    config, tell_how_long = prepare()
if run is None:
    show_before(config)
if runs := visible_runs():
    st.page_link(
        page_path("runs"),
        label=f"Runs: {len(runs)} to open or compare",
        icon=":material/stacked_line_chart:",
    )
offer_notebooks()
explain("train")
if config is not None and not is_own(config.dataset):
    show_code("train", training_program("train", config))
if tell_how_long:
    tell_how_long()
