"""The model card of a checkpoint, made from its config and metrics: Markdown with a YAML head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from vae_core.data.names import is_own
from vae_core.files.markdown import plain
from vae_core.measures.shares import margin, share_in_words
from vae_core.models.likelihoods import effective_beta

_ROWS = (
    ("reconstruction", "E_q[log p(x given z)]"),
    ("kl", "KL(q(z given x), p(z))"),
    ("elbo", "ELBO"),
    ("log_px", "log p(x), importance-sampled"),
    ("exact_log_px", "log p(x), by quadrature"),
    ("exact_over_elbo", "of the same, above their ELBO"),
    ("exact_over_log_px", "of the same, above their sampled log p(x)"),
)
# What the Hub's model-index is told, in nats per image but for the last two.
_RESULTS = {
    "elbo": "ELBO",
    "reconstruction": "E_q[log p(x given z)]",
    "kl": "KL(q(z given x), p(z))",
    "log_px": "log p(x), importance-sampled",
    "active_units": "active units",
    "discriminator_accuracy": "accuracy of the discriminator",
}
_ON_THE_HUB = {"mnist": "ylecun/mnist", "fashion-mnist": "zalando-datasets/fashion_mnist"}
_KINDS = {
    "vae": "A variational autoencoder",
    "autoencoder": "An autoencoder",
    "pca": "Principal component analysis",
    "ppca": "Probabilistic PCA",
    "gan": "A generative adversarial network, a generator without an encoder,",
    "m2": "A semi-supervised variational autoencoder (M2)",
    "onnx": "An ONNX model from elsewhere",
}
_AGGREGATE = (
    ("mutual_information", "information of z about the image"),
    ("aggregate_kl", "KL(q(z), p(z)) of the aggregate posterior"),
    ("total_correlation", "of it, total correlation"),
)
_CODES = (("knn", "nearest neighbours"), ("linear", "linear"))
_SCORES = (
    ("mig", "MIG"),
    ("beta_vae", "BetaVAE score"),
    ("factor_vae", "FactorVAE score"),
    ("sap", "SAP"),
    ("disentanglement", "DCI disentanglement"),
    ("completeness", "DCI completeness"),
    ("informativeness", "DCI informativeness"),
    ("modularity", "modularity"),
)


def left_out_class(config: Mapping[str, Any]) -> str | None:
    """The class that the model of this config.json was never shown, if it was trained without."""
    label = (config.get("training") or {}).get("left_out", -1)
    names = config.get("class_names") or []
    told = isinstance(label, int) and 0 <= label < len(names)
    return str(names[label]) if told else None


def model_card(
    name: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any] | None,
    *,
    repository: str = "",
) -> str:
    """README.md of a checkpoint folder; every figure comes from `metrics`.

    repository: OWNER/NAME of the Hub where it is to be fetched from.
    """
    c, h, w = config["image_shape"]
    lines = [*_head(name, config, metrics or {}), f"# {plain(name)}", "", _sentence(config), ""]
    if plugins := config.get("plugins"):
        needs = ", ".join(sorted({plain(str(each)) for each in plugins.values()}))
        lines += [f"It is opened with {needs}: `zscape --plugin FILE.py`, or installed.", ""]
    if metrics:
        lines += [*_figures(config, metrics), "", *_further(metrics)]
    if config.get("training"):
        settings = json.dumps(config["training"], indent=2)
        lines += ["Training settings:", "", "```json", settings, "```", ""]
    if repository:
        lines += ["```", f"zscape {repository}", f"zscape pull {repository}", "```", ""]
    lines += [
        "```python",
        "import torch",
        "from vae_core import load_checkpoint",
        "",
        f"model = load_checkpoint({json.dumps(f'checkpoints/{name}', ensure_ascii=False)})",
        f"image = model.decode(torch.zeros(1, {config['latent_dim']}))  # (1, {c}, {h}, {w})",
        "```",
        "",
    ]
    return "\n".join(lines)


def _head(name: str, config: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """The YAML before the card, of what the Hub knows; each value is JSON, which is YAML.

    https://huggingface.co/docs/hub/model-cards: figures stand in its model-index.
    """
    data = config.get("dataset")
    named = data if data and not is_own(data) else None
    figures = [key for key in _RESULTS if metrics.get(key) is not None]
    head: dict[str, Any] = {
        "library_name": "zscape",
        "pipeline_tag": "unconditional-image-generation",
        "tags": list(dict.fromkeys(["latent-space", config["kind"]])),
        "datasets": [_ON_THE_HUB.get(named, named)] if named else [],
        "metrics": figures,
    }
    if figures and {"dataset", "split"} <= metrics.keys():
        found = [{"type": key, "value": metrics[key], "name": _RESULTS[key]} for key in figures]
        of = metrics["dataset"]
        dataset = {"type": _ON_THE_HUB.get(of, of), "name": of, "split": metrics["split"]}
        task = {"type": head["pipeline_tag"], "name": "Latent variable model"}
        results = [{"task": task, "dataset": dataset, "metrics": found}]
        head["model-index"] = [{"name": name, "results": results}]
    return ["---", *(f"{key}: {json.dumps(value)}" for key, value in head.items()), "---", ""]


def _sentence(config: Mapping[str, Any]) -> str:
    """What the model is, in a sentence."""
    c, h, w = config["image_shape"]
    parts = [f"`{config['network']}` network {tuple(config['hidden'])}", config["activation"]]
    if config["kind"] in ("pca", "ppca"):
        parts = ["linear"]
    if config["kind"] == "onnx":
        encodes = bool((config.get("onnx") or {}).get("mu"))
        parts = ["an encoder and a decoder" if encodes else "a decoder without an encoder"]
    training = config.get("training") or {}
    if config["kind"] != "gan":
        parts.append(_likelihood(config, training))
    if (objective := training.get("objective", "elbo")) not in ("elbo", config["kind"]):
        parts.append(f"learned by {plain(str(objective))}")
    if (beta := training.get("beta", 1.0)) != 1:
        parts.append(f"its KL weighed by beta = {beta:g}")
    if (unseen := left_out_class(config)) is not None:
        parts.append(f"trained without class {plain(unseen)}")
    return (
        f"{_KINDS[config['kind']]} with {config['latent_dim']} latent dimensions for {h} x {w} "
        f"images of {c} channel{'s' if c > 1 else ''}: {', '.join(parts)}."
    )


def _figures(config: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[str]:
    """The ELBO and its kin as a table, or how well a discriminator judges; what to know of them."""
    source = ""
    if {"images", "dataset", "split"} <= metrics.keys():
        source = (
            f" over the {metrics['images']} images of {plain(metrics['dataset'])} "
            f"({plain(metrics['split'])})"
        )
    drawn = metrics.get("binarisation", "none")
    pixels = "" if drawn == "none" else f", binarised ({drawn})"
    rows, lines = [], []
    for key, title in _ROWS:
        if metrics.get(key) is not None:
            k = f" (K = {metrics.get('importance_samples')})" if key == "log_px" else ""
            k = f" ({metrics.get('exact_images')} images)" if key.startswith("exact_") else k
            rows.append(f"| {title}{k} | {_figure(metrics, key, 2)} |")
    if rows:
        lines += [f"Means per image{source}{pixels}, in nats, with standard errors:", ""]
        lines += ["| figure | nats |", "|---|---|", *rows]
    if metrics.get("effective_draws") is not None:
        lines += ["", _worth_of_draws(metrics)]
    if metrics.get("discriminator_accuracy") is not None:
        images = 2 * metrics["images"]  # as many are generated
        judged = share_in_words(metrics["discriminator_accuracy"], images)
        lines += [
            f"Judging real from generated{source}{pixels} and as many generated ones, its "
            f"discriminator is right in {judged} of "
            "them, where a guess is 0.5. Without an encoder it has no reconstruction and no "
            "ELBO."
        ]
    if metrics.get("active_units") is not None:
        lines += ["", f"Active units: {metrics['active_units']} of {config['latent_dim']}."]
    if metrics.get("grey_cross_entropy"):
        lines += [
            "",
            "The pixels are grey and the likelihood is Bernoulli: the reconstruction term is a "
            "negative cross-entropy, and none of these figures is a likelihood of the data.",
        ]
    return lines


def _worth_of_draws(metrics: Mapping[str, Any]) -> str:
    """What the weights behind the sampled log p(x) are worth."""
    text = (
        f"Of the draws behind the sampled log p(x), {_figure(metrics, 'effective_draws', 0)} count "
        "(mean over images)"
    )
    if metrics.get("unreliable") is None or metrics.get("pareto_k") is None:
        return f"{text}."
    return (
        f"{text}. For a share of {_figure(metrics, 'unreliable', 3)} of the images the Pareto "
        "k-hat of their weights is too high: an unknown part of log p(x) is missing."
    )


def _likelihood(config: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    if config["likelihood"] != "gaussian" or config["kind"] != "vae":
        return f"{config['likelihood']} likelihood"
    sigma, beta = config["sigma"], training.get("beta", 1.0)
    return (
        f"gaussian likelihood of sigma = {sigma:g} (a weight of the KL of "
        f"{effective_beta(sigma, beta):.3g} beside the plain sum of squares)"
    )


def _further(metrics: Mapping[str, Any]) -> list[str]:
    """Tables of what was asked for beside the ELBO."""
    lines: list[str] = []
    if aggregate := metrics.get("aggregate"):
        lines += ["What the KL is made of, in nats:", "", "| figure | nats |", "|---|---|"]
        lines += [f"| {title} | {_figure(aggregate, key, 2)} |" for key, title in _AGGREGATE]
        lines.append("")
    if codes := metrics.get("codes"):
        told = partial(share_in_words, n=codes["test_images"])
        lines += [
            f"Classes read off mu, share of {codes['test_images']} images "
            f"(chance {codes['chance']:.3f}), with its interval at 95%:",
            "",
            f"| classifier | mu | PCA, {codes['dimensions']} components |",
            "|---|---|---|",
        ]
        lines += [
            f"| {title} | {told(codes[key])} | {told(codes[f'pca_{key}'])} |"
            for key, title in _CODES
        ]
        lines.append("")
    if few := metrics.get("few_labels"):
        wrong = share_in_words(few["error"], metrics["images"], error=few["error_se"])
        lines += [
            f"With {few['labels']} labels spread over the training images' codes, "
            f"{few['draws']} draws of them: {wrong} of the images told wrongly.",
            "",
        ]
    if metrics.get("class_error") is not None:
        lines += [
            f"Classes told wrongly: {share_in_words(metrics['class_error'], metrics['images'])}.",
            "",
        ]
    if measured := metrics.get("measured"):
        lines += ["| measure | |", "|---|---|"]
        lines += [
            f"| {plain(measure)}, {plain(name)} | {value:.3f} |"
            for measure, figures in measured.items()
            for name, value in figures.items()
        ]
        lines.append("")
    if scores := metrics.get("disentanglement"):
        points = f"{scores['train_points']:,} points drawn from {scores['images']:,} images"
        lines += [f"Disentanglement, by {points}:", "", "| score | |", "|---|---|"]
        lines += [
            f"| {title} | {_figure(scores, key, 3)} |"
            for key, title in _SCORES
            if scores.get(key) is not None
        ]
        lines.append("")
    return lines


def _figure(figures: Mapping[str, Any], key: str, digits: int) -> str:
    """A figure and, where it is known, its standard error."""
    return f"{figures[key]:.{digits}f}{margin(figures.get(f'{key}_se'), digits)}"
