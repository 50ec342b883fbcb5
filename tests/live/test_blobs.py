"""Bytes and files that the browser fetches once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from live.assets import publish_folder
from live.blobs import BlobStore, publish
from vae_core.errors import ConfigError


def test_published_bytes_come_back_whole_and_may_be_kept_for_good(client: TestClient) -> None:
    url = publish(b"\0points\xff", "application/octet-stream")
    response = client.get(url)
    assert response.content == b"\0points\xff"
    assert "immutable" in response.headers["cache-control"]


def test_the_same_bytes_have_the_same_url() -> None:
    assert publish(b"one", "image/png") == publish(b"one", "image/png")
    assert publish(b"one", "image/png") != publish(b"two", "image/png")


@pytest.mark.parametrize("key", ["0" * 64, "..%2f..%2fetc%2fpasswd", "x"])
def test_unknown_bytes_are_a_sentence(client: TestClient, key: str) -> None:
    response = client.get(f"/live/blob/{key}")
    assert response.status_code == 404


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_the_store_is_bounded_and_keeps_the_newest(blobs: list[bytes]) -> None:
    store = BlobStore(max_bytes=100)
    for blob in blobs:
        key = store.add(blob, "a/b")
        assert store.get(key) == (blob, "a/b")
        assert store.size <= 100


def test_what_is_larger_than_the_store_is_refused() -> None:
    with pytest.raises(ConfigError, match="more than the store"):
        BlobStore(max_bytes=3).add(b"four", "a/b")


def test_a_folder_s_modules_are_served_under_the_hash_of_all(
    client: TestClient, tmp_path: Path
) -> None:
    (tmp_path / "main.js").write_text('import "./part.js";')
    (tmp_path / "part.js").write_text("1")
    (tmp_path / "secret.txt").write_text("no")
    first = publish_folder(tmp_path)
    (tmp_path / "part.js").write_text("2")
    second = publish_folder(tmp_path)
    assert first != second
    assert client.get(f"{first}/part.js").text == "1"
    assert client.get(f"{second}/part.js").text == "2"
    assert client.get(f"{second}/main.js").headers["content-type"].startswith("text/javascript")
    assert client.get(f"{second}/secret.txt").status_code == 404
