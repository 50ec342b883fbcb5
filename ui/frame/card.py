"""What is told of a model beside what it shows."""

from __future__ import annotations

from typing import Any

from live.models import OpenModel, here_name
from ui.frame.kinds import kind_of, note
from ui.numbers import bound_name, decimal, reconstruction_name
from ui.outside.page import Card
from vae_core.data.names import dataset_label


def card_of(opened: OpenModel, name: str | None = None) -> Card:
    """For a page of the model alone; name: its id where nothing else is said."""
    d, data = opened.model.latent_dim, dataset_label(opened.config.get("dataset") or "unknown data")
    about = f"{kind_of(opened)} of {data}, {d} latent dimension{'s' * (d > 1)}"
    return Card(name or opened.id, about, figures_of(opened), note(opened))


def figures_of(opened: OpenModel) -> list[tuple[str, str]]:
    """What the model is and what it reaches, each by its name."""
    figures: list[tuple[str, str]] = [
        ("data", dataset_label(opened.config.get("dataset") or "unknown")),
        ("model", kind_of(opened)),
        ("latent dimensions", f"{opened.model.latent_dim:,}"),
    ]
    if opened.model.has_likelihood and opened.model.has_encoder:
        figures.append(("likelihood", str(opened.config["likelihood"])))
    if here_name(opened.id):
        return figures  # nobody has measured it
    return figures + _metric_rows(opened.metrics or {})


def _metric_rows(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    if metrics.get("discriminator_accuracy") is not None:
        return [("real and generated told apart", f"{metrics['discriminator_accuracy']:.1%}")]
    reconstruction = metrics.get("reconstruction")
    if reconstruction is None:
        return [("figures", "none stored")]
    grey = metrics.get("grey_cross_entropy")
    rows = [(reconstruction_name(bool(grey)), f"{decimal(-reconstruction)} nats")]
    if metrics.get("kl") is not None:
        rows.append(("KL", f"{decimal(metrics['kl'])} nats"))
        rows.append((bound_name(bool(grey)), f"{decimal(-metrics['elbo'])} nats"))
        rows.append(("active units", str(metrics["active_units"])))
    if metrics.get("class_error") is not None:
        rows.append(("classes told wrongly", f"{metrics['class_error']:.1%}"))
    for measure, figures in (metrics.get("measured") or {}).items():
        rows += [(f"{measure}, {name}", f"{value:.3g}") for name, value in figures.items()]
    return rows
