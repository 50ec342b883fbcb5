"""Train live: a model learns while you look. Page and trainer share only the run's folder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from live.models import model_path, open_model
from ui import limits
from ui.components.action_button import action_button
from ui.components.address import linked, refuse, show_in_address
from ui.curves import fractional_epoch, training_curves
from ui.learned import show_learned
from ui.navigation import page_path
from ui.network_figure import show_network
from ui.session import link_to_open, model_ids, own, runs_root, visitor
from ui.train_settings import choose_settings
from vae_core.architecture import Architecture, architecture
from vae_core.calibration import seconds_per_epoch
from vae_core.checkpoints import zip_checkpoint
from vae_core.datasets import dataset_available, load_dataset
from vae_core.errors import CheckpointError, ConfigError, TrainingError
from vae_core.jobs import Run, list_runs
from vae_core.training import TrainConfig

POLL_SECONDS = 0.7
SHOWN_BEFORE = "digits-2d"  # what a visitor sees who has not trained anything yet
STATES = {
    "waiting": ":blue-badge[starting]",
    "running": ":blue-badge[training]",
    "finished": ":green-badge[finished]",
    "stopped": ":orange-badge[stopped, kept]",
    "failed": ":red-badge[failed]",
}


def chosen_run() -> Run | None:
    """The run that the link names, else the one this visitor looked at last."""
    if "run" not in st.session_state:
        st.session_state["run"] = linked("run")
        if linked("run") and chosen_run() is None:
            refuse("run", "there is no such run here, or it was deleted")
    try:
        run = Run(model_path(f"run:{st.session_state['run']}").parent)
    except CheckpointError:
        return None
    return run if (run.path / "status.json").exists() else None


def choose_run(run: Run | None) -> None:
    """Show this run, or none."""
    st.session_state["run"] = run.token if run else ""


def name_of(config: TrainConfig) -> str:
    parts = [config.dataset, f"d = {config.latent_dim}", config.network]
    parts += ["plain autoencoder"] if config.objective == "autoencoder" else []
    parts += [f"β = {config.beta:g}"] if config.beta != 1 else []
    return " · ".join(parts)


def about(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5_400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3_600:.1f} h"


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
    estimate.caption(f"Takes {about(seconds)} on this machine, and a few seconds to begin.")


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


def show_running() -> None:
    """The run as it is now: a fragment that asks again and again until the run has ended."""
    run = chosen_run()
    if run is None or not run.status().active:
        st.rerun()
    config, events = run.config(), new_events(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(*progress(run, config, events))
        if run.owner != visitor():
            st.caption("You are watching.", help="Who started it may stop it.", width="content")
        elif action_button(
            "Stop and keep",
            key="stop",
            testid="stop-training",
            icon="stop",
            disabled=run.stop_requested,
        ):
            run.request_stop()
            st.rerun(scope="fragment")
    if (run.checkpoint / "config.json").exists():
        show_learned(open_model(f"run:{run.token}"), key=run.token)
    else:
        shape = load_dataset(config.dataset, "test").image_shape
        network = architecture(config.model_config(shape))
        show_network(network, variational=config.objective != "autoencoder")
        st.caption("Its latent plane appears here as soon as the first images have been learned.")
    show_curves(config, events)


def new_events(run: Run) -> list[dict[str, Any]]:
    """The reports at the epochs' ends so far, and the last one; only what is new is read."""
    kept = st.session_state.setdefault("events", {})
    ends, last, position = kept.get(run.token, ([], [], 0))
    new, position = run.events_after(position)
    ends = ends + [event for event in new if event["epoch_ended"]]
    last = [new[-1]] if new else last
    kept[run.token] = (ends, last, position)
    return ends + [event for event in last if not event["epoch_ended"]]


def progress(run: Run, config: TrainConfig, events: list[dict[str, Any]]) -> tuple[float, str]:
    """How far the run is: a fraction and a line of text."""
    name = f"**{name_of(config)}**"
    if not events:
        return 0.0, f"{name} · starting a process of its own…"
    last = events[-1]
    done = last["step"] / last["total_steps"]
    if run.stop_requested:
        return done, f"{name} · stopping: what was learned is evaluated and kept…"
    if done == 1:
        return done, f"{name} · all epochs are done: evaluating on the whole test set…"
    epoch = int(fractional_epoch(last, config.epochs)) + 1
    return done, (
        f"{name} · epoch {epoch} of {config.epochs} · {last['images_per_second']:,.0f} images/s · "
        f"{about(last['seconds_left'])} left"
    )


def show_ended(run: Run) -> None:
    """What a run has learned, and what to do with it."""
    status, config = run.status(), run.config()
    learned = (run.checkpoint / "config.json").exists()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{name_of(config)}** {STATES[status.state]}", width="stretch")
        if learned:
            offer_model(run)
        if st.button("Close", icon=":material/close:"):
            choose_run(None)
            st.rerun()
    if status.state == "failed":
        st.error(status.message, icon=":material/error:")
    if learned:
        opened = open_model(f"run:{run.token}")
        if opened.metrics:
            st.markdown(figures(opened.metrics))
        show_learned(opened, key=run.token)
    if events := new_events(run):
        show_curves(config, events)


def offer_model(run: Run) -> None:
    # A link, no button: a switch by script would have to drop the settings bound to the address.
    st.page_link(
        page_path("overview"),
        label="**Explore this model**",
        icon=":material/explore:",
        query_params=link_to_open(run.token),
    )
    st.download_button(
        "Download",
        lambda: zip_checkpoint(run.checkpoint),
        f"{run.config().dataset}-{run.token[-4:]}.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
        help="The checkpoint folder as a zip: open it here again, or with vae_core.",
    )


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


def show_curves(config: TrainConfig, events: list[dict[str, Any]]) -> None:
    bernoulli = config.likelihood == "bernoulli"
    figure = training_curves(
        events,
        epochs=config.epochs,
        beta=config.beta,
        reconstruction_name="Cross-entropy" if bernoulli else "−E[log p(x given z)]",
    )
    st.plotly_chart(figure, key="curves", config={"displayModeBar": False})
    st.caption(
        "Train: means over an epoch, while the weights changed. Test: held-out images at its end."
    )


def list_own_runs(shown: Run | None) -> None:
    """This visitor's other runs."""
    others = [
        run
        for run in list_runs(runs_root())
        if run.owner == visitor() and (shown is None or run.token != shown.token)
    ]
    if others:
        st.subheader("Your runs")
    for run in others:
        status, config = run.status(), run.config()
        with st.container(horizontal=True, vertical_alignment="center"):
            epochs = f"{config.epochs} epochs"
            st.markdown(f"{name_of(config)} · {epochs} {STATES[status.state]}", width="stretch")
            if st.button("Open", key=f"open-{run.token}"):
                choose_run(run)
                st.rerun()
            with st.popover("Delete", disabled=status.active):
                st.markdown("The run and all that it learned will be gone.")
                if st.button("Delete it", key=f"delete-{run.token}", type="primary"):
                    run.delete()
                    st.rerun()


run = chosen_run()
show_in_address("run", run=run.token if run else None)
if run is not None and run.status().active:
    st.fragment(show_running, run_every=POLL_SECONDS)()
elif run is not None:
    show_ended(run)
    st.subheader("Train another", divider="gray")
    prepare()
else:
    prepare()
    shipped = SHOWN_BEFORE if SHOWN_BEFORE in model_ids() else model_ids()[0]
    st.subheader(f"Trained before: {shipped}", divider="gray")
    show_learned(open_model(shipped), key=shipped)
list_own_runs(run)
