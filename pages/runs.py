"""Runs: all of a visitor's trainings in a table; those chosen there over one another."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote, unquote

import streamlit as st

from live.models import run_id
from live.places import among_strangers, runs_root
from ui.components.address import linked, refuse, show_in_address
from ui.components.curves import curves
from ui.frame.navigation import page_path
from ui.frame.own_models import kept_models
from ui.frame.session import is_mine, link_to_open
from ui.frame.sidebar import model_label
from ui.images.own import offer_to_show
from ui.numbers import reconstruction_name
from ui.text.explain import explain
from ui.text.plain import cell, plain, printable
from ui.text.show_code import program, show_code
from ui.training.curves import compared_panels, is_grey, run_colour
from ui.training.runs import (
    broken_runs,
    choose_run,
    config_of,
    delete_button,
    label_of,
    new_events,
    run_mark,
    run_of,
    settings_that_differ,
    state_badge,
    summary,
    visible_runs,
    watch,
)
from ui.widgets import clicked
from vae_core.runs.run import Run

POLL_SECONDS = 2.0
CHOSEN_AT_FIRST = 3
COLUMNS = {  # of the table -> how it is shown
    reconstruction_name(grey=True): st.column_config.NumberColumn(
        format="%.2f",
        help="−E[log p(x|z)] of grey pixels under a Bernoulli likelihood, which is no likelihood "
        "of them: on test images after the last epoch, in nats",
    ),
    reconstruction_name(grey=False): st.column_config.NumberColumn(
        format="%.2f", help="On test images after the last epoch, in nats"
    ),
    "KL": st.column_config.NumberColumn(format="%.2f", help="On test images, in nats"),
    "loss": st.column_config.NumberColumn(
        format="%.2f", help="What was minimised, on test images, in nats"
    ),
    "done": st.column_config.ProgressColumn(format="percent"),
    "duration": st.column_config.TextColumn(
        help="From when it last entered the queue to its last report"
    ),
}


def chosen_tokens() -> list[str]:
    """The runs that are compared: the session's, else the link's, else the newest ones."""
    if "chosen_runs" not in st.session_state:
        asked = [unquote(token) for token in linked("runs").split(",") if token]
        found = [run for token in asked if (run := run_of(token)) is not None]
        if len(found) < len(asked):
            refuse("runs", "some of these runs are not here any more")
        for run in found:
            watch(run)
        chosen = found or [run for run in visible_runs() if new_events(run)][:CHOSEN_AT_FIRST]
        st.session_state["chosen_runs"] = [run.token for run in chosen]
    tokens: list[str] = st.session_state["chosen_runs"]
    return tokens


def choose_from_table(runs: list[Run]) -> list[Run]:
    """All runs in a table; those whose rows are selected."""
    tokens = [run.token for run in runs]
    # Rows are told by their places: another list of runs is another table. It begins with the rows
    # chosen so far, and goes on by itself.
    key = f"table-{hashlib.sha256(','.join(tokens).encode()).hexdigest()[:12]}"
    begun: tuple[str, list[int]] = st.session_state.get("runs_table", ("", []))
    if begun[0] != key:
        begun = (key, [tokens.index(token) for token in chosen_tokens() if token in tokens])
        st.session_state["runs_table"] = begun
    shown: Any = st.dataframe(
        rows_of(runs),
        key=key,
        hide_index=True,
        column_config=COLUMNS,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": begun[1]}},
        placeholder="–",
        alt="All runs, one a row",
    )
    rows = [row for row in shown["selection"]["rows"] if row < len(runs)]
    st.session_state["chosen_runs"] = [tokens[row] for row in rows]
    return [runs[row] for row in rows]


def rows_of(runs: list[Run]) -> list[dict[str, Any]]:
    """The runs as rows, without the name of a reconstruction that none of them has."""
    rows = [{name: cell(told) for name, told in summary(run).items()} for run in runs]
    names = [reconstruction_name(grey) for grey in (True, False)]
    unused = [name for name in names if all(row[name] is None for row in rows)]
    for name in unused[: len(names) - 1]:
        for row in rows:
            del row[name]
    return rows


def show_chosen(run: Run, colour: str) -> None:
    """One of those chosen: its colour, how it stands, and what to do with it."""
    config = config_of(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(f'<div style="width:1.25rem;height:1.25rem;background:{colour}"></div>', width=20)
        st.markdown(f"**{plain(label_of(run, config))}** {state_badge(run)}", width="stretch")
        if clicked("Open", key=f"open-{run.token}", icon=":material/open_in_new:"):
            choose_run(run)
            st.switch_page(page_path("train"))
        if is_mine(run) and not run.status().active and delete_button(run.token):
            st.rerun()


def compare(runs: list[Run]) -> None:
    """The chosen runs' curves over one another, and the settings in which they differ."""
    configs = [config_of(run) for run in runs]
    labels = [label_of(run, config) for run, config in zip(runs, configs, strict=True)]
    reports = [
        (run_mark(run), new_events(run), config.epochs)
        for run, config in zip(runs, configs, strict=True)
    ]
    for k, run in enumerate(runs):
        show_chosen(run, run_colour(k))
    curves(
        compared_panels(reports, {is_grey(config) for config in configs}),
        key="compared",
        testid="compared-curves",
        alt="Chosen runs over one another.",
        x_range=(0, max(config.epochs for config in configs)),
        legend=False,
        height=240,
    )
    st.caption("Solid: test images. Dashed: training images.")
    if len(runs) > 1:
        st.markdown("**Settings that differ**")
        if differing := settings_that_differ(configs):
            columns = [list(map(plain, column)) for column in zip(*differing.values(), strict=True)]
            st.table(
                {"setting": list(differing), **dict(zip(map(plain, labels), columns, strict=True))},
                hide_index=True,
            )
        else:
            st.caption("None: these runs have the very same settings.")


