"""Checkpoints come back as they were saved; whatever else lies in a folder is one sentence."""

import io
import json
import math
import os
import pickle
import shutil
import struct
import warnings
import zipfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from vae_core.checkpoints import archives
from vae_core.checkpoints.archives import unpack_checkpoint, zip_checkpoint
from vae_core.checkpoints.layout import FILES
from vae_core.checkpoints.reading import (
    MAX_WEIGHT_BYTES,
    list_checkpoints,
    load_checkpoint,
    load_latents,
    model_config,
    read_config,
)
from vae_core.checkpoints.writing import copy_checkpoint, save_checkpoint, write_metrics
from vae_core.data.image_dataset import ImageDataset
from vae_core.errors import CheckpointError, ConfigError
from vae_core.files import atomic as files
from vae_core.latent.latents import Latents, encode_dataset
from vae_core.latent.manifold import manifold_grid, png_bytes, tile_images
from vae_core.measures.evaluation import evaluate
from vae_core.measures.metrics import Metrics
from vae_core.models.architecture import architecture
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel
from vae_core.training.config import TrainConfig

CHECKPOINTS = Path(__file__).parents[3] / "checkpoints"
SHIPPED = sorted(path.parent for path in CHECKPOINTS.glob("*/config.json"))
CONFIG = ModelConfig((1, 4, 3), hidden=(5,))


def small_dataset() -> ImageDataset:
    generator = torch.Generator().manual_seed(0)
    return ImageDataset(
        name="digits",
        split="test",
        images=torch.randint(0, 256, (6, 1, 4, 3), dtype=torch.uint8, generator=generator),
        labels=torch.tensor([0, 1, 2, 0, 1, 2]),
        factors=torch.rand(6, 1, generator=generator),
        class_names=("a", "b", "c"),
        factor_names=("size",),
    )


@pytest.fixture(scope="module")
def model() -> LatentModel:
    torch.manual_seed(0)
    return build_model(CONFIG).eval()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, model: LatentModel) -> Path:
    dataset = small_dataset()
    folder = tmp_path_factory.mktemp("saved") / "good"
    save_checkpoint(
        folder,
        model,
        config=TrainConfig(dataset="digits", hidden=(5,)),
        metrics=evaluate(model, dataset, importance_samples=3),
        latents=encode_dataset(model, dataset),
        dataset=dataset,
    )
    return folder


@pytest.fixture
def root(tmp_path: Path, saved: Path) -> Path:
    """A folder of two checkpoints: `good`, and `victim` for a test to damage."""
    for name in ("good", "victim"):
        shutil.copytree(saved, tmp_path / "root" / name)
    return tmp_path / "root"


def state_of(model: LatentModel) -> dict[str, bytes]:
    return {name: t.numpy().tobytes() for name, t in model.state_dict().items()}


def assert_refused(root: Path, message: str | None = None) -> None:
    """`victim` is one sentence, loaded or listed, and hides nothing beside it."""
    with pytest.raises(CheckpointError, match=message) as refusal:
        load_checkpoint(root / "victim")
    sentence = str(refusal.value)
    assert "\n" not in sentence and len(sentence) < 400
    good, victim = list_checkpoints(root)
    assert good.error is None and good.metrics is not None
    assert victim.error == sentence


def test_a_checkpoint_comes_back_bit_for_bit(root: Path, model: LatentModel) -> None:
    loaded = load_checkpoint(root / "good")
    assert type(loaded) is type(model) and loaded.config == model.config
    assert state_of(loaded) == state_of(model)
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())


def test_latents_come_back_bit_for_bit(root: Path, model: LatentModel) -> None:
    expected, loaded = encode_dataset(model, small_dataset()), load_latents(root / "good")
    assert expected.kl_terms is None and loaded is not None and loaded.kl_terms is None
    sources = torch.zeros(6, 3, dtype=torch.uint8)
    expected = replace(expected, kl_terms=torch.zeros(6, 2), sources=sources)
    save_checkpoint(root / "victim", model, latents=expected, dataset=small_dataset())
    loaded = load_latents(root / "victim")
    for name, tensor in vars(expected).items():
        assert torch.equal(getattr(loaded, name), tensor), name


