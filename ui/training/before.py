"""Which shipped model shows, before anything is trained, what such a training leads to."""

from __future__ import annotations

from contextlib import suppress

from live.models import here_name, model_path, run_token
from ui.frame.session import model_ids
from vae_core.checkpoints.reading import read_config
from vae_core.errors import CheckpointError
from vae_core.training.config import TrainConfig


def trained_before(config: TrainConfig) -> tuple[str, int]:
    """The id of a model of the same data by the same objective and beta, and its latent_dim.

    Of several the one whose latent_dim is nearest; an empty id where there is none.
    """
    found: list[tuple[int, str, int]] = []
    for model in model_ids():
        if run_token(model) or here_name(model):
            continue
        with suppress(CheckpointError):  # whoever chooses it is told what is wrong
            told = read_config(model_path(model))
            beta = (told.get("training") or {}).get("beta")
            same = (told.get("dataset"), told.get("objective"), beta)
            if same == (config.dataset, config.objective, config.beta):
                d = int(told["latent_dim"])
                found.append((abs(d - config.latent_dim), model, d))
    _, model, d = min(found, key=lambda each: each[0], default=(0, "", 0))
    return model, d
