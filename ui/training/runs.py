"""Training runs as pages show them: which ones, their names, states and reports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from live.models import model_path, run_id
from live.places import runs_root
from ui.components.address import linked, refuse
from ui.frame.owners import alone, called, may_look
from ui.frame.session import is_mine
from ui.kept import keep, kept, visitor
from ui.numbers import reconstruction_name
from ui.text.plain import show_error
from ui.training.curves import is_grey
from ui.widgets import clicked
from vae_core.checkpoints.card import left_out_class
from vae_core.checkpoints.reading import read_config
from vae_core.data.names import dataset_label
from vae_core.errors import CheckpointError, TrainingError, ZscapeError
from vae_core.files.atomic import Version, delete_folder, version_of
from vae_core.files.folders import folders
from vae_core.runs.run import Run, list_runs

if TYPE_CHECKING:
    from vae_core.training.config import TrainConfig

Events = list[dict[str, Any]]  # reports, as in a run's events.jsonl

MOST_WATCHED = 32  # that are kept
MARK = 24  # characters of a name that was given on the command line
SILENT_SECONDS = 10  # a process that is silent for longer is suspended, or its machine asleep
STATES = {  # state -> (what it is called, colour of its badge)
    "waiting": ("waiting", "blue"),
    "running": ("training", "blue"),
    "paused": ("paused", "violet"),
    "finished": ("finished", "green"),
    "stopped": ("stopped, kept", "orange"),
    "failed": ("failed", "red"),
}


def run_of(token: str) -> Run | None:
    """The run that a token names; None where there is no such run, or its settings are broken."""
    try:
        run = Run(model_path(run_id(token)).parent)
    except CheckpointError:
        return None
    seen = run.token == token and may_look(token, visitor())
    return run if seen and is_whole(run) else None


def chosen_run() -> Run | None:
    """The run on the page Train live: the one looked at last, at first the link's."""
    if "run" not in st.session_state:
        st.session_state["run"] = linked("run")
        if linked("run") and run_of(linked("run")) is None:
            refuse("run", "there is no such run here, or it was deleted")
    return run_of(st.session_state["run"])


def choose_run(run: Run | None) -> None:
    """Show this run on the page Train live, or none."""
    st.session_state["run"] = run.token if run else ""


def watch(run: Run) -> None:
    """Remember a run that this visitor came to by a link."""
    watched = watched_tokens()
    if not is_mine(run) and run.token not in watched:
        watched.append(run.token)
        keep("watched", {"runs": watched[-MOST_WATCHED:]})


def watched_tokens() -> list[str]:
    """Of runs of others to which this visitor came by a link, today."""
    if "watched_runs" not in st.session_state:
        st.session_state["watched_runs"] = [str(token) for token in kept("watched").get("runs", [])]
    watched: list[str] = st.session_state["watched_runs"]
    return watched


def visible_runs() -> list[Run]:
    """This visitor's runs and those they watch, newest first; broken ones are left out."""
    watched = watched_tokens()
    runs = list_runs(runs_root())
    return [r for r in runs if (is_mine(r) or r.token in watched) and is_whole(r)]


def broken_runs() -> dict[str, str]:
    """Those of this visitor's runs that cannot be read, by name, and why: the end of a sentence.

    Whose a folder is that nobody can look into, nobody knows: only who has all of them sees it.
    """
    closed = {each.path.name: each.error for each in folders(runs_root()) if each.error}
    mine = [run for run in list_runs(runs_root()) if is_mine(run)]
    flaws = {run.token: flaw(run) for run in mine}
    return (closed if alone() else {}) | {token: why for token, why in flaws.items() if why}


def config_of(run: Run) -> TrainConfig:
    """The run's settings, read and checked once; ZscapeError where they were edited by hand."""
    return _config(run.token, version_of(run.path / "config.json"))


@st.cache_resource(show_spinner=False, max_entries=256)
def _config(token: str, version: Version) -> TrainConfig:
    return Run(runs_root() / token).config()


def is_whole(run: Run) -> bool:
    """Whether the run can be read: its folder may be edited or half written."""
    return not flaw(run)


def flaw(run: Run) -> str:
    """Why the run cannot be read, as the end of a sentence; empty where it can."""
    try:
        config_of(run)
        if run.events_file.exists():
            run.events_file.open("rb").close()
    except ZscapeError as error:
        return str(error).removesuffix(".")
    except OSError as error:
        return error.strerror or "its files cannot be opened"
    return ""


def name_of(run: Run, config: TrainConfig) -> str:
    """A run in a few words."""
    parts = [dataset_label(config.dataset), f"d = {config.latent_dim}", config.network]
    plain = {"elbo": "", "autoencoder": "plain autoencoder"}
    named = plain.get(config.objective, config.objective)
    parts += [named] if named else []
    parts += [f"binarised, {config.binarisation}"] if config.binarisation != "none" else []
    parts += [_left_out(run)] if config.left_out >= 0 else []
    parts += [f"β = {config.beta:g}"] if config.beta != 1 else []
    return " · ".join(parts)