def test_a_folder_without_extras_is_a_checkpoint(tmp_path: Path, model: LatentModel) -> None:
    save_checkpoint(tmp_path / "plain", model)
    assert state_of(load_checkpoint(tmp_path / "plain")) == state_of(model)
    assert load_latents(tmp_path / "plain") is None
    (listed,) = list_checkpoints(tmp_path)
    assert listed.name == "plain" and listed.metrics is None and listed.error is None


def test_a_folder_holds_the_six_documented_files(root: Path) -> None:
    assert sorted(p.name for p in (root / "good").iterdir()) == sorted(
        name for name in FILES if not name.endswith(".onnx")
    )
    config = read_config(root / "good")
    assert config["schema_version"] == 1
    assert config["latent_dim"] == 2 and config["image_shape"] == [1, 4, 3]
    assert config["dataset"] == "digits" and config["objective"] == "elbo"
    assert config["training"]["learning_rate"] == TrainConfig().learning_rate
    assert set(config["libraries"]) >= {"python", "torch"}


@pytest.mark.parametrize("kind", ["vae", "autoencoder"])
def test_the_preview_lies_over_the_two_dimensions_most_in_use(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    model = build_model(replace(CONFIG, kind=kind, latent_dim=4)).eval()
    with torch.no_grad():
        model.encoder[-1].weight[:4] *= torch.tensor([[1e-3], [10.0], [1e-3], [20.0]])
    save_checkpoint(tmp_path / "saved", model, latents=encode_dataset(model, small_dataset()))
    _, images = manifold_grid(model, 12, (1, 3))
    assert (tmp_path / "saved" / "preview.png").read_bytes() == png_bytes(tile_images(images))


def test_saving_replaces_what_was_there(root: Path) -> None:
    other = build_model(ModelConfig((1, 2, 2), hidden=()))
    save_checkpoint(root / "victim", other)
    assert state_of(load_checkpoint(root / "victim")) == state_of(other)
    assert not (root / "victim" / "metrics.json").exists()


@pytest.mark.parametrize("what", ["a folder of files", "a file"])
def test_nothing_but_a_checkpoint_is_replaced(
    root: Path, tmp_path: Path, model: LatentModel, what: str
) -> None:
    target = tmp_path / "home"
    if what == "a file":
        target.write_text("mine")
    else:
        shutil.copytree(root / "victim", target)
        (target / "thesis.txt").write_text("mine")
    for write in (
        lambda: save_checkpoint(target, model),
        lambda: copy_checkpoint(root / "victim", target),
    ):
        with pytest.raises(CheckpointError, match="would be lost; name a folder that is new"):
            write()
    assert (target if what == "a file" else target / "thesis.txt").read_text() == "mine"


def test_hidden_files_are_no_checkpoint_s_either(root: Path, model: LatentModel) -> None:
    (root / "victim" / ".DS_Store").write_bytes(b"")  # what file managers add is no loss
    save_checkpoint(root / "victim", model)
    (root / "victim" / ".git").mkdir()
    with pytest.raises(CheckpointError, match=r"'\.git' in victim"):
        save_checkpoint(root / "victim", model)


def test_doubles_are_saved_as_floats(tmp_path: Path, model: LatentModel) -> None:
    save_checkpoint(tmp_path / "double", deepcopy(model).double())
    assert state_of(load_checkpoint(tmp_path / "double")) == state_of(model)


@pytest.mark.parametrize(
    "given",
    [
        {"config": {"objective": 5}},
        {"config": {"beta": "x"}},
        {"config": {"path": Path("x")}},
        {"metrics": {"elbo": math.nan}},
        {"metrics": {"elbo": "high"}},
        {"latents": Latents(*[torch.full((2, 2), math.nan)] * 2, torch.arange(2), torch.ones(2))},
        {"latents": Latents(*[torch.ones(2, 3)] * 2, torch.arange(2), torch.ones(2))},
    ],
)
def test_what_would_not_be_read_back_does_not_replace_what_is_there(
    root: Path, model: LatentModel, given: dict[str, Any]
) -> None:
    with pytest.raises(CheckpointError):
        save_checkpoint(root / "victim", model, **given)
    assert list_checkpoints(root)[1].error is None


def test_a_card_has_the_name_of_the_folder_that_it_lies_in(
    root: Path, model: LatentModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "victim")
    write_metrics(".", Metrics("digits", "test", 6, 1, 0, True, elbo=-1.0, elbo_se=0.1))
    assert "# victim" in Path("README.md").read_text().splitlines()


def test_weights_that_could_not_be_loaded_are_not_saved(tmp_path: Path) -> None:
    broken = build_model(CONFIG)
    with torch.no_grad():
        next(broken.parameters())[0] = float("nan")
    with pytest.raises(CheckpointError, match="NaN"):
        save_checkpoint(tmp_path / "broken", broken)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_without_end_is_not_copied(root: Path, tmp_path: Path) -> None:
    preview = root / "victim" / "preview.png"
    preview.unlink()
    preview.symlink_to("/dev/zero")
    for take in (lambda: copy_checkpoint(root / "victim", tmp_path / "copy"),
                 lambda: zip_checkpoint(root / "victim")):  # fmt: skip
        with pytest.raises(CheckpointError, match="no ordinary file"):
            take()


def test_a_name_too_long_for_a_folder_is_one_sentence() -> None:
    for read in (load_checkpoint, list_checkpoints):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read("x" * 300)


def test_an_upload_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    config = ModelConfig((1, 128, 128), network="conv", hidden=(128, 4, 8), latent_dim=1)
    save_checkpoint(tmp_path / "wide", build_model(config))
    archive = io.BytesIO(zip_checkpoint(tmp_path / "wide"))
    assert_upload_refused(archive, tmp_path / "uploads", "places between the layers")


def test_an_upload_of_images_too_large_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "large", build_model(ModelConfig((3, 128, 128), hidden=(1,))))
    archive = io.BytesIO(zip_checkpoint(tmp_path / "large"))
    assert_upload_refused(archive, tmp_path / "uploads", "49,152 values, and 24,576 are the most")


