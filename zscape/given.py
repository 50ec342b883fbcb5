"""What a program gives `explore`, or a file of codes holds, as a model open on the pages."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vae_core.adapters.adapted import adapted, checked_range
from vae_core.adapters.codes import CodesAlone
from vae_core.adapters.model import Adapted
from vae_core.data.given.arrays import given_dataset
from vae_core.data.given.codes import Codes, given_codes, given_columns, with_columns
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import ConfigError
from vae_core.latent.latents import Latents, encode_dataset
from vae_core.models.latent_model import LatentModel
from zscape.places import reach_app

reach_app()

from live.models import OpenModel, here_id  # noqa: E402 — the app is out of reach before

MAX_NAME = 64  # characters
ROWS_NAMED = 5  # in a sentence


def opened_here(
    model: Any = None,
    *,
    encode: Any = None,
    decode: Any = None,
    codes: Any = None,
    images: Any = None,
    labels: Any = None,
    table: Any = None,
    latent_dim: Any = None,
    value_range: tuple[float, float] | None = None,
    name: str = "model",
) -> OpenModel:
    """As `explore` takes them. ConfigError or DataError where the parts do not fit."""
    if not isinstance(name, str) or not name.strip().isprintable() or not 0 < len(name) <= MAX_NAME:
        raise ConfigError(f"name is a line of 1 to {MAX_NAME} characters.")
    alone = model is None and encode is None and decode is None
    if alone and codes is None:
        raise ConfigError("Give a model, encode= and decode=, or codes=; there is nothing to show.")
    if value_range is not None:
        value_range = checked_range(value_range)
    if codes is None:
        if not isinstance(model, Adapted):  # such a one is a copy already
            model = adapted(
                model,
                encode=encode,
                decode=decode,
                latent_dim=latent_dim,
                images=images,
                value_range=value_range,
            )
        return _of_model(name, model, images, labels, table, value_range)
    given = given_codes(codes, images, labels, table, value_range=value_range)
    _tell_left_out(given)
    if alone:
        return opened_codes(name, given)
    network = model
    if not isinstance(model, Adapted):
        shape = None if given.images is None else tuple(given.images.shape[1:])
        d = given.mu.shape[1]
        network = adapted(
            model,
            encode=encode,
            decode=decode,
            latent_dim=d,
            image_shape=shape,
            value_range=value_range,
        )
    if network.latent_dim != given.mu.shape[1]:
        raise ConfigError(
            f"latent_dim={network.latent_dim}, but codes are {tuple(given.mu.shape)}; give the "
            "codes of this model."
        )
    return _opened(name, network, given)


def opened_codes(name: str, codes: Codes) -> OpenModel:
    """Codes alone, of which each has the image that was given."""
    network = CodesAlone(codes.mu, codes.images, has_posterior=codes.logvar is not None)
    return _opened(name, network, codes)


def _of_model(
    name: str,
    network: LatentModel,
    images: Any,
    labels: Any,
    table: Any,
    value_range: tuple[float, float] | None,
) -> OpenModel:
    if images is None:
        if not network.has_decoder:
            raise ConfigError("Nothing decodes, and there is no image to be seen: give images=.")
        if labels is not None or table is not None:
            raise ConfigError("labels and table belong to images; give images= as well.")
        return _opened(name, network, None)
    dataset = given_dataset(images, labels, name, value_range=value_range)
    if not network.has_encoder:
        raise ConfigError("Nothing encodes the images; give encode=, or their codes as codes=.")
    latents = encode_dataset(network, dataset)
    _check_codes(latents)
    given = Codes(latents.mu, None, dataset.images, dataset.labels, dataset.class_names)
    if table is not None:
        given = with_columns(given, given_columns(table, len(dataset)))
    _tell_left_out(given)
    if not network.has_decoder:
        network = CodesAlone(
            latents.mu,
            dataset.images,
            has_posterior=network.is_variational,
            encoder=network,
        )
    return _opened(name, network, given, latents)


def _opened(
    name: str, network: LatentModel, codes: Codes | None, latents: Latents | None = None
) -> OpenModel:
    dataset = None
    if codes is not None:
        if codes.images is not None:
            dataset = ImageDataset(
                name,
                "test",
                codes.images,
                codes.labels,
                codes.factors,
                class_names=codes.class_names,
                factor_names=codes.factor_names,
                factor_values=codes.factor_values,
                sources=codes.sources,
            )
        latents = replace(
            latents or _latents(codes),
            labels=codes.labels,
            factors=codes.factors,
            sources=codes.sources,
        )
    config = {
        **network.config.to_json(),
        "dataset": f"{name} (given)",
        "objective": None,
        "training": {},
        "class_names": [] if codes is None else list(codes.class_names),
        "factor_names": [] if codes is None else list(codes.factor_names),
        "factor_values": [] if codes is None else list(map(list, codes.factor_values)),
    }
    return OpenModel(here_id(name), Path(), network, config, None, latents, dataset=dataset)


def _check_codes(latents: Latents) -> None:
    """ConfigError for images whose code is nowhere."""
    known = latents.mu.isfinite().all(1) & ~latents.logvar.isnan().any(1)
    if nowhere := (~known).nonzero().flatten().tolist():
        rows = ", ".join(map(str, nowhere[:ROWS_NAMED])) + ", …" * (len(nowhere) > ROWS_NAMED)
        raise ConfigError(
            f"encode gives NaN or infinity for {len(nowhere):,} of {len(known):,} images (rows "
            f"{rows}); leave these out, or see to the encoder."
        )


def _tell_left_out(codes: Codes) -> None:
    if codes.left_out:
        warnings.warn(f"Not shown of the table: {'; '.join(codes.left_out)}.", stacklevel=4)


def _latents(codes: Codes) -> Latents:
    """Codes as they came: nothing is known of how well they are decoded."""
    n, mu = len(codes.mu), codes.mu
    logvar = torch.full_like(mu, -torch.inf) if codes.logvar is None else codes.logvar
    return Latents(mu, logvar, torch.arange(n), torch.full((n,), torch.nan))