def show_runs(runs: list[Run]) -> list[Run]:
    """All of them in a table, and those chosen there, which are returned, over one another."""
    chosen = choose_from_table(runs)
    show_in_address("runs", runs=",".join(quote(run.token, safe="") for run in chosen) or None)
    if not chosen:
        st.caption("Choose rows: their curves are laid over one another, their settings compared.")
        return []
    compare(chosen)
    if not among_strangers():  # it runs where the folders are
        with st.expander("TensorBoard", icon=":material/terminal:"):
            st.caption("On the machine of this server, with the package tensorboard installed:")
            st.code("\n".join(run.tensorboard_command for run in chosen), language="bash")
    return chosen


def show_kept(tokens: list[str]) -> None:
    """Models without a training: each to explore, to delete and to show to others."""
    st.header("Kept models", divider="gray")
    for token in tokens:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(model_label(run_id(token))), width="stretch")
            st.page_link(
                page_path("overview"),
                label="**Explore**",
                icon=":material/explore:",
                query_params=link_to_open(token),
            )
            if delete_button(token):
                st.rerun()
        offer_to_show(Run(runs_root() / token))


def show_all() -> None:
    """The page, drawn again as long as something is trained."""
    chosen: list[Run] = []
    if runs := visible_runs():
        chosen = show_runs(runs)
    else:
        st.info("You have not trained anything yet.", icon=":material/model_training:")
        st.page_link(page_path("train"), label="**Train live**", icon=":material/model_training:")
    if kept := kept_models():
        show_kept(kept)
    for name, why in broken_runs().items():
        st.warning(
            f"The run {plain(printable(name))} cannot be read: {plain(why)}. It is left as it is.",
            icon=":material/broken_image:",
        )
    explain("runs")
    if chosen and not among_strangers():
        show_code("runs", program("runs", FOLDERS=tuple(str(run.path) for run in chosen)))


chosen_tokens()  # before anything is listed: a link may bring runs of others
active = any(run.status().active for run in visible_runs())
st.fragment(show_all, run_every=POLL_SECONDS if active else None)()