def test_an_upload_that_would_work_too_long_on_an_image_is_refused_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ModelConfig((1, 72, 72), network="resnet", hidden=(80, 4))
    save_checkpoint(tmp_path / "slow", build_model(config))
    archive = io.BytesIO(zip_checkpoint(tmp_path / "slow"))
    monkeypatch.setattr(archives, "load_checkpoint", lambda _: pytest.fail("it was loaded"))
    assert_upload_refused(
        archive, tmp_path / "uploads", r"takes [\d,]+ multiply-adds, and 128,000,000 are the most"
    )


@pytest.mark.parametrize("name", [path.name for path in SHIPPED])
def test_every_shipped_model_costs_a_tenth_of_what_an_upload_may(name: str) -> None:
    path = CHECKPOINTS / name
    network = architecture(model_config(path, read_config(path)))
    assert network.multiply_adds <= archives.MAX_MULTIPLY_ADDS / 10
    assert sum(file.stat().st_size for file in path.iterdir()) <= archives.MAX_UNZIPPED_BYTES / 4
    assert not archives.too_much_an_image(network)


@pytest.mark.parametrize("kind", ["class_names", "factor_names"])
@pytest.mark.parametrize(
    ("names", "told"),
    [(["a" * 900_000], "name of 900,000 characters; 80 are"), (["a"] * 100_000, "100,000 names")],
)
def test_names_without_end_are_refused(
    root: Path, tmp_path: Path, kind: str, names: list[str], told: str
) -> None:
    path = root / "good"
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {kind: names}))
    with pytest.raises(CheckpointError, match=told):
        load_checkpoint(path)
    (described,) = [each for each in list_checkpoints(root) if each.name == "good"]
    assert told in str(described.error)


def test_a_device_that_is_not_here_is_named(root: Path) -> None:
    device = "cuda:99" if torch.cuda.is_available() else "cuda"
    with pytest.raises(ConfigError, match=f"device={device} cannot be used on this machine"):
        load_checkpoint(root / "victim", device)


def test_a_loaded_model_does_not_hang_on_its_file(root: Path, model: LatentModel) -> None:
    loaded = load_checkpoint(root / "victim")
    with (root / "victim" / "model.safetensors").open("r+b") as file:
        file.write(bytes(4000))
    assert state_of(loaded) == state_of(model)


