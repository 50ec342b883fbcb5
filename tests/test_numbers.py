"""docs/numbers.md says what the checkpoints' metrics say, and mixes nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.anomaly import areas, chosen_score
from benchmarks.numbers import CLAIMS, MISSING, numbers
from benchmarks.seeds import by_seed, known, measured, place_of
from vae_core.checkpoints.reading import list_checkpoints
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.image_dataset import ImageDataset
from vae_core.measures.evaluation import evaluate
from vae_core.measures.metrics import Metrics
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.training.config import TrainConfig

CONFIG = ModelConfig((1, 4, 3), hidden=(5,))
DATA = ImageDataset(
    "digits", "test", torch.randint(0, 256, (30, 1, 4, 3), dtype=torch.uint8,
                                    generator=torch.Generator().manual_seed(0)),
)  # fmt: skip


def saved(root: Path, name: str, likelihood: str = "bernoulli", **asked) -> Metrics:
    torch.manual_seed(0)
    model = build_model(replace(CONFIG, likelihood=likelihood))
    metrics = evaluate(model, DATA, **asked)
    training = TrainConfig(hidden=(5,))
    save_checkpoint(root / name, model, config=training, metrics=metrics, dataset=DATA)
    return metrics


def section(text: str, title: str) -> str:
    found = re.search(rf"## {title}\n(.*?)(\n## |\Z)", text, re.S)
    return found[1] if found else ""


def test_cross_entropy_likelihood_and_density_never_share_a_table(tmp_path: Path) -> None:
    saved(tmp_path, "grey")
    saved(tmp_path, "binary", binarisation="static")
    saved(tmp_path, "dense", likelihood="gaussian")
    text = numbers(list_checkpoints(tmp_path), {})
    names = {"grey", "binary", "dense"}
    for title, own in (
        ("Grey pixels under a Bernoulli likelihood", "grey"),
        ("Binarised images", "binary"),
        ("Densities of grey pixels", "dense"),
    ):
        told = section(text, title)
        assert {name for name in names if f"| {name} |" in told} == {own}


def test_a_published_figure_stands_beside_ours_with_its_error(tmp_path: Path) -> None:
    metrics = saved(tmp_path, "mnist-2d-binarised", binarisation="dynamic")
    text = numbers(list_checkpoints(tmp_path), {})
    row = next(line for line in text.splitlines() if "d = 2: ELBO" in line)
    assert f"| {metrics.elbo:.2f} ± {metrics.elbo_se:.2f} | 0 |" in row
    assert "--preset mnist-2d-binarised" in row and "cores" in row


def test_several_seeds_have_a_mean_and_a_spread() -> None:
    scores = {"mig": [0.1, 0.2, 0.6], "sap": [0.02, 0.02, 0.05]}
    found = {"preset": "dsprites-10d", "options": "", "images": 9, "machine": "a box"}
    found |= {"seeds": [0, 1, 2], "scores": scores, "gaps": {"x": [0.5, 0.7, 0.6]}}
    other = {**found, "options": "--beta 4", "seeds": [0], "scores": {"mig": [0.2]}}
    other["gaps"] = {"x": [0.1]}
    text = numbers([], {"disentanglement": {"dsprites-10d": found, "dsprites-10d --beta 4": other}})
    of_mig = "0.300 ± 0.265"  # sqrt((0.2² + 0.1² + 0.3²) / 2)
    assert f"| {of_mig} | 0, 1, 2 | a box |" in section(text, "Beside published figures")
    by_seed = section(text, "Disentanglement of dsprites-10d by seed")
    assert f"| MIG | {of_mig} | 0.100 | 0.200 | 0.600 |" in by_seed
    tried = section(text, "Objectives and factors")
    assert f"| dsprites-10d | – | 0, 1, 2 | {of_mig} | 0.600 ± 0.100 |" in tried
    assert "| dsprites-10d | `--beta 4` | 0 | 0.200 | 0.100 |" in tried


def test_a_preset_trained_by_several_seeds_has_a_figure_of_each() -> None:
    one = {"dataset": "digits", "images": 360, "grey_cross_entropy": True, "log_px": None}
    one |= {"importance_samples": 0, "reconstruction": -3, "kl": 2, "elbo": -5, "active_units": 2}
    other = one | {"reconstruction": -4, "elbo": -6, "active_units": 1}
    found = by_seed({0: one, 3: other})
    assert by_seed(known(found)) == found
    drawn = by_seed({0: one | {"importance_samples": 5_000, "log_px": -4.25}}) | {
        "machine": "a box"
    }
    studies = {"tiny": found, "mnist-50d --activation tanh --epochs 300": drawn}
    text = numbers([], {"seeds": studies})
    rows = section(text, "By seed")
    scores = "-3.50 ± 0.71 | 2.00 ± 0.00 | -5.50 ± 0.71 | – | 2, 1"
    assert f"| tiny | 360 of digits | grey, cross-entropy | 0, 3 | {scores} |" in rows
    assert "| -5.00 | -4.25 (K = 5,000) | 2 |" in rows
    assert "| 4.25 | 0 | a box | `python -m benchmarks.seeds" in text
    assert '--preset mnist-50d --train "--activation tanh --epochs 300"`' in text


def test_a_model_that_lies_there_is_not_trained_again(tmp_path: Path) -> None:
    training = ["--preset", "digits-2d", "--epochs", "1", "--hidden", "8"]
    first = measured(tmp_path / "one", training, 2)
    assert first["importance_samples"] == 2
    assert first["log_px"] > first["elbo"]
    assert measured(tmp_path / "one", ["--preset", "none"], 2) == first


def test_a_checkpoint_is_what_seed_0_makes(tmp_path: Path) -> None:
    shipped = Path("checkpoints/mnist-50d")
    assert place_of(tmp_path, "mnist-50d", 0, 5_000) == shipped
    options = "mnist-50d --activation tanh"
    for title, seed, draws in [("mnist-50d", 1, 5_000), ("mnist-50d", 0, 7), (options, 0, 5_000)]:
        assert place_of(tmp_path, title, seed, draws).parent == tmp_path


def test_sharpness_stands_beside_that_of_pca() -> None:
    model = {"psnr": 19.436, "psnr_se": 0.031, "ssim": 0.637, "ssim_se": 0.0021}
    pca = {"psnr": 17.57, "psnr_se": 0.03, "ssim": 0.5247, "ssim_se": 0.002}
    found = {"dataset": "b", "images": 1_000, "latent_dim": 16, "model": model, "pca": pca}
    text = numbers([], {"sharpness": {"a": found}})
    of_a = "| a | 1,000 of b | 16 | 19.44 ± 0.03 | 17.57 ± 0.03 | 0.637 ± 0.002 | 0.525 ± 0.002 |"
    assert of_a in section(text, "Sharpness")


@pytest.mark.parametrize("asked", [{}, {"binarisation": "static"}])
def test_what_was_not_measured_so_is_said_to_be_so(tmp_path: Path, asked: dict) -> None:
    saved(tmp_path, "mnist-2d-binarised", **asked)  # but not as the published figure was
    rows = section(numbers(list_checkpoints(tmp_path), {}), "Beside published figures")
    assert rows.count(MISSING) == len(CLAIMS)


def test_a_benchmark_stands_in_for_a_checkpoint() -> None:
    found = {"best": {"score": "elbo", "auroc": 0.7654}, "seed": 3, "machine": "a box"}
    rows = section(numbers([], {"anomaly": {"16": found}}), "Beside published figures")
    assert "| 0.765 (by the score elbo, chosen by this figure) | 3 | a box |" in rows
    assert "`python -m benchmarks.anomaly --epochs 8 --latent-dim 16`" in rows
    found["chosen"] = {"auroc": 0.7432, "scores": {"0": "relative", "1": "elbo", "2": "elbo"}}
    rows = section(numbers([], {"anomaly": {"2": found}}), "Beside published figures")
    assert "| 0.743 (by elbo, relative, chosen on training images); 0.765 (by the score" in rows
    assert rows.count(MISSING) == len(CLAIMS) - 1
    found["chosen"]["scores"] = {"0": "elbo", "1": "elbo"}
    rows = section(numbers([], {"anomaly": {"2": found}}), "Beside published figures")
    assert "| 0.743 (by elbo, chosen on training images) | 3 |" in rows


def test_those_of_this_repository_are_readable() -> None:
    root = Path(__file__).parent.parent
    text = numbers(list_checkpoints(root / "checkpoints"), {})
    metrics = json.loads((root / "checkpoints/mnist-2d/metrics.json").read_text())
    assert f"{-metrics['elbo']:.2f}" in section(text, "Grey pixels under a Bernoulli likelihood")


def test_the_score_of_a_digit_is_chosen_without_it() -> None:
    """One score finds each digit but the one that counts, another only that one."""
    labels = torch.arange(300) % 3
    noise = torch.rand(300, generator=torch.Generator().manual_seed(0))
    scores = {
        digit: {
            "others": (labels == digit) * (1.0 if digit != 2 else -1.0) + noise,
            "this": (labels == digit) * (5.0 if digit == 2 else -1.0) + noise,
        }
        for digit in range(3)
    }
    assert chosen_score(scores, labels, 2) == "others"
    assert areas(scores[2], labels, 2)["this"]["auroc"] == 1
    assert areas(scores[0], labels, 0)["others"]["auroc"] == pytest.approx(
        float(((1 + noise[labels == 0])[:, None] > noise[labels != 0]).double().mean())
    )
    scores[0]["others"] += 100 * (labels == 2)  # images of 2 look stranger: never looked at for 2
    assert chosen_score(scores, labels, 2) == "others"
    assert areas(scores[0], labels, 0)["others"]["auroc"] < 0.6


def test_which_kernels_change_the_weights_is_told() -> None:
    rows = {
        "as it is": {"sha256": "a" * 64, "loss": 1.2344},
        "once more": {"sha256": "a" * 64, "loss": 1.2344},
        "other kernels": {"sha256": "b" * 64, "loss": 1.2},
    }
    found = {"preset": "digits-2d", "processor": "a box", "capability": "AVX2", "torch": "2"}
    told = section(numbers([], {"processors": {**found, "rows": rows}}), "By processor")
    assert "digits-2d on a box (AVX2), PyTorch 2" in told
    assert "| once more | `aaaaaaaaaaaa` | yes | 1.234400 |" in told
    assert "| other kernels | `bbbbbbbbbbbb` | no | 1.200000 |" in told
