"""What a visitor can choose about a training: presets with one click, every setting behind them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from ui import limits
from ui.components.address import (
    choice_from_link,
    linked,
    number_from_link,
    refuse,
    show_in_address,
)
from vae_core.datasets import dataset_available, dataset_names, load_dataset
from vae_core.errors import ConfigError, DataError
from vae_core.networks import ACTIVATIONS, network_names
from vae_core.training import SCHEDULES, TrainConfig, preset

COLUMN = 200  # pixels: four beside one another on a wide page, two on a narrow one
LIKELIHOODS = ("bernoulli", "gaussian")
OBJECTIVES = {"elbo": "ELBO", "autoencoder": "autoencoder"}
FIRST_HIDDEN = {
    "mlp": "256, 128",
    "conv": "32, 32, 64, 256",
    "resnet": "32, 64, 256",
    "lecture-conv": "16, 8",
}


@dataclass(frozen=True)
class Preset:
    """Settings with one click; `text` says in a sentence what there is to see."""

    label: str
    text: str
    config: TrainConfig


PRESETS = (
    Preset(
        "2-D digits in 20 seconds",
        "Handwritten digits, 8x8: ten classes find their places in a plane.",
        preset("digits-2d"),
    ),
    Preset(
        "β too high: collapse",
        "The same digits with β = 20: the KL pulls every mean to 0, and all images become one.",
        replace(preset("digits-2d"), beta=20.0),
    ),
    Preset(
        "Plain autoencoder",
        "No KL, no σ: the same digits spread over the plane with holes between them.",
        replace(preset("digits-2d"), objective="autoencoder"),
    ),
    Preset(
        "Sprites",
        "Drawn shapes with known size, angle and place, and a convolutional network.",
        replace(preset("sprites-6d"), epochs=8),
    ),
    Preset(
        "MNIST in 2-D",
        "70,000 handwritten digits, 28x28, in a plane.",
        replace(preset("mnist-2d"), hidden=(512, 256), epochs=10),
    ),
    Preset(
        "MNIST, PyTorch's example",
        "The VAE of PyTorch's examples: 784-400-20, ReLU, Adam at 0.001.",
        preset("pytorch-example"),
    ),
)
DEFAULT = PRESETS[0].config
# what the address names -> the options, or the lowest and highest number
CHOICES = {
    "dataset": dataset_names(),
    "train_network": network_names(),
    "train_activation": list(ACTIVATIONS),
    "train_likelihood": list(LIKELIHOODS),
    "train_objective": list(OBJECTIVES),
    "train_schedule": list(SCHEDULES),
}
RANGES: dict[str, tuple[float, float]] = {
    "d": (1, limits.MAX_LATENT_DIM),
    "epochs": (1, limits.MAX_EPOCHS),
    "training_seed": (0, 2**31 - 1),
    "beta": (0.0, limits.MAX_BETA),
    "train_samples": (1, limits.MAX_SAMPLES),
    "train_sigma": (0.01, 1.0),
    "train_batch": (1, limits.MAX_BATCH),
    "train_rate": (1e-5, 0.1),
}
# data set -> what it is called, megabytes to fetch
DOWNLOADS = {"mnist": ("MNIST", 12), "fashion-mnist": ("Fashion-MNIST", 31)}

log = logging.getLogger("zscape.train")


def choose_settings() -> TrainConfig | None:
    """Presets, and all settings behind them; None, with a sentence, where they cannot be."""
    presets = st.container()
    with st.expander("More settings", icon=":material/tune:"):
        config = _settings()
    with presets:
        _choose_preset(config)
    return config


def _choose_preset(config: TrainConfig | None) -> None:
    """The presets as pills; the one that the settings agree with, seed aside, is marked."""
    at_hand = [p for p in PRESETS if dataset_available(p.config.dataset)]
    labels = [p.label for p in at_hand]
    agreeing = [p for p in at_hand if config and replace(config, seed=0) == p.config]
    st.session_state["preset"] = agreeing[0].label if agreeing else None
    st.pills(
        "What to train", labels, key="preset", on_change=_apply_preset, label_visibility="collapsed"
    )
    st.caption(agreeing[0].text if agreeing else "Your own settings.")
    for name, (title, size) in DOWNLOADS.items():
        waiting = [p for p in PRESETS if p.config.dataset == name and p not in at_hand]
        wanted = config is not None and config.dataset == name and not dataset_available(name)
        if waiting or wanted:
            _offer_download(name, title, size, waiting)


def _apply_preset() -> None:
    chosen = [p for p in PRESETS if p.label == st.session_state["preset"]]
    if chosen:
        config = chosen[0].config
        st.session_state.update(_widget_values(config))


def _offer_download(name: str, title: str, size: int, waiting: list[Preset]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        for each in waiting:
            st.button(each.label, disabled=True, key=f"waiting-{each.label}", help=each.text)
        fetch = st.button(f"Download {title}", icon=":material/download:", key=f"download-{name}")
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
    return {
        "dataset": config.dataset,
        "d": config.latent_dim,
        "beta": float(config.beta),
        "epochs": config.epochs,
        "training_seed": config.seed,
        "train_network": config.network,
        "train_hidden": ", ".join(map(str, config.hidden)),
        "train_activation": config.activation,
        "train_likelihood": config.likelihood,
        "train_sigma": float(config.sigma),
        "train_objective": config.objective,
        "train_samples": config.samples,
        "train_batch": config.batch_size,
        "train_rate": float(config.learning_rate),
        "train_schedule": config.schedule,
    }


def _begin() -> None:
    """Every setting begins as the link says, else as the first preset has it."""
    first = _widget_values(DEFAULT)
    for name, options in CHOICES.items():
        choice_from_link(name, options, first[name])
    for name, (low, high) in RANGES.items():
        number_from_link(name, low, high, first[name])
    if "train_hidden" not in st.session_state:
        _suit_hidden()
        if text := linked("train_hidden"):
            try:
                _widths(text)
            except ConfigError:
                first_widths = st.session_state["train_hidden"]
                refuse("train_hidden", f"widths such as {first_widths} are expected and shown")
            else:
                st.session_state["train_hidden"] = text


def _show_in_address() -> None:
    """What differs from the first preset: the address stays short."""
    first = _widget_values(DEFAULT)
    values = {name: st.session_state[name] for name in first}
    show_in_address("settings", **{n: v if v != first[n] else None for n, v in values.items()})


def _settings() -> TrainConfig | None:
    _begin()
    _show_in_address()
    kept: dict[str, Any] = {"persist_state": "session"}
    with st.container(horizontal=True):
        what, network, objective, optimiser = (st.container(width=COLUMN) for _ in range(4))

    what.selectbox(
        "Data set", dataset_names(), key="dataset", **kept,
        help="The images to learn: digits and sprites are always there, MNIST after a download.",
    )  # fmt: skip
    what.number_input(
        "Latent dimensions d", *RANGES["d"], key="d", **kept,
        help="How many numbers stand for an image; 2 can be seen whole.",
    )  # fmt: skip
    what.number_input(
        "Epochs", *RANGES["epochs"], key="epochs", **kept,
        help="How many times every training image is seen.",
    )  # fmt: skip
    what.number_input(
        "Seed", *RANGES["training_seed"], key="training_seed", **kept,
        help="The same seed and settings give the very same weights again.",
    )  # fmt: skip

    kind = network.selectbox(
        "Network", network_names(), key="train_network", on_change=_suit_hidden, **kept,
        help="mlp: fully connected layers, for small images; conv: convolutions, which use that "
        "neighbouring pixels belong together.",
    )  # fmt: skip
    network.text_input(
        "Layer widths", key="train_hidden", **kept,
        help="Of the encoder; the decoder mirrors them."
        if kind == "mlp"
        else "Channels of the convolutions, then the width of one dense layer.",
    )  # fmt: skip
    network.selectbox(
        "Activation", list(ACTIVATIONS), key="train_activation", **kept,
        help="The nonlinearity between the layers.",
    )  # fmt: skip
    likelihood = network.selectbox(
        "Likelihood", LIKELIHOODS, key="train_likelihood", **kept,
        help="What the decoder's image means: a probability of ink, or a mean with Gaussian noise.",
    )  # fmt: skip

    aim = objective.selectbox(
        "Objective", list(OBJECTIVES), key="train_objective", format_func=OBJECTIVES.__getitem__,
        **kept, help="The ELBO learns a distribution over z; the plain autoencoder only a point.",
    )  # fmt: skip
    objective.number_input(
        "β, weight of the KL", *RANGES["beta"], step=0.1, format="%g", key="beta",
        disabled=aim == "autoencoder", **kept,
        help="1 is the ELBO; above, the posterior keeps closer to the prior; 0 ignores the prior.",
    )  # fmt: skip
    objective.number_input(
        "Samples L per image", *RANGES["train_samples"], key="train_samples", **kept,
        help="Draws of z: more of them make the gradient less noisy, and each step slower.",
    )  # fmt: skip
    objective.number_input(
        "σ of the Gaussian", *RANGES["train_sigma"], step=0.01, key="train_sigma",
        disabled=likelihood != "gaussian", **kept,
        help="The noise around the decoder's mean; smaller weighs the pixels more against the KL.",
    )  # fmt: skip

    optimiser.number_input(
        "Batch size", *RANGES["train_batch"], key="train_batch", **kept,
        help="Images in one step of the optimiser.",
    )  # fmt: skip
    optimiser.number_input(
        "Learning rate", *RANGES["train_rate"], step=1e-4, format="%.5f", key="train_rate", **kept,
        help="The size of the steps; too large and the loss is no number any more.",
    )  # fmt: skip
    optimiser.selectbox(
        "Schedule", SCHEDULES, key="train_schedule", **kept,
        help="One-cycle: the rate rises for 30 % of the training and then falls to almost 0.",
    )  # fmt: skip
    return _config()


def _suit_hidden() -> None:
    """Another kind of network has layers of another kind."""
    st.session_state["train_hidden"] = FIRST_HIDDEN.get(st.session_state["train_network"], "")


def _config() -> TrainConfig | None:
    value = st.session_state
    plain = value["train_objective"] == "autoencoder"
    try:
        return TrainConfig(
            dataset=value["dataset"],
            latent_dim=value["d"],
            network=value["train_network"],
            hidden=_widths(value["train_hidden"]),
            activation=value["train_activation"],
            likelihood=value["train_likelihood"],
            sigma=value["train_sigma"],
            objective=value["train_objective"],
            beta=1.0 if plain else value["beta"],
            samples=value["train_samples"],
            epochs=value["epochs"],
            batch_size=value["train_batch"],
            learning_rate=value["train_rate"],
            schedule=value["train_schedule"],
            seed=value["training_seed"],
        )
    except ConfigError as error:
        st.error(str(error), icon=":material/error:")
        return None


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ConfigError(
            f"Layer widths {text[:40]!r} are not whole numbers between commas, such as 256, 128."
        ) from error