@pytest.mark.parametrize("call", range(5))
def test_a_crash_while_saving_leaves_the_old_folder(
    root: Path, model: LatentModel, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    before = state_of(load_checkpoint(root / "victim"))
    calls = iter(range(10))
    real_replace = os.replace

    def crash(*arguments: Any) -> None:
        if next(calls) == call:
            raise OSError(28, "No space left on device")
        real_replace(*arguments)

    monkeypatch.setattr(files.os, "replace", crash)
    with pytest.raises(OSError):
        save_checkpoint(
            root / "victim",
            build_model(CONFIG),
            metrics={"elbo": -1.0},
            latents=encode_dataset(model, small_dataset()),
        )
    assert state_of(load_checkpoint(root / "victim")) == before
    assert [info.error for info in list_checkpoints(root)] == [None, None]
    assert sorted(p.name for p in root.iterdir()) == ["good", "victim"]


def test_a_crash_while_swapping_folders_brings_the_old_one_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_of(load_checkpoint(root / "victim"))
    real_rename = os.rename

    def crash(source: Path, target: Path) -> None:
        if "new" in Path(source).parts:
            raise OSError(5, "Input/output error")
        real_rename(source, target)

    monkeypatch.setattr(files.os, "rename", crash)
    with pytest.raises(OSError):
        save_checkpoint(root / "victim", build_model(CONFIG))
    assert state_of(load_checkpoint(root / "victim")) == before


@pytest.mark.parametrize("first_bytes", [b"PK", b"\x80\x02", b"\x80\x04", b"\x80\x05"])
def test_a_header_that_begins_like_a_pickle_is_still_ours(root: Path, first_bytes: bytes) -> None:
    """A safetensors file begins with its header's length, 640 = b"\\x80\\x02" for example."""
    file = root / "victim" / "model.safetensors"
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    padded = int.from_bytes(first_bytes, "little")
    assert padded > length and padded % 8 == 0
    header = data[8 : 8 + length].ljust(padded)
    file.write_bytes(padded.to_bytes(8, "little") + header + data[8 + length :])
    load_checkpoint(root / "victim")


# Damage to the weights


def overwritten(data: bytes) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(data)


def torch_saved(**options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save({"encoder.1.weight": torch.zeros(3)}, buffer, **options)
    return buffer.getvalue()


def torn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def enormous(file: Path) -> None:
    with file.open("wb") as handle:  # sparse: it takes no room on the disk
        handle.truncate(MAX_WEIGHT_BYTES + 1)


def as_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def as_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def as_loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def as_endless_device(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": overwritten(b""),
    "a few bytes": overwritten(b"\x01"),
    "text": overwritten(b"these are no weights" * 9),
    "non-UTF-8": overwritten(b"\xff\xfe\xe9" * 50),
    "torn": torn,
    "huge": enormous,
    "a folder": as_folder,
    "a pipe": as_pipe,
    "a link to itself": as_loop,
    "an endless device": as_endless_device,
}
PICKLES = {
    "torch.save": torch_saved(),
    "torch.save of old": torch_saved(_use_new_zipfile_serialization=False),
    **{f"pickle {protocol}": pickle.dumps([1.5] * 99, protocol) for protocol in range(2, 6)},
}
HEADERS = {
    "a header without end": struct.pack("<Q", 2**63) + b"{}",
    "a header of 90 MB": struct.pack("<Q", 90 << 20) + b"{}",
    "no header": struct.pack("<Q", 0),
    "a deep header": struct.pack("<Q", 80_000) + b"[" * 80_000,
    "a header of no object": struct.pack("<Q", 8) + b"[1,2,3] ",
}


@pytest.mark.parametrize("damage", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_an_unreadable_file_is_refused(
    root: Path, name: str, damage: Callable[[Path], object]
) -> None:
    damage(root / "victim" / name)
    assert_refused(root)


@pytest.mark.parametrize("data", PICKLES.values(), ids=PICKLES)
def test_pickled_weights_are_refused_as_such(root: Path, data: bytes) -> None:
    (root / "victim" / "model.safetensors").write_bytes(data)
    assert_refused(root, "pickled")


@pytest.mark.parametrize("data", HEADERS.values(), ids=HEADERS)
def test_a_hostile_header_is_refused(root: Path, data: bytes) -> None:
    (root / "victim" / "model.safetensors").write_bytes(data)
    assert_refused(root)


class Exploit:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("protocol", range(6))
def test_no_file_of_a_checkpoint_is_ever_unpickled(
    root: Path, tmp_path: Path, name: str, protocol: int
) -> None:
    trap = tmp_path / "pwned"
    payload = pickle.dumps(Exploit(trap), protocol)
    (root / "victim" / name).write_bytes(payload)
    for look in (load_checkpoint, load_latents, zip_checkpoint):
        try:
            look(root / "victim")
        except CheckpointError:
            continue
    list_checkpoints(root)
    assert not trap.exists()
    pickle.loads(payload)
    assert trap.exists(), "the trap itself works"


def resaved(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        weights = {name: t.clone() for name, t in load_file(file).items()}
        change(weights)
        save_file(weights, file)

    return damage


WEIGHT = "encoder.1.weight"
FOREIGN_WEIGHTS: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
    "one is missing": lambda w: w.pop(WEIGHT),
    "one too many": lambda w: w.update(extra=torch.zeros(1)),
    "an absurd name": lambda w: w.update({"x" * 5000: torch.zeros(1)}),
    "another shape": lambda w: w.update({WEIGHT: w[WEIGHT][:, :-1].contiguous()}),
    "transposed": lambda w: w.update({WEIGHT: w[WEIGHT].T.contiguous()}),
    "another type": lambda w: w.update({WEIGHT: w[WEIGHT].double()}),
    "half precision": lambda w: w.update({WEIGHT: w[WEIGHT].half()}),
}


@pytest.mark.parametrize("change", FOREIGN_WEIGHTS.values(), ids=FOREIGN_WEIGHTS)
def test_weights_of_another_model_are_refused(
    root: Path, change: Callable[[dict[str, torch.Tensor]], object]
) -> None:
    resaved(change)(root / "victim" / "model.safetensors")
    assert_refused(root, "weight")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(root: Path, value: float) -> None:
    resaved(lambda w: w[WEIGHT][0].fill_(value))(root / "victim" / "model.safetensors")
    with pytest.raises(CheckpointError, match="NaN or infinite"):
        load_checkpoint(root / "victim")


# Damage to the config

BOMBS = {
    "deep nesting": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "an endless number": b'{"latent_dim": ' + b"9" * 100_000 + b"}",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "torn": b'{"schema_version": 1, "kind": "va',
    "Latin-1": '{"schema_version": 1, "kind": "é"}'.encode("latin-1"),
    "more than a megabyte": b'{"schema_version": 1, "x": "' + b"x" * (1 << 20) + b'"}',
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_a_config_that_is_no_json_object_of_ours_is_refused(root: Path, data: bytes) -> None:
    (root / "victim" / "config.json").write_bytes(data)
    assert_refused(root)


NESTED: list[Any] = []
for _ in range(900):
    NESTED = [NESTED]

WRONG_FIELDS: list[tuple[str, Any]] = [
    ("schema_version", 2),
    ("schema_version", "1"),
    ("schema_version", None),
    *(("latent_dim", value) for value in (0, -1, 10**6, 2.0, "2", True, None, [2])),
    *(("image_shape", value) for value in ([1, 4], [2, 4, 3], [1, 0, 3], [1, 4, 10**9], "143")),
    *(("image_shape", value) for value in ([1.0, 4, 3], None, {"c": 1}, NESTED)),
    *(("hidden", value) for value in ([0], [-5], [10**9], [5] * 17, "5", [True], None, NESTED)),
    *(("kind", value) for value in ("gan", "", 1, [], {}, None, "x" * 9000)),
    *(("network", value) for value in ("resnet", "conv", 1, [], {}, None, "x" * 9000)),
    *(("activation", value) for value in ("swish", [], {}, None, "x" * 9000)),
    *(("likelihood", value) for value in ("poisson", [], {}, None, "x" * 9000)),
    *(("sigma", value) for value in (-1.0, "1", float("inf"), float("nan"), [], None)),
    ("link", []),
    *(("dataset", value) for value in (5, ["digits"])),
    *(("class_names", value) for value in (None, "abc", {"a": 1}, [1, 2, 3], [["a"]])),
    *(("factor_names", value) for value in (None, [None])),
    *(("training", value) for value in (None, [], "x", {"beta": "x"}, {"beta": 10**400})),
]


@pytest.mark.parametrize(("field", "value"), WRONG_FIELDS, ids=lambda v: repr(v)[:24])
def test_a_config_field_out_of_its_range_is_refused(root: Path, field: str, value: Any) -> None:
    file = root / "victim" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
    assert_refused(root)


@pytest.mark.parametrize(
    "field", ["kind", "latent_dim", "image_shape", "activation", "class_names"]
)
def test_a_config_that_lacks_a_field_is_refused(root: Path, field: str) -> None:
    file = root / "victim" / "config.json"
    config = json.loads(file.read_text())
    del config[field]
    file.write_text(json.dumps(config))
    assert_refused(root, field)


def test_absurd_sizes_are_refused_before_any_memory_is_taken(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root / "victim" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"hidden": [8192] * 16}))
    real_empty = torch.empty

    def counting(*size: Any, **options: Any) -> torch.Tensor:
        tensor = real_empty(*size, **options)
        assert tensor.is_meta or tensor.numel() < 1000
        return tensor

    monkeypatch.setattr(torch, "empty", counting)
    assert_refused(root, "weight")


def test_a_file_is_no_checkpoint_and_a_missing_one_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(torch_saved())
    with pytest.raises(CheckpointError, match="is a file"):
        load_checkpoint(tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_checkpoint(tmp_path / "missing")
    assert list_checkpoints(tmp_path) == [] == list_checkpoints(tmp_path / "missing")
    assert list_checkpoints(tmp_path / "model.pt") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "metrics.json"])
def test_a_file_without_permission_is_refused(root: Path, name: str) -> None:
    (root / "victim" / name).chmod(0)
    assert list_checkpoints(root)[1].error is not None


METRICS = [
    b"[]",
    b"{",
    b'{"elbo": "high"}',
    b'{"elbo": NaN}',
    b'{"elbo": 1e999}',
    b'{"kl_per_dim": [1, "2"]}',
    b'{"kl_per_dim": 3.5e400}',
    b'{"active_units": []}',
    b'{"active_units": 1.5}',
    b'{"kl_per_dim": 3.0}',
    b'{"elbo": true}',
    b'{"dataset": {"a": 1}}',
    b"{}",
    b'{"note": 1}',
    b'{"kl": 1.0, "reconstruction": -2.0}',
    b'{"class_error": 0.5}',
    b'{"grey_cross_entropy": "no"}',
]


@pytest.mark.parametrize("data", METRICS)
def test_metrics_that_are_no_figures_are_refused(root: Path, data: bytes) -> None:
    (root / "victim" / "metrics.json").write_bytes(data)
    good, victim = list_checkpoints(root)
    assert good.error is None
    assert victim.error is not None and "metrics.json" in victim.error


# Damage to the latents

FOREIGN_LATENTS: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
    "no mu": lambda w: w.pop("mu"),
    "a foreign column": lambda w: w.update(z=torch.zeros(6)),
    "doubles": lambda w: w.update(mu=w["mu"].double()),
    "another latent_dim": lambda w: w.update(mu=torch.zeros(6, 3), logvar=torch.zeros(6, 3)),
    "clashing rows": lambda w: w.update(labels=torch.zeros(5, dtype=torch.int64)),
    "a matrix of labels": lambda w: w.update(labels=torch.zeros(6, 2, dtype=torch.int64)),
    "a scalar": lambda w: w.update(indices=torch.tensor(3)),
    "NaN": lambda w: w["mu"].fill_(float("nan")),
    "an infinite mean": lambda w: w["mu"].fill_(math.inf),
    "a posterior without width": lambda w: w["logvar"].fill_(-math.inf),
    "an image before the first": lambda w: w["indices"].copy_(torch.arange(6) - 1),
    "an image twice": lambda w: w["indices"].fill_(2),
    "no rows": lambda w: w.update({name: column[:0] for name, column in w.items()}),
    "a class without a name": lambda w: w["labels"].fill_(3),
    "a negative class": lambda w: w["labels"].fill_(-1),
    "a mean out of sight": lambda w: w["mu"].fill_(-1e30),
    "a factor without a name": lambda w: w.update(factors=torch.zeros(6, 2)),
}