def _left_out(run: Run) -> str:
    """Which class was not learned; its name is in the checkpoint, once there is one."""
    try:
        name = left_out_class(read_config(run.checkpoint))
    except CheckpointError:
        name = None
    return "without a class" if name is None else f"without class {name}"


def label_of(run: Run, config: TrainConfig) -> str:
    """A run in a few words, told apart from others of the same settings."""
    return f"{name_of(run, config)} · {run_mark(run)}"


def run_mark(run: Run) -> str:
    """What tells a run from others of the same settings, where there is little room."""
    name, mark = called(run.token)
    return mark or name[:MARK]


def summary(run: Run) -> dict[str, Any]:
    """The run as a row of a table."""
    config, events = config_of(run), new_events(run)
    tests = [event["test"] for event in events if event["test"] is not None]
    test = tests[-1] if tests else {}
    reconstruction = test.get("reconstruction")
    grey, lost = is_grey(config), None if reconstruction is None else -reconstruction
    return {
        "run": label_of(run, config),
        "state": STATES[run.status().state][0],
        **{reconstruction_name(g): lost if g == grey else None for g in (True, False)},
        "KL": test.get("kl"),
        "loss": test.get("loss"),
        "done": events[-1]["step"] / events[-1]["total_steps"] if events else 0.0,
        "epochs": config.epochs,
        "duration": spoken(duration(run, events)),
        "β": config.beta,
        "layers": ", ".join(map(str, config.hidden)),
        "batch": config.batch_size,
        "rate": f"{config.learning_rate:g}",
        "seed": config.seed,
        "whose": "yours" if is_mine(run) else "watched",
    }


def state_badge(run: Run) -> str:
    """How the run stands, and whether somebody else started it, as Markdown."""
    name, colour = STATES[run.status().state]
    return f":{colour}-badge[{name}]" + (":gray-badge[watching]" if not is_mine(run) else "")


def silence(run: Run) -> str:
    """What to say of a trainer that gives no sign of life; empty where it does."""
    silent = run.silent_seconds
    if silent < SILENT_SECONDS:
        return ""
    return (
        f"Its process has been silent for {silent:.0f} s: it is suspended, or the machine slept. "
        "It goes on by itself as soon as it is woken; nothing is lost."
    )


def delete_button(token: str) -> bool:
    """A button that asks before it deletes an ended run or a kept model of this visitor's.

    True in the run of the script that did.
    """
    run = Run(runs_root() / token)
    is_run = (run.path / "status.json").exists()
    with st.popover("Delete", icon=":material/delete:"):
        what = "The run and all that it learned" if is_run else "The model"
        st.markdown(f"{what} will be gone.{' Kept models stay.' if is_run else ''}")
        if not clicked("Delete it", key=f"delete-{token}", type="primary"):
            return False
        try:
            if is_run:
                run.delete()
            else:
                delete_folder(run.path)
        except TrainingError as error:
            show_error(error)
            return False
    return True


def new_events(run: Run) -> Events:
    """The reports at the epochs' ends so far, and the last one; only what is new is read."""
    kept: dict[str, tuple[Events, Events, int, int]] = st.session_state.setdefault("events", {})
    ends, last, position, known = kept.get(run.token, ([], [], 0, 0))
    _, file, size = version_of(run.events_file)
    new, after = run.events_after(position)
    # It goes on from farther back, or was given more epochs.
    resumed = new and last and new[0]["step"] <= last[0]["step"]
    longer = new and last and new[0]["total_steps"] != last[0]["total_steps"]
    if resumed or longer or (position and (file != known or size < position)):
        ends, last = [], []
        new, after = run.events_after(0)
    ends = ends + [event for event in new if event["epoch_ended"]]
    last = [new[-1]] if new else last
    kept[run.token] = (ends, last, after, file)
    return ends + [event for event in last if not event["epoch_ended"]]


def duration(run: Run, events: Events) -> float:
    """Seconds from when the run last entered the queue to its last report, or to now if active."""
    status = run.status()
    told = events[-1]["time"] if events else 0.0
    return max(0.0, (time.time() if status.active else told) - status.started)


def settings_that_differ(configs: Sequence[TrainConfig]) -> dict[str, list[str]]:
    """The settings in which these differ: name -> the value of each, as text."""
    columns = [config.to_json() for config in configs]
    texts = {name: [str(column[name]).strip("[]") for column in columns] for name in columns[0]}
    return {name: values for name, values in texts.items() if len(set(values)) > 1}


def spoken(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5_400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3_600:.1f} h"
