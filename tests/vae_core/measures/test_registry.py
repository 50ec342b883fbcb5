"""Measures that others bring: asked for, kept, shown on the card, checked when read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.datasets import load_dataset
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import CheckpointError, ConfigError, DataError
from vae_core.latent.latents import Latents
from vae_core.measures import registry
from vae_core.measures.evaluation import evaluate
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel


@pytest.fixture
def spread(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A measure that is registered for one test."""
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    @registry.register_measure("spread", "How far the means lie from 0, on average.")
    def _(model: LatentModel, dataset: ImageDataset, latents: Latents) -> dict[str, float]:
        return {"distance": float(latents.mu.norm(dim=1).mean())}

    yield "spread"


@pytest.fixture(scope="module")
def model() -> LatentModel:
    return build_model(ModelConfig((1, 8, 8), hidden=(8,))).eval()


def test_one_that_is_asked_for_is_among_the_figures(spread: str, model: LatentModel) -> None:
    metrics = evaluate(model, load_dataset("digits", "test"), measures=[spread])
    assert metrics.measured is not None and metrics.measured.keys() == {"spread"}
    assert metrics.measured["spread"]["distance"] > 0
    assert evaluate(model, load_dataset("digits", "test")).measured is None


def test_it_is_kept_and_told_on_the_card(spread: str, model: LatentModel, tmp_path: Path) -> None:
    metrics = evaluate(model, load_dataset("digits", "test"), measures=[spread])
    save_checkpoint(tmp_path / "it", model, config={"objective": "elbo"}, metrics=metrics)
    assert (read_metrics(tmp_path / "it") or {})["measured"] == metrics.measured
    assert "| spread, distance |" in (tmp_path / "it" / "README.md").read_text()


def test_the_share_of_holes_is_about_a_twentieth_where_codes_are_normal(model: LatentModel) -> None:
    z = torch.randn(4_000, 2, generator=torch.Generator().manual_seed(3))
    still = torch.full_like(z, -30.0)  # of no width, so that q(z) is N(0, I) itself
    codes = Latents(z, still, torch.arange(4_000), torch.zeros(4_000))
    figures = registry.measured("prior-holes", model, load_dataset("digits", "test"), codes)
    assert abs(figures["share"] - 0.05) < 4 * figures["standard error"]


def test_an_unknown_one_is_refused_with_those_there_are(model: LatentModel) -> None:
    with pytest.raises(ConfigError, match="prior-holes"):
        evaluate(model, load_dataset("digits", "test"), measures=["nonesuch"])


def test_a_figure_that_is_no_number_is_refused(
    spread: str, model: LatentModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = registry.Measure("", lambda *_: {"share": float("nan")})
    monkeypatch.setitem(registry._REGISTRY, "broken", broken)
    with pytest.raises(DataError, match="broken gives share=nan"):
        evaluate(model, load_dataset("digits", "test"), measures=["broken"])


@pytest.mark.parametrize(
    "foreign",
    [
        [],
        {"a": 1.0},
        {"a": {"b": "1"}},
        {"a": {"b": True}},
        {"<b>": {"b": 1.0}},
        {"a": {"x" * 41: 1.0}},
        {str(k): {} for k in range(65)},
        {"a": {str(k): 1.0 for k in range(65)}},
    ],
)
def test_foreign_figures_are_refused(foreign: Any, model: LatentModel, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "it", model, config={"objective": "elbo"}, metrics={"elbo": -1.0})
    file = tmp_path / "it" / "metrics.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"measured": foreign or "none"}))
    with pytest.raises(CheckpointError, match="measured"):
        read_metrics(tmp_path / "it")