@pytest.mark.parametrize("change", FOREIGN_LATENTS.values(), ids=FOREIGN_LATENTS)
def test_foreign_latents_are_refused(
    root: Path, change: Callable[[dict[str, torch.Tensor]], object]
) -> None:
    resaved(change)(root / "victim" / "latents.safetensors")
    with pytest.raises(CheckpointError):
        load_latents(root / "victim")


@pytest.mark.parametrize("label", [-1, 1_000, 2**40])
def test_a_label_that_counts_no_class_is_refused_where_none_has_a_name(
    root: Path, label: int
) -> None:
    config = json.loads((root / "victim" / "config.json").read_text())
    (root / "victim" / "config.json").write_text(json.dumps(config | {"class_names": []}))
    file = root / "victim" / "latents.safetensors"
    resaved(lambda w: w["labels"].fill_(999))(file)
    assert load_latents(root / "victim") is not None
    resaved(lambda w: w["labels"].fill_(label))(file)
    with pytest.raises(CheckpointError, match="no class from 0 to 999"):
        load_latents(root / "victim")


@pytest.mark.parametrize(
    "damage", [d for n, d in UNREADABLE.items() if n not in ("missing", "a link to itself")]
)
def test_unreadable_latents_are_refused(root: Path, damage: Callable[[Path], object]) -> None:
    damage(root / "victim" / "latents.safetensors")
    with pytest.raises(CheckpointError):
        load_latents(root / "victim")


