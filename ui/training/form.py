"""The form of a training: presets with one click, every setting behind them, all in the address."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import streamlit as st

from ui.components.address import (
    choice_from_link,
    linked,
    number_from_link,
    refuse,
    show_in_address,
)
from ui.components.amended import decimals
from ui.text.plain import show_error
from ui.training.own_settings import settings_to_take, were_taken
from ui.training.presets import PRESETS, Preset
from ui.training.settings import COLUMNS, OWN_SETTINGS, SETTINGS, Setting
from ui.widgets import clicked, set_widget
from vae_core.data.datasets import dataset_available, load_dataset
from vae_core.data.names import is_own
from vae_core.errors import ConfigError, DataError
from vae_core.models.config import MAX_WIDTH
from vae_core.models.likelihoods import effective_beta
from vae_core.objectives.objective import SHARED
from vae_core.objectives.registry import find_objective
from vae_core.training.config import TrainConfig

COLUMN = 200  # pixels: four beside one another on a wide page, two on a narrow one
FIRST_HIDDEN = {
    "mlp": "256, 128",
    "conv": "32, 32, 64, 256",
    "broadcast": "16, 32, 32, 128",
    "resnet": "32, 64, 256",
    "lecture-conv": "16, 8",
}
DEFAULT = PRESETS[0].config
MOST_LAYERS = 16  # as `ModelConfig` takes
# data set -> what it is called, megabytes to fetch
DOWNLOADS = {
    "mnist": ("MNIST", 12),
    "fashion-mnist": ("Fashion-MNIST", 31),
    "kmnist": ("KMNIST", 21),
}

log = logging.getLogger("zscape.train")


def choose_settings() -> TrainConfig | None:
    """Presets, and all settings behind them; None, with a sentence, where they cannot be."""
    if taken := settings_to_take():
        st.session_state.update(_widget_values(taken))
    presets = st.container()
    with st.expander("More settings", icon=":material/tune:"):
        config = _settings()
    with presets:
        _choose_preset(config)
    return config


def _choose_preset(config: TrainConfig | None) -> None:
    """The presets as pills; the one that the settings agree with, seed aside, is marked."""
    at_hand = [p for p in PRESETS if at_hand_here(p.config.dataset)]
    labels = [p.label for p in at_hand]
    asked = None if config is None or left_out_name() else replace(config, seed=0)
    agreeing = [p for p in at_hand if p.config == asked]
    if asked and were_taken(asked):
        agreeing = [p for p in at_hand if is_own(p.config.dataset)]
    set_widget("preset", agreeing[0].label if agreeing else None)
    st.pills(
        "What to train", labels, key="preset", on_change=_apply_preset, label_visibility="collapsed"
    )
    st.caption(agreeing[0].text if agreeing else "Your own settings.")
    for name, (title, size) in DOWNLOADS.items():
        waiting = [p for p in PRESETS if p.config.dataset == name and p not in at_hand]
        wanted = config is not None and config.dataset == name and not at_hand_here(name)
        if waiting or wanted:
            _offer_download(name, title, size, waiting)


def at_hand_here(dataset: str) -> bool:
    """Whether a run on this server can have the data set: what a visitor brings it always can."""
    return is_own(dataset) or dataset_available(dataset)


def _apply_preset() -> None:
    chosen = [p for p in PRESETS if p.label == st.session_state["preset"]]
    if chosen:
        config = chosen[0].config
        st.session_state.update(_widget_values(config))


def _offer_download(name: str, title: str, size: int, waiting: list[Preset]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for each in waiting:
            st.button(each.label, disabled=True, key=f"waiting-{each.label}", help=each.text)
        fetch = clicked(f"Download {title}", icon=":material/download:", key=f"download-{name}")
        st.caption(f"{title} is not on this server yet: {size} MB from its public mirror.")
    if fetch:
        try:
            with st.spinner(f"Downloading {title}…"):
                for split in ("train", "test"):
                    load_dataset(name, split, download=True)
        except DataError as error:
            log.warning("%s", error)
            st.error(
                f"{title} could not be downloaded: no mirror answers, or the data folder cannot be "
                "written. The server's log says which; digits and sprites need no download.",
                icon=":material/error:",
            )
        else:
            st.rerun()


def _widget_values(config: TrainConfig) -> dict[str, Any]:
    """config -> the values of the widgets below, by their keys."""
    values = {each.key: getattr(config, name) for name, each in SETTINGS.items()}
    for name, each in OWN_SETTINGS[config.objective].items():
        values[each.key] = config.objective_settings[name]
    hidden, left_out = SETTINGS["hidden"].key, SETTINGS["left_out"].key
    return values | {hidden: ", ".join(map(str, config.hidden)), left_out: ""}


def _chosen_settings() -> dict[str, Setting]:
    """The settings of the objective in view that are its own, by name."""
    return OWN_SETTINGS[st.session_state[SETTINGS["objective"].key]]


def _own_defaults() -> dict[str, Any]:
    """What those settings are at first, by the keys of their widgets."""
    settings = find_objective(st.session_state[SETTINGS["objective"].key]).settings
    return {each.key: settings[name].default for name, each in _chosen_settings().items()}


def _begin_with(settings: Iterable[Setting], first: dict[str, Any]) -> None:
    for each in settings:
        if each.options:
            choice_from_link(each.key, each.options, first[each.key])
        elif each.span:
            number_from_link(each.key, *each.span, first[each.key])


def _begin() -> None:
    """Every setting begins as the link says, else as the first preset has it."""
    _begin_with(SETTINGS.values(), _widget_values(DEFAULT))
    _begin_with(_chosen_settings().values(), _own_defaults())
    if SETTINGS["left_out"].key not in st.session_state:
        st.session_state[SETTINGS["left_out"].key] = linked(SETTINGS["left_out"].key)
    key = SETTINGS["hidden"].key
    if key not in st.session_state:
        _suit_hidden()
        if text := linked(key):
            try:
                layer_widths(text)
            except ConfigError:
                refuse(key, f"widths such as {st.session_state[key]} are expected and shown")
            else:
                st.session_state[key] = text


def _show_in_address() -> None:
    """What differs from the first preset: the address stays short."""
    first = _widget_values(DEFAULT)
    for settings in OWN_SETTINGS.values():  # of those not in view nothing is said
        first |= {each.key: st.session_state.get(each.key) for each in settings.values()}
    first |= _own_defaults()
    values = {key: st.session_state.get(key) for key in first}
    show_in_address("settings", **{k: v if v != first[k] else None for k, v in values.items()})


def _settings() -> TrainConfig | None:
    _begin()
    _show_in_address()
    with st.container(horizontal=True):
        places = [st.container(width=COLUMN) for _ in COLUMNS]
    for place, column in zip(places, COLUMNS, strict=True):
        with place:
            for each in column:
                _widget(each)
    objective = st.session_state[SETTINGS["objective"].key]
    st.caption(f"**{objective}**: {find_objective(objective).text}")
    if own := _chosen_settings():
        with st.container(horizontal=True):
            for each in own.values():
                with st.container(width=COLUMN):
                    _widget(each)
    config = _config()
    if config and config.likelihood == "gaussian" and "beta" in find_objective(objective).uses:
        weight = effective_beta(config.sigma, config.beta)
        st.caption(
            f"With σ = {config.sigma:g} fixed, this is the plain sum of squared errors plus "
            f"2σ²β = **{weight:g}** times the KL: the effective β of a loss without σ."
        )
    return config


def _widget(setting: Setting) -> None:
    common: dict[str, Any] = {
        "key": setting.key,
        "help": setting.help,
        "disabled": not _matters(setting),
        "persist_state": "session",
    }
    if setting.options:
        turned: dict[str, Any] = {"on_change": _suit_hidden} if setting.name == "network" else {}
        st.selectbox(setting.label, setting.options, **common, **turned)
    elif setting.span:
        step, form = setting.step, setting.format
        place = decimals(setting.key) if isinstance(setting.span[0], float) else st
        place.number_input(setting.label, *setting.span, step=step, format=form, **common)
    else:
        st.text_input(setting.label, **common)


def _matters(setting: Setting) -> bool:
    """Whether the other settings give this one a meaning."""
    if setting.only is None:
        return True
    name, values = setting.only
    return st.session_state[SETTINGS[name].key] in values


def _suit_hidden() -> None:
    """Another kind of network has layers of another kind."""
    kind = st.session_state[SETTINGS["network"].key]
    st.session_state[SETTINGS["hidden"].key] = FIRST_HIDDEN.get(kind, "")


def _config() -> TrainConfig | None:
    values = {name: st.session_state[each.key] for name, each in SETTINGS.items()}
    values |= {name: unused for name, unused in SHARED.items() if not _matters(SETTINGS[name])}
    if not _matters(SETTINGS["prior"]):
        values["prior"] = "normal"
    values["left_out"] = DEFAULT.left_out  # see `left_out_name`
    if not _matters(SETTINGS["keep"]):
        values |= {"keep": "last", "patience": 0}
    own = {name: st.session_state[each.key] for name, each in _chosen_settings().items()}
    values["objective_settings"] = own
    try:
        return TrainConfig(**values | {"hidden": layer_widths(values["hidden"])})
    except ConfigError as error:
        show_error(error)
        return None


def left_out_name() -> str:
    """The class that shall not be learned, by its name, which the data set will know; or ""."""
    name: str = st.session_state[SETTINGS["left_out"].key]
    return name.strip()


def layer_widths(text: str) -> tuple[int, ...]:
    """The widths that a visitor wrote between commas; ConfigError where they are none."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        fit = all(1 <= int(part) <= MAX_WIDTH for part in parts) and len(parts) <= MOST_LAYERS
    except ValueError:
        fit = False
    if not fit:
        raise ConfigError(
            f"Layer widths are whole numbers from 1 to {MAX_WIDTH:,}, {MOST_LAYERS} of them at "
            "most, with commas between them: 256, 128 for example."
        )
    return tuple(map(int, parts))
