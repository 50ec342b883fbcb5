"""A run under way: how far it is, and the buttons by which who started it steers it."""

from __future__ import annotations

import streamlit as st

from ui.components.action_button import action_button
from ui.frame.session import is_mine
from ui.text.plain import plain
from ui.training.curves import fractional_epoch
from ui.training.runs import Events, name_of, silence, spoken
from vae_core.runs.run import Run, Status
from vae_core.runs.slots import place
from vae_core.training.config import TrainConfig

LOOK_SECONDS = (1.0, 2.0, 4.0)


def look_seconds(events: Events, epochs: int) -> float:
    """How often to look for what was learned: about twice an epoch, by the first one's time.

    It changes but once an epoch, and drawing it costs the browser, hence a training on the same
    machine, much more than a line of text.
    """
    end = next((event for event in events if event["epoch_ended"]), None)
    if end is None:
        return LOOK_SECONDS[0]
    left = max(1.0, epochs * (1 - end["step"] / end["total_steps"]))
    half = end["seconds_left"] / left / 2
    return min((seconds for seconds in LOOK_SECONDS if seconds >= half), default=LOOK_SECONDS[-1])


def show_progress(run: Run, status: Status, config: TrainConfig, events: Events) -> None:
    """How far the run is, and for who started it the buttons that steer it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(*progress(run, status, config, events))
        if not is_mine(run):
            st.caption("You are watching.", help="Who started it steers it.", width="content")
        else:
            steer(run, status, events)
    if reason := silence(run):
        st.warning(reason, icon=":material/bedtime:")


def steer(run: Run, status: Status, events: Events) -> None:
    """Pause, continue, stop: while there is something left to learn."""
    over = run.stop_requested or all_learned(events)
    pausing = run.pause_requested
    if action_button(
        "Continue" if pausing else "Pause",
        key="pause",
        testid="pause-training",
        icon="play_arrow" if pausing else "pause",
        disabled=over or status.state == "waiting",  # shown, so that Stop stays in its place
    ):
        if pausing:
            run.request_continue()
        else:
            run.request_pause()
        st.rerun()
    if action_button(
        "Stop and keep",
        key="stop",
        testid="stop-training",
        icon="stop",
        disabled=over,
    ):
        run.request_stop()
        st.rerun()


def progress(run: Run, status: Status, config: TrainConfig, events: Events) -> tuple[float, str]:
    """How far the run is: a fraction and a line of text."""
    done = events[-1]["step"] / events[-1]["total_steps"] if events else 0.0
    return done, f"**{plain(name_of(run, config))}** · {doing(run, status, config, events)}"


def doing(run: Run, status: Status, config: TrainConfig, events: Events) -> str:
    """What the run does at this moment, in words."""
    if run.stop_requested:
        return "stopping: what was learned is evaluated and kept…"
    if turn := place(run):
        before = f"{turn - 1} before it" if turn > 1 else "the next to begin"
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