# Fuzz: whatever the bytes, a valid model or one CheckpointError comes out

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
FUZZ = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


def assert_valid_or_refused(folder: Path) -> None:
    try:
        loaded = load_checkpoint(folder)
    except CheckpointError as error:
        assert len(str(error)) < 400
    else:
        assert loaded.decode(torch.zeros(1, loaded.latent_dim)).isfinite().all()


@FUZZ
@given(data=st.data())
def test_no_config_makes_loading_fail_otherwise(root: Path, data: st.DataObject) -> None:
    config = read_config(root / "good")
    field = data.draw(st.sampled_from(sorted(config)))
    value = data.draw(JSON_VALUES)
    (root / "victim" / "config.json").write_text(json.dumps(config | {field: value}))
    assert_valid_or_refused(root / "victim")
    assert list_checkpoints(root)[0].error is None


@FUZZ
@given(cut=st.integers(0, 3000), flips=st.lists(st.integers(0, 8 * 1200), max_size=4))
def test_no_damage_to_weights_makes_loading_fail_otherwise(
    root: Path, cut: int, flips: list[int]
) -> None:
    data = bytearray((root / "good" / "model.safetensors").read_bytes()[:cut])
    for bit in flips:
        if bit // 8 < len(data):
            data[bit // 8] ^= 1 << bit % 8
    (root / "victim" / "model.safetensors").write_bytes(data)
    assert_valid_or_refused(root / "victim")
    assert list_checkpoints(root)[0].error is None


# Uploads


def zipped(entries: dict[str, bytes], **options: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as bundle:
        for name, data in entries.items():
            bundle.writestr(name, data)
    return buffer


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def assert_upload_refused(archive: io.BytesIO, uploads: Path, message: str | None = None) -> None:
    """Refused with one sentence, and nothing is left behind, here or above."""
    uploads.mkdir()
    before = sorted(uploads.parent.rglob("*"))
    with pytest.raises(CheckpointError, match=message) as refusal:
        unpack_checkpoint(archive, uploads / "new")
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400
    assert sorted(uploads.parent.rglob("*")) == before


def test_a_zipped_checkpoint_unpacks_to_the_same_files(
    root: Path, tmp_path: Path, model: LatentModel
) -> None:
    unpacked = unpack_checkpoint(io.BytesIO(zip_checkpoint(root / "good")), tmp_path / "u" / "new")
    assert state_of(unpacked) == state_of(model)
    assert contents(tmp_path / "u" / "new") == contents(root / "good")
    assert [info.name for info in list_checkpoints(tmp_path / "u")] == ["new"]


@pytest.mark.parametrize("prefix", ["", "my model/"])
def test_a_zip_as_file_managers_make_it_unpacks(
    root: Path, tmp_path: Path, model: LatentModel, prefix: str
) -> None:
    entries = {prefix + name: data for name, data in contents(root / "good").items()}
    entries |= {f"__MACOSX/{prefix}._config.json": b"\x00\x05", f"{prefix}.DS_Store": b"\x00"}
    archive = zipped(entries, compression=zipfile.ZIP_DEFLATED)
    assert state_of(unpack_checkpoint(archive, tmp_path / "new")) == state_of(model)


def test_a_zip_with_backslashes_unpacks(root: Path, tmp_path: Path, model: LatentModel) -> None:
    archive = zipped({f"my model\\{k}": data for k, data in contents(root / "good").items()})
    assert state_of(unpack_checkpoint(archive, tmp_path / "new")) == state_of(model)


EVIL_NAMES = [
    "../config.json",
    "a/../../config.json",
    "/config.json",
    "/etc/config.json",
    "..\\config.json",
    "C:\\config.json",
    "a/b/config.json",
    "other/config.json",
    "evil.py",
    "a/model.pt",
    "config.json\n.txt",
]


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_an_archive_with_a_foreign_path_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    archive = zipped({**contents(root / "good"), name: b"evil"})
    assert_upload_refused(archive, tmp_path / "uploads", "archive holds")


def test_an_archive_with_a_name_twice_is_refused(root: Path, tmp_path: Path) -> None:
    archive = zipped(contents(root / "good"))
    with warnings.catch_warnings(), zipfile.ZipFile(archive, "a") as bundle:
        warnings.simplefilter("ignore")
        bundle.writestr("config.json", b"{}")
    assert_upload_refused(archive, tmp_path / "uploads", "archive holds")


def test_an_archive_with_a_link_is_refused(root: Path, tmp_path: Path) -> None:
    entries = contents(root / "good")
    del entries["config.json"]
    archive = zipped(entries)
    link = zipfile.ZipInfo("config.json")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as bundle:
        bundle.writestr(link, "/etc/passwd")
    assert_upload_refused(archive, tmp_path / "uploads", "archive holds")


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = io.BytesIO()
    with (
        zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle,
        bundle.open("model.safetensors", "w") as member,
    ):
        for _ in range(3):
            member.write(bytes(1 << 20))
    monkeypatch.setattr(archives, "MAX_UNZIPPED_BYTES", 2 << 20)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("it was unpacked"))
    assert_upload_refused(archive, tmp_path / "uploads", "more than 2 MB")


def test_a_bomb_that_lies_about_its_size_is_refused(root: Path, tmp_path: Path) -> None:
    archive = zipped({"config.json": b"{}" + bytes(1 << 20)}, compression=zipfile.ZIP_DEFLATED)
    data = archive.getvalue().replace(struct.pack("<I", (1 << 20) + 2), struct.pack("<I", 2))
    assert_upload_refused(io.BytesIO(data), tmp_path / "uploads")


def test_an_archive_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "large.zip"
    with file.open("wb") as handle:
        handle.truncate((64 << 20) + 1)
    with file.open("rb") as handle, pytest.raises(CheckpointError, match="larger than 64 MB"):
        unpack_checkpoint(handle, tmp_path / "new")


def test_an_encrypted_archive_is_refused(root: Path, tmp_path: Path) -> None:
    data = bytearray(zipped(contents(root / "good")).getvalue())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 1)
    assert_upload_refused(io.BytesIO(data), tmp_path / "uploads", "encrypted")


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04 torn", *PICKLES.values()])
def test_what_is_no_zip_of_a_checkpoint_is_refused(tmp_path: Path, data: bytes) -> None:
    assert_upload_refused(io.BytesIO(data), tmp_path / "uploads")


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_an_archive_that_lacks_a_file_is_refused(root: Path, tmp_path: Path, missing: str) -> None:
    entries = contents(root / "good")
    del entries[missing]
    assert_upload_refused(zipped(entries), tmp_path / "uploads", f"{missing} is missing")


