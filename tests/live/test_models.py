"""Which folders a model's name opens, and what is kept in memory."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import live.models
from live.models import model_at_hand, model_path, open_model, run_id, run_token
from tests.live.conftest import LATENT_DIM, STORED, save_small_model
from vae_core.errors import CheckpointError


def test_a_name_is_a_folder_of_the_checkpoints(checkpoints: Path) -> None:
    assert model_path("small") == checkpoints / "small"


def test_a_run_s_token_is_the_checkpoint_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    save_small_model(tmp_path / "abcDEF123-_" / "checkpoint")
    assert open_model("run:abcDEF123-_").model.latent_dim == LATENT_DIM


@pytest.mark.parametrize(
    "folder", ["run", "digits", "my run", "a@12", "50%", "v1.2", "Läufe, 3", "ｓmall", 255 * "a"]
)
def test_a_run_of_any_name_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    assert run_token(run_id(folder)) == run_token(run_id(folder, 12)) == folder
    assert model_path(run_id(folder)) == tmp_path / folder / "checkpoint"
    save_small_model(tmp_path / folder / "checkpoint")
    assert open_model(run_id(folder)).model.latent_dim == LATENT_DIM


def test_weights_that_are_replaced_within_a_tick_of_the_clock_are_read(checkpoints: Path) -> None:
    weights = checkpoints / "small" / "model.safetensors"
    os.utime(weights, (1e9, 1e9))
    before = open_model("small")
    save_small_model(checkpoints / "small", seed=1)
    os.utime(weights, (1e9, 1e9))
    now = open_model("small")
    assert now is not before and now is open_model("small")


def test_among_strangers_a_run_is_opened_only_by_a_name_that_nobody_can_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZSCAPE_RUNS", str(tmp_path))
    secret = f"digits-{'0f' * 12}"
    assert [model_path(run_id(name)).parent.name for name in ("digits", secret)] == [
        "digits",
        secret,
    ]
    monkeypatch.setenv("ZSCAPE_ALONE", "0")
    assert model_path(run_id(secret)).parent.name == secret
    with pytest.raises(CheckpointError):
        model_path(run_id("digits"))


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../small", "small/", "/small", "a\\b", "small\n", "small\0", "x" * 65, "run:",
     "run:../../small", "run:a/b", "run:a%2Fb", "run:..%2F..%2Fsmall", "run:%2e%2e", "run:.hidden",
     "run:a%5Cb", "run:a%00b", "run:a%0Ab", "run:é", "run:" + 256 * "a", "RUN:abcDEF123", "ｓmall"],
)  # fmt: skip
def test_what_is_no_name_is_refused(checkpoints: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="not a model's name"):
        open_model(name)


def test_an_unknown_model_is_one_sentence(checkpoints: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no model 'absent'"):
        open_model("absent")


def test_a_model_is_loaded_once_however_many_ask(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads, gate, load = [], threading.Barrier(8), live.models.read_model

    def counted(model_id: str, path: Path) -> live.models.OpenModel:
        loads.append(model_id)
        return load(model_id, path)

    def ask(_: int) -> live.models.OpenModel:
        gate.wait(timeout=60)
        return open_model("small")

    monkeypatch.setattr(live.models, "read_model", counted)
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(ask, range(8)))
    assert loads == ["small"]
    assert all(each is opened[0] for each in opened)


def test_a_retrained_model_is_loaded_anew(checkpoints: Path) -> None:
    before = open_model("small")
    assert open_model("small") is before
    save_small_model(checkpoints / "small", seed=1)
    assert open_model("small") is not before


def test_a_broken_model_is_tried_again_when_mended(checkpoints: Path) -> None:
    weights = checkpoints / "small" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    with pytest.raises(CheckpointError):
        open_model("small")
    weights.write_bytes(whole)
    assert open_model("small").model.latent_dim == LATENT_DIM


@pytest.mark.parametrize("fails", [True, False])
def test_a_model_replaced_while_it_is_read_is_read_again(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    load = live.models.read_model

    reads = []

    def torn(model_id: str, path: Path) -> live.models.OpenModel:
        opened = load(model_id, path)
        reads.append(opened)
        if len(reads) == 1:
            save_small_model(path, seed=1)
            if fails:
                raise CheckpointError("latents.safetensors is missing.")
        return opened

    save_small_model(checkpoints / "torn")
    monkeypatch.setattr(live.models, "read_model", torn)
    assert open_model("torn") is reads[1]
    old, new = (opened.model.state_dict() for opened in reads)
    assert any(not old[name].equal(new[name]) for name in new)


def test_memory_holds_the_models_used_last_by_their_bytes(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = open_model("small")
    monkeypatch.setattr(live.models._models, "most", 3 * small.nbytes)
    for name in "abc":
        save_small_model(checkpoints / name)
    for name in "ab":
        open_model(name)
    assert model_at_hand("small") is small
    open_model("c")
    assert [model_at_hand(name) is not None for name in "abc"] == [False, True, True]
    assert open_model("small") is small


def test_a_model_larger_than_the_shelf_is_held_alone(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.models._models, "most", 1)
    small = open_model("small")
    assert open_model("small") is small
    save_small_model(checkpoints / "other")
    other = open_model("other")
    assert (model_at_hand("small"), model_at_hand("other")) == (None, other)


def test_a_model_weighs_what_its_tensors_take(checkpoints: Path) -> None:
    opened = open_model("small")
    weights = sum(each.numel() for each in opened.model.parameters())
    latents = STORED * (2 * LATENT_DIM + 1)  # mu, logvar and the reconstruction
    assert opened.nbytes == 4 * (weights + latents) + 8 * STORED  # the indices are int64


def test_one_model_is_loaded_at_a_time(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"model-{k}" for k in range(4)]
    for name in names:
        save_small_model(checkpoints / name)
    load, at_once, most = live.models.read_model, [], []

    def counted(model_id: str, path: Path) -> live.models.OpenModel:
        at_once.append(model_id)
        most.append(len(at_once))
        opened = load(model_id, path)
        at_once.remove(model_id)
        return opened

    monkeypatch.setattr(live.models, "read_model", counted)
    with ThreadPoolExecutor(4) as pool:
        assert [each.id for each in pool.map(open_model, names)] == names
    assert max(most) == 1
