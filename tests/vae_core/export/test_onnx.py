"""ONNX files, run by onnxruntime, give what PyTorch gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from vae_core.checkpoints.reading import load_checkpoint, read_config
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.errors import CheckpointError, ConfigError
from vae_core.export import onnx as export
from vae_core.export.onnx import write_onnx
from vae_core.models import networks
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.likelihoods import LearnedGaussian
from vae_core.models.m2 import M2

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "checkpoints"
SMALL = {
    "broadcast": {"hidden": (3, 2, 4), "likelihood": "bernoulli"},
    "lecture-conv": {"hidden": (4, 3), "likelihood": "gaussian"},
    "resnet": {"hidden": (3, 4), "likelihood": "discretised-logistic"},
}


def saved(folder: Path, **config: object) -> Path:
    torch.manual_seed(0)
    given = {"image_shape": (3, 9, 10), "latent_dim": 3} | config
    save_checkpoint(folder, build_model(ModelConfig(**given)).eval())  # type: ignore[arg-type]
    return folder


def answers(file: Path, **inputs: Tensor) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(file)
    assert [each.name for each in session.get_inputs()] == list(inputs)
    names = [each.name for each in session.get_outputs()]
    given = {name: value.numpy() for name, value in inputs.items()}
    return dict(zip(names, session.run(None, given), strict=True))


def check(checkpoint: Path, folder: Path) -> None:
    """The files in `folder` against the model, of batches that none was exported with."""
    model, torch_random = load_checkpoint(checkpoint), torch.Generator().manual_seed(1)
    for batch in (1, 5):
        if model.has_encoder:
            image = torch.rand(batch, *model.image_shape, generator=torch_random)
            found = answers(folder / "encoder.onnx", image=image)
            for name, expected in zip(("mu", "logvar"), model.encode(image), strict=True):
                if model.is_variational or name == "mu":
                    np.testing.assert_allclose(found.pop(name), expected, rtol=1e-4, atol=1e-4)
            if isinstance(model, M2):
                expected = model.class_log_probs(image)
                np.testing.assert_allclose(
                    found.pop("class_log_probs"), expected, rtol=1e-4, atol=1e-4
                )
            assert not found
        z = 2 * torch.randn(batch, model.latent_dim, generator=torch_random)
        if isinstance(model, M2):
            y = torch.arange(batch) * 2
            found, expected = answers(folder / "decoder.onnx", z=z, y=y), model.decode_class(z, y)
        else:
            found, expected = answers(folder / "decoder.onnx", z=z), model.decode(z)
        np.testing.assert_allclose(found.pop("mean"), expected, atol=1e-5)
        if isinstance(model.likelihood, LearnedGaussian):
            expected = model.likelihood.log_sigma.exp().expand(batch)
            np.testing.assert_allclose(found.pop("sigma"), expected, rtol=1e-5)
        assert not found


@pytest.mark.parametrize(
    "name", ["digits-2d", "sprites-6d", "mnist-pca-2d", "mnist-2d-gan", "mnist-m2"]
)
def test_a_shipped_model_gives_the_same_outside_of_pytorch(tmp_path: Path, name: str) -> None:
    files = write_onnx(SHIPPED / name, tmp_path / "out")
    assert files == sorted(file.name for file in (tmp_path / "out").iterdir())
    assert ("encoder.onnx" in files) == (name != "mnist-2d-gan")
    check(SHIPPED / name, tmp_path / "out")


def test_every_network_is_among_these() -> None:
    assert {"mlp", "conv", *SMALL} == set(networks.network_names())


@pytest.mark.parametrize("network", SMALL)
def test_a_file_says_what_it_is_and_nothing_of_the_machine(tmp_path: Path, network: str) -> None:
    checkpoint = tmp_path / "odd \n\x1b name"
    shutil.copytree(saved(tmp_path / "small", network=network, **SMALL[network]), checkpoint)
    config = read_config(checkpoint) | {"dataset": "a\tb", "class_names": ["ä", "\u2028"]}
    (checkpoint / "config.json").write_text(json.dumps(config))
    write_onnx(checkpoint, tmp_path / "out")
    check(checkpoint, tmp_path / "out")
    for file in (tmp_path / "out").iterdir():
        model = onnx.load(file)
        onnx.checker.check_model(model, full_check=True)
        told = {entry.key: entry.value for entry in model.metadata_props}
        assert told["name"] == "odd ?? name" and told["dataset"] == "a?b"
        assert told["kind"] == "vae" and told["likelihood"] == SMALL[network]["likelihood"]
        assert told.get("sigma") == ("0.1" if network == "lecture-conv" else None)
        assert "Zscape" in told["source"] and "SHA-256" in told["source"]
        assert json.loads(told["class_names"]) == ["ä", "\u2028"]
        data = file.read_bytes()
        assert b".py" not in data and str(ROOT).encode() not in data


class Bessel(nn.Module):
    """An activation that ONNX has no operator for."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x)


class Counting(nn.Module):
    """What counts the images in Python, so that tracing takes their number for fixed."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.ones(len(x), 1)


@pytest.mark.parametrize(("kind", "why"), [(Bessel, "bessel_j0"), (Counting, "one size")])
def test_the_layer_that_cannot_be_exported_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[nn.Module], why: str
) -> None:
    def own(
        image_shape: networks.ImageShape, d: int, hidden: Sequence[int], activation: str, k: int
    ) -> tuple[nn.Module, nn.Module]:
        encoder, decoder = networks.mlp(image_shape, d, hidden, activation, k)
        assert isinstance(decoder, nn.Sequential)
        return encoder, nn.Sequential(kind(), *decoder)

    monkeypatch.setitem(networks._NETWORKS, "own", own)
    checkpoint = saved(tmp_path / "own", kind="gan", network="own", hidden=(4,))
    told = rf"decoder\.onnx: decoder\.0, a {kind.__name__}, cannot be exported \(.*{why}.*\)\."
    with pytest.raises(CheckpointError, match=told) as refused:
        write_onnx(checkpoint, tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert [file.name for file in tmp_path.iterdir()] == ["own"]


def test_without_the_packages_the_command_that_brings_them_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=r'onnx and onnxscript.*pip install "zscape\[onnx\]"'):
        write_onnx(SHIPPED / "digits-2d", tmp_path / "out")


def test_what_is_broken_or_has_no_place_leaves_nothing(tmp_path: Path) -> None:
    broken = saved(tmp_path / "broken", hidden=(4,))
    weights = bytearray((broken / "model.safetensors").read_bytes())
    weights[-4:] = np.float32("nan").tobytes()
    (broken / "model.safetensors").write_bytes(weights)
    with pytest.raises(CheckpointError, match="NaN"):
        write_onnx(broken, tmp_path / "out")
    with pytest.raises(ConfigError, match=r"There is no folder .*nowhere"):
        write_onnx(SHIPPED / "digits-2d", tmp_path / "nowhere" / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["broken"]
