"""The figures of a model, as they are printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vae_core.measures.shares import margin, no_margin, share_interval

if TYPE_CHECKING:
    from vae_core.measures.codes.label_curves import LabelCurves


def print_figures(metrics: dict[str, Any], as_json: bool) -> None:
    from vae_core.measures.codes.label_curves import LabelCurves  # with torch
    from vae_core.measures.likelihood.reliability import few_draws

    if as_json:
        print(json.dumps(metrics))
        return
    print(f"{metrics['images']:,} images of {metrics['dataset']} ({metrics['split']})")
    _print_rows(metrics, ("reconstruction", "kl", "elbo", "log_px"), " nats per image")
    _print_rows(metrics, ("effective_draws",), f" of {metrics['importance_samples']:,} draws")
    draws, effective = metrics.get("importance_samples", 0), metrics.get("effective_draws")
    if effective is not None and (said := few_draws(draws, effective)):
        print(f"({said})")
    if metrics.get("pareto_k") is not None and metrics.get("unreliable"):
        print(
            f"(for {metrics['unreliable']:.1%} of the images k-hat is too high: an unknown part of "
            "their log_px is missing)"
        )
    exact = ("exact_log_px", "exact_over_elbo", "exact_over_log_px")
    _print_rows(metrics, exact, f" nats per image, of {metrics['exact_images']} of them")
    if metrics.get("missed"):
        print(
            f"(for {metrics['missed']:.1%} of these the draws behind log_px met less than half of "
            "p(x), perhaps a mode never: effective draws and k-hat cannot see it)"
        )
    aggregate = metrics.get("aggregate") or {}
    _print_rows(aggregate, ("mutual_information", "aggregate_kl", "total_correlation"), " nats")
    codes, images = metrics.get("codes") or {}, metrics["images"]
    _print_shares(codes, ("knn", "linear", "pca_knn", "pca_linear"), codes.get("test_images", 0))
    _print_shares(metrics.get("few_labels") or {}, ("error",), images)
    if curves := metrics.get("label_curves"):
        _print_curves(LabelCurves.from_json(curves))
    _print_shares(metrics, ("class_error",), images)
    scores = metrics.get("disentanglement") or {}
    _print_rows(scores, ("mig", "beta_vae", "factor_vae", "sap"))
    _print_rows(scores, ("disentanglement", "completeness", "informativeness", "modularity"))
    for measure, figures in (metrics.get("measured") or {}).items():
        for name, value in figures.items():
            print(f"{measure + ' ' + name:18} {value:10.3f}")
    _print_shares(metrics, ("discriminator_accuracy",), 2 * images)  # as many are generated
    if metrics.get("grey_cross_entropy"):
        print("(grey pixels: -reconstruction is a cross-entropy, no likelihood of the data)")


def _print_curves(curves: LabelCurves) -> None:
    for (name, code), found in curves.by_line.items():
        first, last = found[0], found[-1]
        print(
            f"{name} on {code}: {first.mean:.3f} wrong by {first.labels:,} labels, "
            f"{last.mean:.3f} by {last.labels:,}"
        )


def _print_rows(figures: dict[str, Any], names: tuple[str, ...], unit: str = "") -> None:
    for name in names:
        if figures.get(name) is not None:
            error = figures.get(name + "_se")
            of = f"{margin(error, 3)}{unit}{no_margin(error)}"
            print(f"{name:18} {figures[name]:10.3f}{of}")


def _print_shares(figures: dict[str, Any], names: tuple[str, ...], images: int) -> None:
    for name in names:
        if figures.get(name) is not None:
            error = figures.get(name + "_se") if name == "error" else None
            low, high = share_interval(figures[name], images, error or 0.0)
            print(f"{name:18} {figures[name]:10.3f} ({low:.3f} to {high:.3f}, at 95%)")
