"""What the curves of a training show: panels made of its reports."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from ui.components.curves import Line, Panel
from ui.components.latent_plane.points import dimension_name
from ui.numbers import bound_name, reconstruction_name
from ui.palette import CLASS_COLOURS, GREY, is_dark
from vae_core.models.likelihoods import is_density_of_grey
from vae_core.objectives.registry import find_objective

if TYPE_CHECKING:
    from vae_core.training.config import TrainConfig

Events = Sequence[dict[str, Any]]  # as in a run's events.jsonl

# (light, dark): the split has its colour and its dash, so neither alone has to tell them apart.
SPLIT_STYLE = {
    "train": (("#0072B2", "#56B4E9"), True),
    "test": (("#D55E00", "#F0924C"), False),
}
COLLAPSED = 0.005  # nats: ½ · 0.01, the KL of a unit whose mean varies as little as Burda's limit
MOST_POINTS = 160  # of a line: more than its pixels would tell apart
_TERMS = {"reconstruction": -1, "kl": 1, "loss": 1}  # and with which sign they are shown
_PARTS = {
    "beta": "β, the weight of the KL",
    "capacity": "C, the capacity in nats",
    "draws": "K, the draws for each image",
    "excess": "|KL − C|",
    "counted_kl": "KL above the free nats",
    "mmd": "MMD of codes and prior",
    "jacobian": "Squared slope of the encoder",
    "off_diagonal": "Covariance, off the diagonal",
    "diagonal": "Covariance, on the diagonal",
    "dimension_kl": "KL of single dimensions",
    "discriminator": "Loss of the discriminator",
    "penalty": "Its squared slope, halved",
    "told_apart": "Real and generated told apart, share",
    "class_kl": "KL of the class",
    "cross_entropy": "Cross-entropy of the few labels",
    "error": "Classes told wrongly, share",
}


def training_panels(events: Events, config: TrainConfig) -> list[Panel]:
    """-reconstruction, KL and what is minimised on train and test images, in nats, by epoch.

    Then what else is in the loss, or how its weight rises, one panel each. events: the end of each
    epoch and the last report; may be empty. A plain autoencoder has the first alone, a GAN but the
    last.
    """
    grey = is_grey(config)
    titles = {}
    if has_encoder(config):
        titles["reconstruction"] = _capital(reconstruction_name(grey))
    if has_kl(config):
        titles["kl"] = "KL"
    if config.objective not in ("autoencoder", "pca"):
        titles["loss"] = loss_title(config, grey)
    for part in _parts(events):
        titles[part] = _PARTS.get(part, part.replace("_", " ").capitalize())
    return [
        Panel(
            title,
            [
                _line(split, events, config.epochs, split, term, colours[is_dark()], dashed)
                for split, (colours, dashed) in SPLIT_STYLE.items()
            ],
        )
        for term, title in titles.items()
    ]


def is_grey(config: TrainConfig) -> bool:
    """Whether its reconstruction is a cross-entropy: no likelihood of grey pixels."""
    return not is_density_of_grey(config.likelihood) and config.binarisation == "none"


def has_encoder(config: TrainConfig) -> bool:
    """Whether its model encodes images, so that there are reconstructions to show."""
    return find_objective(config.objective).kind != "gan"


def has_kl(config: TrainConfig) -> bool:
    """Whether its model has a posterior, so that there is a KL to show."""
    return find_objective(config.objective).kind in ("vae", "ppca", "m2")


def loss_title(config: TrainConfig, grey: bool) -> str:
    """What the objective minimises, in a few signs."""
    own, weighted = config.objective_settings, f"{reconstruction_name(grey)} + β KL"
    if config.objective in ("iwae", "iwae-dreg"):
        return f"Loss: −IWAE bound, K {'up to' if own['rise'] else '='} {config.samples}"
    if config.objective == "gan":
        return "Loss of the generator: −log D(G(z))"
    if config.objective == "elbo":
        if config.beta == 1:
            return f"Loss: {bound_name(grey)}"
        return f"Loss: {weighted}, β = {config.beta:g}"
    if config.objective == "warm-up":
        return f"Loss: {weighted}, β up to {config.beta:g}"
    if config.objective == "capacity":
        return f"Loss, C up to {own['capacity']:g}"
    if config.objective == "beta-tcvae":
        return f"Loss, β {'down from' if own['fall'] else '='} {own['beta']:g}"
    if config.objective == "factor-vae":
        return f"Loss, γ = {own['gamma']:g}"
    return f"Loss of {config.objective}"


def _parts(events: Events) -> list[str]:
    last = [means for means in (events[-1]["train"], events[-1]["test"]) if means] if events else []
    return list(dict.fromkeys(part for means in last for part in means.get("parts", {})))


def kl_panel(events: Events, *, epochs: int) -> Panel:
    """The KL of each latent dimension on test images, the largest at the end first."""
    ends = _thinned([event for event in events if event["epoch_ended"] and event["test"]])
    x = [fractional_epoch(event, epochs) for event in ends]
    rows = [event["test"]["kl_per_dim"] for event in ends]
    last = rows[-1] if rows else []
    order = sorted(range(len(last)), key=lambda j: -last[j])
    active = sum(kl >= COLLAPSED for kl in last)
    lines = []
    for rank, j in enumerate(order):
        collapsed = rank >= active
        # Hues from blue to orange, at one lightness that both themes bear.
        hue = 250 - 210 * rank / max(active - 1, 1)
        lines.append(
            Line(
                dimension_name(j),
                x,
                [round(row[j], 4) for row in rows],
                GREY if collapsed else f"oklch(0.64 0.15 {hue:.0f})",
                dashed=collapsed,
                faint=collapsed or len(last) > 24,
                label=dimension_name(j),
            )
        )
    note = f"{active} active, {len(last) - active} collapsed" if rows else ""
    return Panel("KL by dimension, test images", lines, note)


def compared_panels(runs: Sequence[tuple[str, Events, int]], grey: Collection[bool]) -> list[Panel]:
    """The three figures of several runs over one another: of each its name, events and epochs.

    The only one needs no name. grey: what `is_grey` says of them, several things where they differ.
    """
    names = " or ".join(map(reconstruction_name, sorted(grey, reverse=True)))
    titles = dict(zip(_TERMS, (_capital(names), "KL", "Loss"), strict=True))
    return [
        Panel(
            title,
            [
                _line(
                    f"{name} {split}" if len(runs) > 1 else split,
                    *(events, epochs, split, term, run_colour(k), dashed),
                )
                for k, (name, events, epochs) in enumerate(runs)
                for split, (_, dashed) in SPLIT_STYLE.items()
            ],
        )
        for term, title in titles.items()
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def run_colour(k: int) -> str:
    """The colour of the k-th run among those compared."""
    return CLASS_COLOURS[k % len(CLASS_COLOURS)]


def _line(
    name: str, events: Events, epochs: int, split: str, term: str, colour: str, dashed: bool
) -> Line:
    reports = _thinned(
        [e for e in events if e[split] is not None and (e["epoch_ended"] or split == "train")]
    )
    # A GAN has no reconstruction; a run that an older version began, no parts at first.
    reports = [e for e in reports if _figure(e[split], term) is not None]
    values = [value for e in reports if (value := _figure(e[split], term)) is not None]
    return Line(
        name,
        [round(fractional_epoch(event, epochs), 3) for event in reports],
        [round(_TERMS.get(term, 1) * value, 4) for value in values],
        colour,
        dashed,
    )


def _figure(means: dict[str, Any], term: str) -> float | None:
    """A term of the objective, or one of its parts; None where it is not among them."""
    value: float | None = means.get(term, means.get("parts", {}).get(term))
    return value


def _thinned(events: Events) -> Events:
    """About MOST_POINTS of them at most, evenly, the last included."""
    step = max(1, -(-len(events) // MOST_POINTS))
    return [*events[:-1:step], *events[-1:]]


def fractional_epoch(event: dict[str, Any], epochs: int) -> float:
    """Where in the training a report stands, in epochs."""
    return float(epochs * event["step"] / event["total_steps"])
