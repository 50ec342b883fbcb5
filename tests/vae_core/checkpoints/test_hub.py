"""A checkpoint goes to the Hub and comes back; nothing is fetched but what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from tests.hub_server import Hub, serving
from vae_core.checkpoints.hub import pull, push
from vae_core.command.main import main
from vae_core.errors import CheckpointError, ConfigError
from zscape.opening import beginning_with, is_repository

SHIPPED = Path(__file__).parents[3] / "checkpoints" / "digits-2d"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", "hf_nobody")
        hub.repositories["ann/digits"] = {
            file.name: file.read_bytes() for file in SHIPPED.iterdir()
        }
        yield hub


def test_what_was_pushed_is_pulled_by_others_and_its_card_is_one_of_the_hub(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(SHIPPED), "bob/mine", "--private"]) == 0
    assert capsys.readouterr().out == f"{hub.url}/bob/mine\n"
    assert hub.private == {"bob/mine"}
    assert main(["pull", "bob/mine", "--output", str(tmp_path / "mine")]) == 0
    for name in ("config.json", "model.safetensors", "metrics.json", "latents.safetensors"):
        assert (tmp_path / "mine" / name).read_bytes() == (SHIPPED / name).read_bytes()

    card = ModelCard(hub.repositories["bob/mine"]["README.md"].decode())
    metrics = json.loads((SHIPPED / "metrics.json").read_text())
    assert card.data.library_name == "zscape" and "vae" in card.data.tags
    assert card.data.datasets == ["digits"] and "elbo" in card.data.metrics
    assert card.data.model_name == "mine" and card.data.eval_results is not None
    figures = {each.metric_type: each.metric_value for each in card.data.eval_results}
    assert figures["elbo"] == metrics["elbo"]
    assert {each.dataset_split for each in card.data.eval_results} == {"test"}
    assert "zscape bob/mine" in card.text


def test_only_a_checkpoints_own_files_are_fetched(hub: Hub, tmp_path: Path) -> None:
    hub.repositories["ann/digits"] |= {"pytorch_model.bin": b"\x80\x04", "run.py": b"1/0"}
    assert hub.asked == []
    pull("ann/digits", tmp_path / "mine", lambda text: None)
    assert not [path for path in hub.asked if "pytorch_model" in path or "run.py" in path]
    assert {file.name for file in (tmp_path / "mine").iterdir()} == {
        file.name for file in SHIPPED.iterdir()
    }


def test_zscape_begins_with_a_model_of_the_hub(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    beginning = beginning_with("ann/digits", tmp_path / "scratch")
    assert beginning.address == "/?model=digits"
    assert beginning.environment == {"ZSCAPE_OPEN": str(tmp_path / "scratch" / "digits")}
    assert f"fetching ann/digits from {hub.url}" in capsys.readouterr().err
    (tmp_path / "runs").mkdir()
    assert not is_repository("runs/digits"), "a mistyped path is looked for nowhere else"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("config.json", b"{}", "not one of Zscape's"),
        ("model.safetensors", b"\x80\x04N." * 9, "pickled"),
        ("latents.safetensors", b"torn", "safetensors"),
        ("config.json", None, "lacks config.json"),
    ],
)
def test_what_was_pulled_is_checked_before_it_lies_anywhere(
    name: str, data: bytes | None, words: str, hub: Hub, tmp_path: Path
) -> None:
    files = hub.repositories["ann/digits"]
    files |= {name: data or b""}
    if data is None:
        del files[name]
    with pytest.raises(CheckpointError, match=words):
        pull("ann/digits", tmp_path / "mine", lambda text: None)
    assert not (tmp_path / "mine").exists()


def test_what_is_not_there_is_a_sentence(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match="eve/none is not at http"):
        pull("eve/none", tmp_path / "mine", lambda text: None)
    with pytest.raises(ConfigError, match="is no OWNER/NAME"):
        pull("none", tmp_path / "mine", lambda text: None)
    with pytest.raises(CheckpointError):
        push(tmp_path, "ann/mine")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="cannot be had of"):
        pull("ann/digits", tmp_path / "mine", lambda text: None)
    monkeypatch.setattr("vae_core.checkpoints.hub.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"zscape\[hub\]"):
        pull("ann/digits", tmp_path / "mine", lambda text: None)
