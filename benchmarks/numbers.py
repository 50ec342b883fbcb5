"""The figures of the pretrained models beside published ones: writes docs/numbers.md.

    python -m benchmarks.numbers [--checkpoints DIR] [--output FILE]

Every figure is read from the metrics.json that `python -m vae_core evaluate` wrote into a
checkpoint, or from the JSON that a program of this folder wrote beside FILE. What has not been
measured is said to be so.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vae_core.checkpoints.reading import CheckpointInfo, list_checkpoints
from vae_core.files.atomic import write_bytes
from vae_core.training.presets import PRESETS

Figures = Mapping[str, Any]

MISSING = "not measured"
TABLES = ("seeds", "sharpness", "processors")  # programs of this folder with a table and no claim


@dataclass(frozen=True)
class Claim:
    """A published figure and where ours stands: `path` leads to it in metrics.json.

    requires: what the metrics must say besides, such as a binarisation; sign: -1 prints the
    negative. benchmark: the program that measures it in place of a checkpoint's evaluation, whose
    JSON `path` leads into: to one figure, or to one for each seed of the training that `study`
    names; by: the option of that program which chooses the study.
    """

    what: str
    published: str
    wanted: str
    checkpoint: str
    path: tuple[str, ...]
    requires: tuple[tuple[str, Any], ...] = ()
    sign: int = 1
    benchmark: str = ""
    study: str = ""
    by: str = "--preset"


DYNAMIC = ("binarisation", "dynamic")
CLAIMS = (
    Claim(
        "MNIST, dynamically binarised, one stochastic layer, d = 50, VAE of SiLU where theirs is "
        "tanh: -log p(x) by 5,000 draws",
        "86.76 (Burda et al. 2016), 86.35 (best reproduction)",
        "86.0 or less",
        "mnist-50d",
        ("log_px",),
        (DYNAMIC, ("importance_samples", 5_000)),
        -1,
    ),
    Claim(
        "the same of tanh, by the same recipe in 300 epochs",
        "86.76 (Burda et al. 2016)",
        "measured",
        "",
        ("scores", "log_px"),
        sign=-1,
        benchmark="seeds",
        study="mnist-50d --activation tanh --epochs 300",
        by="--seeds 1 --importance-samples 5000 --preset",
    ),
    Claim(
        "the same by IWAE, K rising from 1 to 50, 150 epochs",
        "84.78 (Burda et al. 2016); 84.59; 84.32 (doubly reparameterised)",
        "85.0 or less",
        "mnist-50d-iwae",
        ("log_px",),
        (DYNAMIC, ("importance_samples", 5_000)),
        -1,
    ),
    Claim(
        "MNIST, dynamically binarised, d = 2: ELBO",
        "-137.08 (Davidson et al. 2018)",
        "-131.5 or more",
        "mnist-2d-binarised",
        ("elbo",),
        (DYNAMIC,),
    ),
    Claim(
        "the same: log p(x) by 64 draws",
        "-132.50 (S-VAE, Davidson et al. 2018)",
        "-129.5 or more",
        "mnist-2d-binarised",
        ("log_px",),
        (DYNAMIC, ("importance_samples", 64)),
    ),
    Claim(
        "dSprites, beta-TCVAE: MIG",
        "0.1 to 0.5 by implementation",
        "0.25 or more over 5 seeds",
        "",
        ("scores", "mig"),
        benchmark="disentanglement",
        study="dsprites-10d",
    ),
    Claim(
        "Sprites, drawn here, beta-TCVAE: MIG",
        "0.3 to 0.6 on dSprites by the best objectives",
        "0.45 or more over 5 seeds",
        "",
        ("scores", "mig"),
        benchmark="disentanglement",
        study="sprites-factors",
    ),
    Claim(
        "MNIST, 100 labels, M1 by label spreading: share told wrongly, over ten draws of labels",
        "0.1182 (M1 + TSVM, Kingma et al. 2014)",
        "0.09 or less",
        "mnist-16d",
        ("few_labels", "error"),
    ),
    Claim(
        "the same, M2",
        "0.1197 (Kingma et al. 2014)",
        "0.08 or less",
        "mnist-m2",
        ("class_error",),
    ),
    Claim(
        "the same, M2 on the codes of mnist-16d (M1 + M2), over draws of labels with the deviation "
        "between them",
        "0.0333 (Kingma et al. 2014)",
        "0.05 or less",
        "",
        ("scores", "error"),
        benchmark="stacked",
    ),
    Claim(
        "MNIST, one digit left out as the anomaly, d = 2: mean AUROC",
        "0.855",
        "0.90 or more",
        "",
        ("best", "auroc"),
        benchmark="anomaly",
        study="2",
        by="--latent-dim",
    ),
    Claim(
        "the same, d = 16, after 8 epochs in the place of 24",
        "",
        "measured",
        "",
        ("best", "auroc"),
        benchmark="anomaly",
        study="16",
        by="--epochs 8 --latent-dim",
    ),
)


TRIED = (
    "- d = 2: on the first 10,000 training images mnist-2d has 129.2 nats of cross-entropy + KL "
    "where test images have 132.8, mnist-2d-binarised an ELBO of -129.7 beside -132.4. Three nats "
    "are lost between images learned from and new ones: more of the same training will not give "
    "them. The exact log p(x) of the test images lies 3.9 nats above their ELBO, so that better "
    "posteriors alone would do.",
    "- log p(x) of mnist-2d-binarised falls short of -129.5 by 64 draws alone, which miss where an "
    "image is likeliest. The exact value, by quadrature, over all 10,000 test images is -128.58 "
    "with a standard error of 0.42, 3.90 (0.14) above their ELBO: half an hour of a core by "
    "`python -m vae_core evaluate checkpoints/mnist-2d-binarised --exact 10000`. A sum over a grid "
    "of cells 0.02 wide, another program, differs by 0.0001 in the mean of 1,500 images.",
    "- Where these posteriors fail, in mnist-2d-binarised: the best Gaussian of each image has an "
    "ELBO 3.6 nats above the encoder's on 200 test images, 1.8 on 200 training images. Half of the "
    "test images lose less than 0.4; a tenth of them has four fifths of the loss. 14 % of the test "
    "images, 8 % of those learned from, have their code more than five standard deviations from "
    "the likeliest place.",
    "- The encoder alone learned on, its decoder held, 300 steps of 256 images: the ELBO of the "
    "first 1,000 test images went from -133.34 to -133.17 by the training images, to -133.72 by "
    "the same turned, scaled, sheared and moved a little, to -133.96 by images drawn from the "
    "model, to -133.67 by halves of the last two (Cremer et al. 2018; Shu et al. 2018). 1,200 "
    "steps at twice the rate, with products in bfloat16, came to -133.17 too, by the training "
    "images as by halves of these and of images moved half as much: 0.2 of the nat that is wanted. "
    "Weight decay and another decoder were tried for 15 epochs alone: see next.",
    "- d = 2, grey, for twice as long: 80 epochs in place of 40, the KL rising over the first 30 % "
    "of the steps. At the preset's rate the loss burst after 7,466 of 18,800 steps; at half of it "
    "cross-entropy + KL came to 132.46 (132.76) on test images, and was 127.8 over the last epoch "
    "on those learned from. The model is not shipped for 0.3 nats. Single trials of 15 epochs on "
    "55,000 images, by the same rate and rise, on 5,000 held out, beside 139.9 of the same "
    "networks: dropout of 0.2 in the encoder 139.9, a decoder whose layers all see z (Dieng et al. "
    "2019) 139.6, weight decay of 0.1 (AdamW) 139.9, 30 % of the encoder's pixels taken away "
    "142.5, an encoder of two convolutions (32 and 64 channels, 1.7 times the work) 142.0.",
    "- log p(x) of 10,000 images by 5,000 draws in 5 minutes of a core: mnist-50d took 6.3 beside "
    "other work, of which three fifths are the decoder's matrix products. The likelihood in parts "
    "that a cache holds took 6.5, 500 draws decoded at once 7.0, 1,250 of them 6.2. bfloat16 "
    "halves the products, but keeps eight bits of a logit: not taken. The steps each at its best, "
    "as an idle core would have them, add up to 4.7 minutes, of which the products are 3.6; "
    "oneDNN and OpenBLAS gain a tenth on them at most, and little else is left in single "
    "precision. The whole has not been timed on an idle core.",
    "- One digit left out, d = 2: after 8 epochs, on 2,500 training images, over the digits 0 to "
    "7, the relative error has a mean AUROC of 0.895; of images smoothed by 0.7 pixels 0.911, by 1 "
    "0.912, by 1.5 0.900, by 2 0.874. Less than 0.896 have SSIM, the correlation of pixels, the "
    "sum of absolute errors, the distance of the error from those of normal images (Mahalanobis'), "
    "and the error less that of the nearest codes. On 5,000 of them the square of the smoothed "
    "difference has 0.913, its third power 0.917, its fourth 0.916: the third is the app's score. "
    "Of the nearest image of the whole plane in place of the one at mu it has 0.916. What helps "
    "most is a longer training: after 24 epochs the three have 0.931, 0.935 and 0.934 there, and "
    "on test images, over all ten digits, 0.899, 0.906 and 0.907, where 8 epochs give 0.878, 0.886 "
    "and 0.888. The digit 9, which passes for 4 and 7, holds the mean down: 0.706 after 8 epochs, "
    "0.836 after 24.",
    "- M2 alone told 100 labels: single trials by one draw of labels, on 10,000 training images "
    "held out, in batches of 50. After 1,200 steps d = 50 and alpha = 100 tell 19.0 % wrongly; "
    "alpha = 300 and a KL that rises over half the steps 20.6 %; noise of 0.5 and dropout of 0.4 "
    "on what the classifier sees 18.1 %; noise of 0.4, and the classifier learning from unlabelled "
    "images only as a weight rises over half the steps, 20.5 %. With d = 10 and pixels binarised "
    "anew: alpha = 1 41.9 %, alpha = 10 32.3 %, alpha = 100 23.7 % after 2,000 of 3,000 steps. "
    "Noise and dropout do not last: after 3,000 steps 18.7 % with them and 16.9 % without. Half "
    "the weight on the classes' KL changed nothing, 18.8 %; two layers of 500 in place of one told "
    "17.4 % wrongly, for twice the work: the one way left open here, not taken to its end. The "
    "preset has 12.5 % after 12,000 steps of 200.",
    "- dSprites: of the shipped weights, seed 0, the gap is 0.03 for shape, 0.30 for scale, 0.01 "
    "for orientation, 0.10 for x and 0.21 for y. No unit tells more than 0.08 of orientation's "
    "3.68 nats, nor more than 0.10 of shape's 1.10: three factors alone would have to reach 0.42 "
    "each for a mean of 0.25. In short trials, one seed and 4,000 test images each, beta = 4 in "
    "place of 6 and batches of 64 gave a MIG of 0.089 after 2,160 steps, batches of 32 at twice "
    "the learning rate 0.097 after 2,880, where the preset's 3,610 of 128 give 0.128; orientation "
    "stays at 0. `broadcast`, of as many channels as for sprites, gave 0.038 after 1,440 steps "
    "at 118 nats of reconstruction, where `conv` stood at 0.087 and 112. A smaller weight is thus "
    "not enough, nor is the network in so few steps; whether ten times the steps, or more than the "
    "subset, would do was not tried.",
)


@dataclass(frozen=True)
class Table:
    """Checkpoints whose figures compare with one another, and the columns that they have."""

    title: str
    text: str
    columns: Mapping[str, tuple[str, ...]]  # head: where the figure is in metrics.json
    digits: int = 2


NATS = {
    "reconstruction": ("reconstruction",),
    "KL": ("kl",),
    "ELBO": ("elbo",),
    "log p(x), sampled": ("log_px",),
    "exact log p(x) above the ELBO": ("exact_over_elbo",),
    "above the sampled": ("exact_over_log_px",),
}
BINARY = Table(
    "Binarised images",
    "Pixels are 0 or 1 and the likelihood is Bernoulli: log likelihoods of the data, in nats. The "
    "exact log p(x), by quadrature, is compared with both bounds on the very same images.",
    NATS,
)
DENSITIES = Table(
    "Densities of grey pixels",
    "The likelihood is a density, or the odds of 256 levels, of grey pixels, in nats; figures of "
    "different likelihoods do not compare.",
    NATS,
)
GREY = Table(
    "Grey pixels under a Bernoulli likelihood",
    "A cross-entropy: no likelihood of the data, and not to be set beside one.",
    {"cross-entropy": ("reconstruction",), "KL": ("kl",), "cross-entropy + KL": ("elbo",)},
)
DISENTANGLEMENT = {
    "mig": "MIG",
    "beta_vae": "BetaVAE score",
    "factor_vae": "FactorVAE score",
    "sap": "SAP",
    "disentanglement": "DCI disentanglement",
    "completeness": "completeness",
    "informativeness": "informativeness",
    "modularity": "modularity",
}
OTHERS = (
    Table(
        "What the KL is made of",
        "The aggregate posterior q(z) of the test images, in nats; of N images the mutual "
        "information is log N at most, 9.21 of 10,000.",
        {
            "mutual information": ("aggregate", "mutual_information"),
            "KL(q(z), p(z))": ("aggregate", "aggregate_kl"),
            "total correlation": ("aggregate", "total_correlation"),
        },
    ),
    Table(
        "Classes read off the codes",
        "Shares of test images, from mu and from as many principal components.",
        {
            "nearest neighbours": ("codes", "knn"),
            "of PCA": ("codes", "pca_knn"),
            "linear": ("codes", "linear"),
            "of PCA ": ("codes", "pca_linear"),
        },
        3,
    ),
    Table(
        "Disentanglement",
        "By the protocol of disentanglement_lib; see `vae_core.measures.codes.disentanglement`.",
        {title: ("disentanglement", name) for name, title in DISENTANGLEMENT.items()},
        3,
    ),
    Table(
        "Independence of the dimensions",
        "From the codes alone, in nats: `python -m vae_core evaluate NAME --measure independence`; "
        "see `vae_core.measures.codes.unsupervised`.",
        {
            "total correlation of a Gaussian": ("measured", "independence", "total correlation"),
            "mutual information of two": ("measured", "independence", "mutual information"),
        },
        3,
    ),
)


def numbers(checkpoints: Sequence[CheckpointInfo], benchmarks: Mapping[str, Figures]) -> str:
    """docs/numbers.md; benchmarks: what programs of this folder wrote, by their names."""
    measured = [c for c in checkpoints if c.metrics]
    lines = [
        "# Numbers",
        "",
        "Written by `python -m benchmarks.numbers` from the metrics.json of each checkpoint, which",
        "`python -m vae_core evaluate` wrote. Means over test images with standard errors, or over",
        "seeds with the standard deviation between them.",
        "",
        "## Beside published figures",
        "",
        "| what | published | to reach | here | seeds | trained on | command |",
        "|---|---|---|---|---|---|---|",
        *(
            _benchmark_row(claim, benchmarks.get(claim.benchmark))
            if claim.benchmark
            else _claim_row(claim, measured)
            for claim in CLAIMS
        ),
        "",
        "`make checkpoints/NAME` runs the training with seed 0 and then the evaluation.",
        "",
        "## Tried, and not reached",
        "",
        *TRIED,
        "",
    ]
    for table, rows in [
        *((table, _of_pixels(table, measured)) for table in (BINARY, DENSITIES, GREY)),
        *((table, [c for c in measured if _has(table, c)]) for table in OTHERS),
    ]:
        if rows:
            lines += _table(table, rows)
    if studies := benchmarks.get("disentanglement"):
        lines += _studies_table(studies)
        for title in dict.fromkeys(claim.study for claim in CLAIMS if claim.study in studies):
            lines += _seeds_table(studies[title])
    if by_seed := benchmarks.get("seeds"):
        lines += _by_seed_table(by_seed)
    if beside_pca := benchmarks.get("sharpness"):
        lines += _sharpness_table(beside_pca)
    if by_kernels := benchmarks.get("processors"):
        lines += _processors_table(by_kernels)
    return "\n".join(lines)


def _claim_row(claim: Claim, checkpoints: Sequence[CheckpointInfo]) -> str:
    ours, seed, machine = MISSING, "", ""
    for checkpoint in checkpoints:
        metrics = checkpoint.metrics or {}
        figure = _figure(metrics, claim.path)
        as_required = all(metrics.get(key) == value for key, value in claim.requires)
        if checkpoint.name == claim.checkpoint and as_required and figure is not None:
            digits = 2 if abs(figure) > 1 else 4
            error = _error(metrics, claim.path)
            margin = "" if error is None else f" ± {error:.{digits}f}"
            ours = f"{claim.sign * figure:.{digits}f}{margin}"
            seed = str(checkpoint.config["training"].get("seed", "?"))
            machine = str(checkpoint.config.get("machine", "not recorded"))
    known = claim.checkpoint in PRESETS
    command = f"`python -m vae_core train --preset {claim.checkpoint}`" if known else ""
    return _row([claim.what, claim.published, claim.wanted, ours, seed, machine, command])


def _benchmark_row(claim: Claim, figures: Figures | None) -> str:
    command = f"`python -m benchmarks.{claim.benchmark}`"
    if claim.study:
        figures = (figures or {}).get(claim.study)
        name, _, training = claim.study.partition(" ")
        trained = f' --train "{training}"' if training else ""
        command = f"`python -m benchmarks.{claim.benchmark} {claim.by} {name}{trained}`"
    if figures is None:
        return _row([claim.what, claim.published, claim.wanted, MISSING, "", "", command])
    if "seeds" in figures:
        found = [claim.sign * figure for figure in figures["scores"][claim.path[-1]]]
        ours, seed = _over_seeds(found, 2 if found[0] > 1 else 3), _listed(figures["seeds"])
    else:
        seed, ours = str(figures["seed"]), _of_best(figures)
    machine = figures["machine"]
    return _row([claim.what, claim.published, claim.wanted, ours, seed, machine, command])


def _studies_table(studies: Mapping[str, Figures]) -> list[str]:
    """What was tried: the MIG of each training, and the gap of each factor where it was kept."""
    text = (
        "MIG, and the gap of each factor of which it is the mean: how far one unit is ahead of all "
        "others. The options are those of `vae_core train` beside the preset: "
        '`python -m benchmarks.disentanglement --preset NAME --train "OPTIONS"`. Sprites are '
        "placed by their centre of mass and of one area at one scale; figures of an earlier "
        "drawing, whose hearts hung by another point and whose squares were larger, do not "
        "compare: there sprites-factors had 0.345 by `conv` (seeds 0 and 1) and 0.372 by "
        "`broadcast`, sprites-6d 0.106."
    )
    factors = list(dict.fromkeys(f for s in studies.values() for f in s.get("gaps", {})))
    heads = ["preset", "options", "seeds", "MIG", *factors]
    rows = [
        _row(
            [
                found["preset"],
                f"`{found['options']}`" if found["options"] else "–",
                _listed(found["seeds"]),
                _over_seeds(found["scores"]["mig"]),
                *(_over_seeds(found["gaps"][f]) if "gaps" in found else "–" for f in factors),
            ]
        )
        for found in studies.values()
    ]
    title = "## Objectives and factors"
    return [title, "", text, "", _row(heads), "|---" * len(heads) + "|", *rows, ""]


def _of_best(figures: Figures) -> str:
    """By the scores that training images chose, where asked, and by the best of all if another."""
    of = figures["best"]
    best = f"{of['auroc']:.3f} (by the score {of['score']}, chosen by this figure)"
    if "chosen" not in figures:
        return best
    scores = sorted(set(figures["chosen"]["scores"].values()))
    chosen = f"{figures['chosen']['auroc']:.3f} (by {', '.join(scores)}, chosen on training images)"
    return chosen if scores == [of["score"]] else f"{chosen}; {best}"


def _seeds_table(figures: Figures) -> list[str]:
    """The scores of one preset for each seed."""
    text = (
        f"{figures['preset']}, {figures['images']:,} images, DCI with a forest in place of "
        f"boosting: `python -m benchmarks.disentanglement --preset {figures['preset']}`."
    )
    heads = ["score", "mean and deviation", *(f"seed {seed}" for seed in figures["seeds"])]
    rows = [
        _row(
            [
                {**DISENTANGLEMENT, "udr": "UDR"}[name],
                _over_seeds(values),
                *(f"{value:.3f}" for value in values),
            ]
        )
        for name, values in figures["scores"].items()
    ]
    title = f"## Disentanglement of {figures['preset']} by seed"
    return [title, "", text, "", _row(heads), "|---" * len(heads) + "|", *rows, ""]


def _by_seed_table(figures: Mapping[str, Figures]) -> list[str]:
    """What presets come to on the test images, trained once for each seed."""
    text = (
        "Test images, in nats, trained once for each seed: the mean and the deviation between the "
        "seeds, `python -m benchmarks.seeds`. Where it says so, the reconstruction is minus a "
        "cross-entropy, no likelihood."
    )
    heads = ["preset", "data", "pixels", "seeds", "reconstruction", "KL", "ELBO"]
    heads += ["log p(x), sampled", "active units"]
    rows = [
        _row(
            [
                name,
                f"{row['images']:,} of {row['dataset']}",
                "grey, cross-entropy" if row["grey_cross_entropy"] else "likelihood",
                _listed(row["seeds"]),
                *(_over_seeds(row["scores"][s], 2) for s in ("reconstruction", "kl", "elbo")),
                f"{_over_seeds(row['scores']['log_px'], 2)} (K = {row['importance_samples']:,})"
                if "log_px" in row["scores"]
                else "–",
                ", ".join(f"{units:.0f}" for units in row["scores"]["active_units"]),
            ]
        )
        for name, row in figures.items()
    ]
    return ["## By seed", "", text, "", _row(heads), "|---" * len(heads) + "|", *rows, ""]


def _sharpness_table(figures: Figures) -> list[str]:
    """How near rebuilt images are to the test images, beside PCA of as many dimensions."""
    text = (
        "Test images rebuilt from mu, and by as many principal components of the same training "
        "images; higher is sharper: `python -m benchmarks.sharpness`."
    )
    heads = ["checkpoint", "data", "d", "PSNR in dB", "of PCA", "SSIM", "of PCA"]
    rows = [
        _row(
            [
                name,
                f"{row['images']:,} of {row['dataset']}",
                str(row["latent_dim"]),
                *(
                    f"{row[by][score]:.{digits}f} ± {row[by][f'{score}_se']:.{digits}f}"
                    for score, digits in (("psnr", 2), ("ssim", 3))
                    for by in ("model", "pca")
                ),
            ]
        )
        for name, row in figures.items()
    ]
    return ["## Sharpness", "", text, "", _row(heads), "|---" * len(heads) + "|", *rows, ""]


def _processors_table(figures: Figures) -> list[str]:
    """Whether one training comes out the same by kernels that other processors would run."""
    rows, usual = figures["rows"], next(iter(figures["rows"].values()))["sha256"]
    text = (
        f"{figures['preset']} on {figures['processor']} ({figures['capability']}), PyTorch "
        f"{figures['torch']}, trained again with nothing changed but the kernels that the "
        "libraries choose by what a processor can: `python -m benchmarks.processors`. The same "
        "kernels give the same weights, bit for bit; others round otherwise, so that on another "
        "processor the weights can be others. Whether rounding alone made "
        "133.33 nats of mnist-2d's 132.76 on another machine has not been tried."
    )
    heads = ["kernels", "weights, SHA-256", "the same", "loss on test images in nats"]
    lines = [
        _row(
            [
                what,
                f"`{row['sha256'][:12]}`",
                "yes" if row["sha256"] == usual else "no",
                f"{row['loss']:.6f}",
            ]
        )
        for what, row in rows.items()
    ]
    return ["## By processor", "", text, "", _row(heads), "|---" * len(heads) + "|", *lines, ""]


def _over_seeds(values: Sequence[float], digits: int = 3) -> str:
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{spread}"


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _of_pixels(table: Table, checkpoints: Sequence[CheckpointInfo]) -> list[CheckpointInfo]:
    """Those whose pixels and likelihood belong into one of the three tables that never mix."""
    rows = []
    for c in checkpoints:
        metrics = c.metrics or {}
        bernoulli = c.config["likelihood"] == "bernoulli"
        proper = BINARY if bernoulli else DENSITIES
        kind = GREY if metrics.get("grey_cross_entropy") else proper
        if kind is table and _has(table, c):
            rows.append(c)
    return rows


def _has(table: Table, checkpoint: CheckpointInfo) -> bool:
    return any(_figure(checkpoint.metrics or {}, p) is not None for p in table.columns.values())


def _table(table: Table, checkpoints: Sequence[CheckpointInfo]) -> list[str]:
    heads = ["checkpoint", "data", "pixels", "d", *table.columns, "active units"]
    lines = [f"## {table.title}", "", table.text, "", _row(heads), "|---" * len(heads) + "|"]
    for c in checkpoints:
        metrics = c.metrics or {}
        pixels = metrics.get("binarisation", "none")
        described = [
            c.name,
            f"{metrics.get('images', 0):,} of {metrics.get('dataset', '')}",
            c.config["likelihood"] if pixels == "none" else f"binarised, {pixels}",
            str(c.config["latent_dim"]),
        ]
        cells = [_cell(table, metrics, path) for path in table.columns.values()]
        lines.append(_row([*described, *cells, _active_units(metrics)]))
    return [*lines, ""]


def _active_units(metrics: Figures) -> str:
    """How many, with the error where it is not 0 to two digits."""
    error = metrics.get("active_units_se") or 0.0
    return f"{metrics.get('active_units', '')}" + (f" ± {error:.2f}" if error >= 0.005 else "")


def _cell(table: Table, metrics: Figures, path: tuple[str, ...]) -> str:
    figure, error = _figure(metrics, path), _error(metrics, path)
    if figure is None:
        return "–"
    sign = -1 if table is GREY and path != ("kl",) else 1
    exact = path[-1].startswith("exact_over")
    draws = "exact_images" if exact else {"log_px": "importance_samples"}.get(path[-1])
    of = "{:,} images" if exact else "K = {:,}"
    note = f" ({of.format(metrics[draws])})" if draws and draws in metrics else ""
    margin = "" if error is None else f" ± {error:.{table.digits}f}"
    return f"{sign * figure:.{table.digits}f}{margin}{note}"


def _figure(metrics: Figures, path: tuple[str, ...]) -> float | None:
    value: Any = metrics
    for name in path:
        value = (value or {}).get(name)
    return None if value is None else float(value)


def _error(metrics: Figures, path: tuple[str, ...]) -> float | None:
    """Its standard error; of a registered measure, whose names are words, after a space."""
    named = "{} error" if path[0] == "measured" else "{}_se"
    return _figure(metrics, (*path[:-1], named.format(path[-1])))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write docs/numbers.md from the checkpoints.")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--output", type=Path, default=Path("docs/numbers.md"))
    options = parser.parse_args()
    names = [*(claim.benchmark for claim in CLAIMS if claim.benchmark), *TABLES]
    files = {name: options.output.with_name(f"{name}.json") for name in names}
    benchmarks = {
        name: json.loads(file.read_text()) for name, file in files.items() if file.exists()
    }
    text = numbers(list_checkpoints(options.checkpoints), benchmarks)
    write_bytes(options.output, text.encode())


if __name__ == "__main__":
    main()
