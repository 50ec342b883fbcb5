"""How a table of texts is written, told from what stands in it."""

from __future__ import annotations

import io
from typing import Any

import pytest

from vae_core.files.delimited import encoding_name, written

ROWS = [("photo", "Größe", "Ort")]
ROWS += [(f"{k}.jpg", f"1,{k}5", "Köln" if k % 2 else "Zürich") for k in range(9)]
TEXT = "\n".join(";".join(row) for row in ROWS)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (TEXT.encode(), {"encoding": "utf-8", "guessed": False, "separator": ";", "decimal": ","}),
        (TEXT.encode("utf-8-sig"), {"encoding": "utf-8-sig", "guessed": False}),
        (TEXT.encode("cp1252"), {"encoding": "cp1252", "guessed": True}),
        (TEXT.encode("utf-16-le"), {"encoding": "utf-16-le", "guessed": False, "separator": ";"}),
        (TEXT.encode("utf-16"), {"encoding": "utf-16", "separator": ";"}),
        ("名前,年齢\n".encode("cp932") + b"a.jpg,3\n" * 5, {"encoding": "cp932"}),
        ("имя,возраст\n".encode("cp1251") + b"a.jpg,3\n" * 5, {"encoding": "cp1251"}),
        (("sep=;\r\n" + TEXT).encode(), {"separator": ";", "above": ("sep=",), "skipped": 1}),
        (
            ("A study\n\n# by Ann\n" + TEXT).encode(),
            {"above": ("A study", "# by Ann"), "skipped": 3},
        ),
        (("A study;;\n" + TEXT).encode(), {"above": ("A study",), "skipped": 1}),
        (b"A study\nfile,age\na.png,3\nb.png,4", {"above": ("A study",), "skipped": 1}),
        (b"height, cm;age\n1,5;3\n1,6;4\n", {"separator": ";", "decimal": ",", "above": ()}),
        (b"file;age\na.png;0.5\nb.png;1.5\n", {"separator": ";", "decimal": "."}),
        (b'file,note\na.png,"x; y"\nb.png,"z; y"\n', {"separator": ","}),
        (b"0.5,1\n0.25,2\n", {"headless": True, "decimal": "."}),
        (b"1.5e+00 2.5e+00\n3.5e+00 4.5e+00\n", {"headless": True, "separator": " "}),
        (b"0,1\n0.5,0.25\n0.5,0.5\n", {"headless": False}),
        (b'"age","sex"\n"1",3,"m"\n"2",4,"f"\n', {"named_rows": True, "above": ()}),
        (b"age,sex\n3,m,\n4,f,\n", {"named_rows": False}),
        (b"just one column\na\nb\n", {"separator": ",", "above": (), "headless": False}),
        (b"", {"encoding": "utf-8", "above": (), "headless": False}),
    ],
)
def test_a_table_tells_how_it_is_written(data: bytes, told: dict[str, Any]) -> None:
    found = written(io.BytesIO(data))
    assert {name: getattr(found, name) for name in told} == told


def test_bytes_that_are_no_text_are_none() -> None:
    assert written(io.BytesIO(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")) is None


def test_a_character_that_is_cut_where_the_look_ends_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vae_core.files.delimited._LOOKED_AT", 11)  # within ö
    found = written(io.BytesIO(TEXT.encode()))
    assert found is not None and (found.encoding, found.separator) == ("utf-8", ";")


def test_no_word_without_end_is_looked_at() -> None:
    found = written(io.BytesIO("名前,年齢\na.jpg,3\n".encode("cp932") + b"\x80" * 500))
    assert found is not None and found.encoding == "cp932"


def test_an_encoding_is_called_as_people_call_it() -> None:
    assert encoding_name("cp932") == "Japanese (cp932)" and encoding_name("utf-16") == "utf-16"
