"""What came from outside, on a page and as a file's name."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit
from hypothesis import given
from hypothesis import strategies as st

from ui.text.plain import cell, file_name, show_error
from vae_core.data.datasets import load_dataset
from vae_core.errors import DataError


@given(st.text())
def test_a_file_is_called_by_what_no_system_and_no_header_takes_for_more(text: str) -> None:
    name = file_name(text)
    assert 0 < len(name) <= 80 and not name.startswith(".")
    assert not set(name) & set('/\\:*?"<>|\r\n\0')


def test_an_error_names_no_folder_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(streamlit, "error", lambda text, **_: told.append(text))
    monkeypatch.setenv("ZSCAPE_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match=str(tmp_path)) as missing:
        load_dataset("mnist", "test")
    show_error(missing.value)
    assert tmp_path.name not in told[0].replace("\\", "") and " in data" in told[0]


@pytest.mark.parametrize("text", ["=1+1", "@a", "-x", "+", "\t=1"])
def test_a_formula_in_a_table_looks_the_same_and_is_none(text: str) -> None:
    assert cell(text) != text and cell(text).replace("\u2060", "") == text
    assert cell(text)[0] not in "=+-@\t"
    assert [cell("a = b"), cell("-1.5"), cell(3), cell(None)] == ["a = b", "-1.5", 3, None]
