"""The engine in the browser computes what PyTorch computes, for every kind of model."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from live.models import open_model
from live.worker import Verb, computed
from ui.components.engine import kernel
from ui.outside.page import weights_of
from vae_core.checkpoints.reading import list_checkpoints, load_checkpoint
from vae_core.export.packing import pack
from vae_core.export.steps import program_of
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.models.likelihoods import likelihood_names
from vae_core.models.linear import LINEAR
from vae_core.models.networks import ACTIVATIONS, Crop, network_names

ROOT = Path(__file__).parents[3]
ASSETS = ROOT / "ui" / "components" / "engine" / "assets"
SHIPPED = [each.name for each in list_checkpoints(ROOT / "checkpoints")]
ROWS = 3
HIDDEN = {
    "mlp": (17, 9),
    "conv": (3, 5, 11),
    "broadcast": (3, 5, 11),
    "resnet": (4, 6, 11),
    "lecture-conv": (5, 3),
}
SHAPES = [(1, 28, 28), (3, 13, 10), (1, 7, 9), (3, 16, 16)]
SCRIPT = """
import { readFile, writeFile } from "node:fs/promises";
import { Engine } from "./engine.js";

for (const name of JSON.parse(process.argv[2])) {
  const read = (end) => readFile(`${name}.${end}`);
  const bytes = (file) => Uint8Array.from(file).buffer;
  const packed = bytes(await read("packed"));
  const z = new Float32Array(bytes(await read("z")));
  const images = new Uint8Array(await read("images"));
  for (const plain of [false, true]) {
    const engine = await Engine.of(packed, { plain });
    if (engine.simd === plain) throw new Error("WebAssembly was not as wanted");
    const rows = z.length / engine.head.latent_dim;
    const say = (what, values) => writeFile(`${name}.${plain ? "plain" : "wasm"}.${what}`, values);
    await say("mean", new Uint8Array(engine.decode(rows, z).slice().buffer));
    await say("decode", engine.answer(1, rows, z));
    await say("maps", engine.answer(5, 1, z.subarray(0, engine.head.latent_dim)));
    if (!engine.head.encoder) continue;
    await say("encode", engine.answer(2, rows, images));
    await say("return", engine.answer(3, rows, z));
  }
}
"""


@dataclass(frozen=True)
class Answers:
    """What the engine and PyTorch say of the same z and images."""

    engine: dict[str, np.ndarray]
    torch: dict[str, np.ndarray]

    def furthest(self, what: str) -> float:
        ours, theirs = self.engine[what].astype(float), self.torch[what].astype(float)
        assert ours.shape == theirs.shape
        assert (np.isinf(ours) == np.isinf(theirs)).all()
        return float(np.abs(np.nan_to_num(ours) - np.nan_to_num(theirs)).max())


Compare = Callable[..., dict[str, list[Answers]]]


@pytest.fixture(scope="module")
def compare(tmp_path_factory: pytest.TempPathFactory) -> Compare:
    """`compare({"name": model, …}, "float16")`: by name, the answers with and without wasm."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")

    def run(models: dict[str, LatentModel], coding: str) -> dict[str, list[Answers]]:
        folder = tmp_path_factory.mktemp("engine")
        for module in ASSETS.iterdir():
            shutil.copy(module, folder)
        (folder / "package.json").write_text('{"type": "module"}')
        (folder / "compare.js").write_text(SCRIPT)
        expected = {name: prepared(folder / name, model, coding) for name, model in models.items()}
        subprocess.run(
            [node, "compare.js", json.dumps(list(models))], cwd=folder, check=True, timeout=300
        )
        return {
            name: [
                Answers({w: read(folder / f"{name}.{way}.{w}", e) for w, e in those.items()}, those)
                for way in ("wasm", "plain")
            ]
            for name, those in expected.items()
        }

    return run


def read(file: Path, like: np.ndarray) -> np.ndarray:
    return np.frombuffer(file.read_bytes(), like.dtype).reshape(like.shape)


def prepared(stem: Path, model: LatentModel, coding: str) -> dict[str, np.ndarray]:
    """Write what the engine is given; returns PyTorch's answers."""
    generator = torch.Generator().manual_seed(0)
    c, h, w = model.image_shape
    z = torch.randn(ROWS, model.latent_dim, generator=generator).numpy()
    images = torch.randint(0, 256, (ROWS, h, w, c), generator=generator).to(torch.uint8).numpy()
    if coding == "int8":  # as a saved page has them
        packed, _ = weights_of(open_model(stem.name), encoder=model.has_encoder)
    else:
        packed = pack(program_of(model), coding, {})
    if coding != "float32":  # how near small weights come is told of images such as it knows
        images = computed(model, Verb.DECODE, z)
    for end, data in {
        "packed": packed,
        "z": z.astype("<f4").tobytes(),
        "images": images.tobytes(),
    }.items():
        stem.with_name(f"{stem.name}.{end}").write_bytes(data)
    with torch.inference_mode():
        answers = {
            "mean": model.decode(torch.from_numpy(z)).numpy(),
            "decode": computed(model, Verb.DECODE, z),
            "maps": computed(model, Verb.MAPS, z[:1])[0],
        }
        if model.has_encoder:
            answers["encode"] = computed(model, Verb.ENCODE, images)
            answers["return"] = computed(model, Verb.RETURN, z)
    return answers


