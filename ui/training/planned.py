"""What a training from the form would learn, and of what: seen, refused or started."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import streamlit as st

from live.places import runs_root
from ui.figures.network import show_network
from ui.frame import limits
from ui.frame.session import is_mine
from ui.images.own import OwnImages
from ui.images.reading import reading
from ui.kept import visitor
from ui.text.plain import plain, show_error
from ui.training.curves import has_kl
from ui.training.runs import chosen_run
from vae_core.data.datasets import dataset_available, load_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.names import dataset_label, is_own
from vae_core.data.own.images import write_images
from vae_core.errors import ConfigError, DataError, ZscapeError
from vae_core.models.architecture import Architecture, architecture
from vae_core.models.linear import check_components
from vae_core.runs.run import Run
from vae_core.training.calibration import enough_images
from vae_core.training.config import TrainConfig
from vae_core.training.m2 import labelled_rows


class Data(NamedTuple):
    """Some of the training images, and how many there are to learn, without a class left out."""

    some: ImageDataset
    train: int
    test: int


def leaving_out(name: str, config: TrainConfig, own_images: OwnImages | None) -> TrainConfig | None:
    """The settings without the class of that name; None, with the reason, where there is none."""
    if not name or (is_own(config.dataset) and own_images is None):
        return config
    try:
        if own_images is not None:
            return replace(config, left_out=own_images.look_alikes(1).label_of(name))
        if dataset_available(config.dataset):
            label = load_dataset(config.dataset, "train").label_of(name)
            return replace(config, left_out=label)
    except ZscapeError as error:
        show_error(error)
        return None
    return config


def own_images_at_hand() -> Run | None:
    """The run in view, where it is this visitor's and learned from their own images."""
    run = chosen_run()
    own_run = run is not None and is_mine(run) and run.images_file.exists()
    return run if own_run else None


def start_run(config: TrainConfig, own_images: OwnImages | None) -> Run:
    """Start what was chosen; a visitor's own images are read now, and go into the run's folder."""
    if own_images is None:
        return limits.start_run(config, runs_root(), visitor())
    with reading("Making the images ready…") as tell:
        train, test = own_images.read(tell)
    return limits.start_run(
        replace(config, dataset=train.name),
        runs_root(),
        visitor(),
        lambda run: write_images(run.images_file, train, test),
    )


def data_of(config: TrainConfig, own_images: OwnImages | None) -> Data | None:
    """How much there is to learn; None, with the reason, where there is nothing, or not yet."""
    if is_own(config.dataset) and own_images is None:
        return None
    if not is_own(config.dataset) and not dataset_available(config.dataset):
        st.warning(
            f"The data set {plain(config.dataset)} is not on this server yet: download it first.",
            icon=":material/download:",
        )
        return None
    try:
        if own_images is not None:
            return data_of_own(config, own_images)
        train, test = (load_dataset(config.dataset, split) for split in ("train", "test"))
        return Data(train, images_to_learn(config.dataset, config.left_out), len(test))
    except (ConfigError, DataError) as error:
        show_error(error)
        return None


def data_of_own(config: TrainConfig, own_images: OwnImages) -> Data:
    """Of a visitor's images, which are yet to be read; without a class there are about as many."""
    seen, label = own_images.preview, config.left_out
    n, sizes = seen.n - seen.n_test, list(seen.class_sizes.values())
    shape = own_images.look_alikes(1).image_shape
    few = own_images.look_alikes(min(n, enough_images(config, shape)))
    return Data(few, n - round(sizes[label] * n / seen.n) if label >= 0 else n, seen.n_test)


@st.cache_data(show_spinner=False, max_entries=256)
def images_to_learn(dataset: str, left_out: int) -> int:
    """How many training images there are but for a class; DataError where there is none such."""
    train = load_dataset(dataset, "train")
    return len(train if left_out < 0 else train.without(left_out))


def plan(config: TrainConfig, data: Data) -> Architecture | None:
    """Show the network that will be trained; None, with the reason, where it cannot be."""
    try:
        network = architecture(config.model_config(data.some.image_shape))
        limits.check_settings(config, network, data.train)
        if config.objective in ("pca", "ppca"):
            check_components(config.latent_dim, data.train, math.prod(data.some.image_shape))
        if config.objective == "m2" and not is_own(config.dataset):
            labelled_rows(config, data.some)
    except (ConfigError, DataError) as error:
        show_error(error)
        return None
    show_network(network, variational=has_kl(config))
    about = "about " if is_own(config.dataset) and config.left_out >= 0 else ""
    st.caption(
        f"**{plain(dataset_label(config.dataset))}**: {about}{data.train:,} training images · "
        f"{network.weights:,} weights · {config.epochs} epochs of "
        f"{-(-data.train // config.batch_size):,} steps"
    )
    return network
