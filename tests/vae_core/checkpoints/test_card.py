"""The model card says what the JSON files say, and its Python runs."""

import json
import re
from functools import partial
from pathlib import Path

import pytest
import torch

import vae_core.measures.evaluation
from vae_core.checkpoints.card import model_card
from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.reading import read_config
from vae_core.checkpoints.writing import copy_checkpoint, save_checkpoint
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import CheckpointError
from vae_core.measures.codes.disentanglement import disentanglement_scores
from vae_core.measures.evaluation import evaluate
from vae_core.measures.shares import share_in_words
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.training.config import TrainConfig


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    images = torch.randint(0, 256, (4, 1, 4, 3), dtype=torch.uint8)
    data = ImageDataset("digits", "test", images)
    model = build_model(ModelConfig((1, 4, 3), hidden=(5,)))
    folder = tmp_path / "checkpoints" / "tiny"
    metrics = evaluate(model, data, importance_samples=4)
    save_checkpoint(folder, model, config=TrainConfig(hidden=(5,)), metrics=metrics, dataset=data)
    return folder


def test_the_head_is_yaml_that_the_hub_reads(checkpoint: Path) -> None:
    head = (checkpoint / "README.md").read_text().split("---")[1]
    values = {key: json.loads(value) for key, value in re.findall(r"^(\w+): (.*)$", head, re.M)}
    assert values["datasets"] == ["digits"] and "vae" in values["tags"]
    assert values["library_name"] == "zscape"


def test_every_figure_is_that_of_the_metrics(checkpoint: Path) -> None:
    card, metrics = (checkpoint / "README.md").read_text(), read_metrics(checkpoint)
    assert metrics is not None
    for name in ("reconstruction", "kl", "elbo", "log_px"):
        assert f"{metrics[name]:.2f} ± {metrics[name + '_se']:.2f}" in card
    assert "(K = 4)" in card
    assert f"Active units: {metrics['active_units']} of 2" in card
    assert "none of these figures is a likelihood of the data" in card


def test_the_training_settings_are_in_it(checkpoint: Path) -> None:
    settings = re.search(r"```json\n(.*?)```", (checkpoint / "README.md").read_text(), re.S)
    assert settings is not None
    assert json.loads(settings[1]) == TrainConfig(hidden=(5,)).to_json()


def test_its_python_runs(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(.*?)```", (checkpoint / "README.md").read_text(), re.S)
    assert code is not None
    monkeypatch.chdir(checkpoint.parent.parent)
    names: dict[str, torch.Tensor] = {}
    exec(code[1], names)
    assert names["image"].shape == (1, 1, 4, 3)


def test_a_copy_carries_its_own_name(checkpoint: Path, tmp_path: Path) -> None:
    copy_checkpoint(checkpoint, tmp_path / "renamed")
    card = (tmp_path / "renamed" / "README.md").read_text()
    assert "# renamed" in card and "checkpoints/renamed" in card and "tiny" not in card


@pytest.mark.parametrize("metrics", [None, {}, {"elbo": -3.5}, {"active_units": 2, "kl": 1}])
def test_it_says_no_more_than_is_known(checkpoint: Path, metrics: dict[str, float] | None) -> None:
    config = read_config(checkpoint) | {"training": {}, "dataset": None}
    card = model_card("bare", config, metrics)
    assert "None" not in card and "± " not in card
    assert ("ELBO" in card) == bool(metrics and "elbo" in metrics)


def test_what_was_asked_for_beside_the_elbo_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = partial(disentanglement_scores, classifier="forest")  # boosting takes seconds
    monkeypatch.setattr(vae_core.measures.evaluation, "disentanglement_scores", scores)
    generator = torch.Generator().manual_seed(0)
    factors = torch.randint(0, 3, (40, 2), generator=generator)
    images = torch.randint(0, 256, (40, 1, 4, 3), dtype=torch.uint8, generator=generator)
    data = ImageDataset(
        "digits", "test", images,
        factors[:, 0], factors.float(), ("a", "b", "c"), ("shape", "size"),
    )  # fmt: skip
    model = build_model(ModelConfig((1, 4, 3), hidden=(5,)))
    metrics = evaluate(
        model, data, binarisation="static", exact_images=3, codes=data, disentanglement=True
    )
    save_checkpoint(tmp_path / "all", model, metrics=metrics)
    figures = read_metrics(tmp_path / "all")
    assert figures is not None
    card = model_card("all", read_config(tmp_path / "all"), figures)
    assert "binarised (static)" in card and "(3 images)" in card
    aggregate, codes = figures["aggregate"], figures["codes"]
    total = aggregate["total_correlation"]
    assert f"{total:.2f} ± {aggregate['total_correlation_se']:.2f}" in card
    for key in ("knn", "pca_linear"):
        assert f"{share_in_words(codes[key], codes['test_images'])} |" in card
    scored = figures["disentanglement"]
    assert f"| MIG | {scored['mig']:.3f} ± {scored['mig_se']:.3f} |" in card
    assert f"| BetaVAE score | {scored['beta_vae']:.3f} " in card
    older = {name: scored[name] for name in scored if "beta_vae" not in name and "_se" not in name}
    document = {**figures, "disentanglement": older}
    (tmp_path / "all/metrics.json").write_text(json.dumps(document))  # of an older evaluation
    assert f"| MIG | {scored['mig']:.3f} |" in model_card(
        "all", read_config(tmp_path / "all"), read_metrics(tmp_path / "all")
    )
    document["disentanglement"] = {**older, "mig_se": "none"}
    (tmp_path / "all/metrics.json").write_text(json.dumps(document))
    with pytest.raises(CheckpointError, match="disentanglement"):
        read_metrics(tmp_path / "all")


@pytest.mark.parametrize(
    "damage",
    [
        {"aggregate": {"kl": 1.0}},
        {"codes": [1.0]},
        {"disentanglement": "perfect"},
    ],
)
def test_tables_that_are_none_are_refused(checkpoint: Path, damage: dict[str, object]) -> None:
    file = checkpoint / "metrics.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | damage))
    with pytest.raises(CheckpointError, match=next(iter(damage))):
        read_metrics(checkpoint)


def test_a_plain_autoencoder_is_called_one() -> None:
    config = ModelConfig((3, 8, 8), kind="autoencoder").to_json()
    card = model_card("ae", config, None)
    assert "A autoencoder" not in card
    assert "An autoencoder with 2 latent dimensions for 8 x 8 images of 3 channels" in card


def test_a_gan_s_card_tells_what_its_discriminator_can_and_no_nats() -> None:
    model = build_model(ModelConfig((1, 4, 4), kind="gan", hidden=(4,)))
    images = torch.randint(0, 256, (6, 1, 4, 4), dtype=torch.uint8)
    metrics = evaluate(model, ImageDataset("few", "test", images))
    card = model_card("g", model.config.to_json(), metrics.to_json())
    assert f"right in {metrics.discriminator_accuracy:.3f}" in card
    assert "nats" not in card and "likelihood" not in card


@pytest.mark.parametrize(("beta", "named"), [(1.0, False), (4.0, True)])
def test_a_weight_of_the_kl_is_named(checkpoint: Path, beta: float, named: bool) -> None:
    config = read_config(checkpoint)
    card = model_card("tiny", config | {"training": config["training"] | {"beta": beta}}, None)
    assert ("its KL weighed by beta = 4" in card) == named