def model_of(**settings: Any) -> LatentModel:
    torch.manual_seed(0)
    network = settings.get("network", "mlp")
    config = {"latent_dim": 3, "hidden": HIDDEN.get(network, (4, 5, 11)), **settings}
    return build_model(ModelConfig(**config)).eval()


def all_kinds() -> dict[str, LatentModel]:
    """Every network, activation and likelihood, grey and coloured, of even and odd sizes."""
    models = {}
    for k, shape in enumerate(SHAPES):
        for network in network_names():
            for activation in ACTIVATIONS:
                models[f"{network}-{activation}-{k}"] = model_of(
                    network=network, activation=activation, image_shape=shape
                )
    for name in likelihood_names():
        if name == "laplace":
            continue  # of another test, and without steps
        for link in ("sigmoid", "identity"):
            for kind in ("vae", "m2"):
                models[f"{name}-{link}-{kind}"] = model_of(
                    likelihood=name, link=link, kind=kind, image_shape=(3, 7, 10)
                )
    for kind in ("autoencoder", "gan"):
        models[kind] = model_of(kind=kind, network="conv", image_shape=(3, 12, 9))
    for kind in ("pca", "ppca"):
        models[kind] = model_of(kind=kind, **LINEAR, image_shape=(1, 8, 9))
    models["m2-shallow"] = model_of(kind="m2", hidden=(), image_shape=(1, 5, 4), classes=3)
    models["vamp"] = model_of(prior="vamp", image_shape=(1, 6, 6))
    models["strangers"] = strangers()
    return models


def strangers() -> LatentModel:
    """A network of its owner's, of layers that the registered ones do not have."""
    model = model_of(image_shape=(3, 11, 8))
    model.encoder = nn.Sequential(
        *(nn.Conv2d(3, 5, (3, 2), stride=(2, 1), padding=(0, 1), bias=False), nn.BatchNorm2d(5)),
        *(nn.LeakyReLU(0.2), nn.MaxPool2d(3, 2, padding=1), nn.Dropout(), nn.Flatten()),
        *(nn.Linear(75, 6), nn.Identity()),
    )
    model.decoder = nn.Sequential(
        *(
            nn.Linear(3, 24, bias=False),
            nn.BatchNorm1d(24),
            nn.ELU(0.7),
            nn.Unflatten(1, (6, 2, 2)),
        ),
        *(nn.Upsample(scale_factor=(3, 2)), nn.ConvTranspose2d(6, 3, (3, 4), stride=2, bias=False)),
        *(nn.Sigmoid(), nn.Sequential(), Crop(11, 8)),
    )
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.uniform_(layer.bias, -1, 1)
    return model.eval()


@pytest.fixture(scope="module")
def exact(compare: Compare) -> dict[str, list[Answers]]:
    return compare(all_kinds(), "float32")


def test_every_kind_decodes_as_in_pytorch(exact: dict[str, list[Answers]]) -> None:
    for name, ways in exact.items():
        for answers in ways:
            assert answers.furthest("mean") < 2e-6, name
            assert answers.furthest("decode") <= 1, name  # where a half is rounded
            assert (answers.engine["decode"] != answers.torch["decode"]).mean() < 0.01, name


def test_every_kind_encodes_as_in_pytorch(exact: dict[str, list[Answers]]) -> None:
    for name, ways in exact.items():
        for answers in ways:
            for what in ("encode", "return"):
                assert what not in answers.torch or answers.furthest(what) < 1e-5, (name, what)


def test_every_kind_shows_the_same_feature_maps(exact: dict[str, list[Answers]]) -> None:
    for name, ways in exact.items():
        for answers in ways:
            assert answers.furthest("maps") <= 1, name


@pytest.mark.parametrize(("coding", "levels", "code"), [("float16", 1, 0.01), ("int8", 8, 0.2)])
def test_shipped_models_answer_nearly_the_same_by_small_weights(
    compare: Compare, coding: str, levels: int, code: float
) -> None:
    models = {name: load_checkpoint(ROOT / "checkpoints" / name) for name in SHIPPED}
    for name, ways in compare(models, coding).items():
        for answers in ways:
            assert answers.furthest("decode") <= levels, name
            for what in ("encode", "return"):
                assert what not in answers.torch or answers.furthest(what) < code, (name, what)


def test_the_kernel_is_what_its_source_says() -> None:
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed")
    assert kernel.built() == kernel.BUILT.read_text("utf-8")
