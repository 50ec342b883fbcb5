"""The model card says what the JSON files say, and its Python runs."""

import json
import re
from pathlib import Path

import pytest
import torch

from vae_core.checkpoints import copy_checkpoint, read_config, read_metrics, save_checkpoint
from vae_core.datasets import ImageDataset
from vae_core.evaluation import evaluate
from vae_core.modelcard import model_card
from vae_core.models import ModelConfig, build_model
from vae_core.training import TrainConfig


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


def test_a_plain_autoencoder_is_called_one() -> None:
    config = ModelConfig((3, 8, 8), kind="autoencoder").to_json()
    card = model_card("ae", config, None)
    assert "A autoencoder" not in card
    assert "An autoencoder with 2 latent dimensions for 8 x 8 images of 3 channels" in card