@pytest.mark.parametrize("name", ["model.safetensors", "latents.safetensors", "metrics.json"])
def test_an_archive_with_a_broken_file_leaves_nothing(
    root: Path, tmp_path: Path, name: str
) -> None:
    archive = zipped(contents(root / "good") | {name: b"\x00broken"})
    assert_upload_refused(archive, tmp_path / "uploads")


@FUZZ
@given(
    flips=st.lists(st.integers(0, 8 * 8000), min_size=1, max_size=6),
    compression=st.sampled_from([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
)
def test_no_damage_to_an_archive_makes_unpacking_fail_otherwise(
    root: Path, flips: list[int], compression: int
) -> None:
    data = bytearray(zipped(contents(root / "good"), compression=compression).getvalue())
    for bit in flips:
        data[bit // 8 % len(data)] ^= 1 << bit % 8
    target = root / "unpacked"
    try:
        unpack_checkpoint(io.BytesIO(data), target)
    except CheckpointError:
        assert not target.exists()
    else:
        shutil.rmtree(target)


def test_an_archive_with_an_enormous_directory_is_refused_unread(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = io.BytesIO(zip_checkpoint(root / "good"))
    monkeypatch.setattr(archives, "MAX_DIRECTORY_BYTES", 20)
    assert_upload_refused(archive, tmp_path / "uploads", "too many files")
