"""Codes from files: what is read of them, and what is refused."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vae_core import DataError
from vae_core.data.given.codes import given_codes
from vae_core.data.given.files import read_codes
from vae_core.data.texts import spreadsheet_csv, spreadsheet_texts

CODES = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
LABELS = ["b", "a", "b", "a", "b", "a"]
AGES = np.arange(6.0)


def png(level: int, size: tuple[int, int] = (5, 4)) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, level).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Codes in columns, with classes, ages and the paths of images that lie beside them."""
    (tmp_path / "small").mkdir()
    for k in range(6):
        (tmp_path / "small" / f"{k}.png").write_bytes(png(40 * k))
    codes = {f"z_{k + 1}": column for k, column in enumerate(CODES.T)}
    images = [f"small/{k}.png" for k in range(6)]
    return pd.DataFrame({**codes, "label": LABELS, "age": AGES, "image": images})


def test_columns_and_lists_and_arrays_tell_the_same(tmp_path: Path, table: pd.DataFrame) -> None:
    table.to_csv(tmp_path / "columns.csv", index=False)
    rest = table[["label", "age", "image"]]
    rest.assign(mu=list(CODES)).to_parquet(tmp_path / "lists.parquet")
    rest.assign(mu=[str(code.tolist()) for code in CODES]).to_csv(tmp_path / "lists.csv")
    levels = np.stack([np.full((4, 5), 40 * k, np.uint8) for k in range(6)])
    arrays = {"mu": CODES, "label": np.array(LABELS), "age": AGES, "images": levels}
    np.savez(tmp_path / "arrays.npz", **arrays)
    for name in ("columns.csv", "lists.parquet", "lists.csv", "arrays.npz"):
        found = read_codes(tmp_path / name)
        assert np.allclose(found.mu, CODES), name
        assert found.labels is not None and found.labels.tolist() == [1, 0, 1, 0, 1, 0]
        assert found.class_names == ("a", "b") and found.factors is not None
        assert found.factors[:, found.factor_names.index("age")].tolist() == AGES.tolist()
        assert found.images is not None and found.images.shape == (6, 1, 4, 5)
        assert found.images[:, 0, 0, 0].tolist() == [40 * k for k in range(6)]


def test_semicolons_part_columns_and_a_word_among_numbers_is_told(
    tmp_path: Path, table: pd.DataFrame
) -> None:
    table = table.drop(columns="image")
    table.to_csv(tmp_path / "codes.csv", index=False, sep=";", decimal=",")
    found = read_codes(tmp_path / "codes.csv")
    assert np.allclose(found.mu, CODES) and found.class_names == ("a", "b")
    table["z_2"] = [*CODES[:4, 1], "unknown", 1]
    table.to_csv(tmp_path / "codes.csv", index=False)
    with pytest.raises(DataError, match="z_2 has no number in row 5: 'unknown'; leave such rows"):
        read_codes(tmp_path / "codes.csv")


@pytest.mark.parametrize(
    ("head", "encoding", "to"),
    [
        ("", "cp1252", {"sep": ";", "decimal": ","}),
        ("", "utf-8", {"sep": ";"}),
        ("", "utf-16", {"sep": "\t", "decimal": ","}),
        ("sep=;\n", "utf-8-sig", {"sep": ";", "decimal": ","}),
        ("# by Ann\n\n", "utf-8", {}),
    ],
)
def test_codes_are_read_as_other_programs_write_them(
    tmp_path: Path, table: pd.DataFrame, head: str, encoding: str, to: dict[str, Any]
) -> None:
    table = table.drop(columns="image").replace({"a": "Ärmel", "b": "Öse"})
    (tmp_path / "codes.csv").write_bytes((head + table.to_csv(index=False, **to)).encode(encoding))
    found = read_codes(tmp_path / "codes.csv")
    assert np.allclose(found.mu, CODES) and found.class_names == ("Ärmel", "Öse")
    assert found.left_out == (("the line “# by Ann” above the header",) if "Ann" in head else ())


def test_codes_without_a_header_and_with_more_columns_than_it_names_are_not_shifted(
    tmp_path: Path, table: pd.DataFrame
) -> None:
    np.savetxt(tmp_path / "blanks.csv", CODES)
    np.savetxt(tmp_path / "commas.csv", CODES, delimiter=",")
    rows = [",".join(map(str, code.tolist())) for code in CODES]
    (tmp_path / "ends.csv").write_text("\n".join(["z1,z2,z3", *(f"{row}," for row in rows)]))
    named = [f"row {k},{row}" for k, row in enumerate(rows)]  # as R writes it
    (tmp_path / "named.csv").write_text("\n".join(["z1,z2,z3", *named]))
    printed = table.assign(mu=[str(list(code)) for code in CODES])  # np.float32(0.12), …
    printed[["mu", "label"]].to_csv(tmp_path / "printed.csv")
    for name in ("blanks", "commas", "ends", "named", "printed"):
        assert np.allclose(read_codes(tmp_path / f"{name}.csv").mu, CODES), name
    assert read_codes(tmp_path / "named.csv").factor_names == ("row",)
    (tmp_path / "longer.csv").write_text("\n".join(["z1,z2,z3", *rows, "1,2,3,4"]))
    refused(tmp_path / "longer.csv", "Expected 3 fields in line 8, saw 4")


def test_texts_that_are_all_unlike_are_no_classes() -> None:
    names = [f"{k}.png" for k in range(6)]
    found = given_codes(CODES, table={"name": names, "kind": LABELS})
    assert found.class_names == ("a", "b") and found.factor_names == ("name",)


def test_a_text_that_is_a_formula_is_none_in_a_spreadsheet() -> None:
    column = np.array(["=cmd|' /C calc'!A0", "-1.5", "a", "@b", "+", "-x"])
    safe = ["'=cmd|' /C calc'!A0", "-1.5", "a", "'@b", "'+", "'-x"]
    assert spreadsheet_texts(column).tolist() == safe
    assert spreadsheet_texts(CODES) is CODES
    table = pd.read_csv(io.StringIO(spreadsheet_csv({"=1+1": column, "mu_1": CODES[:, 0]})))
    assert list(table) == ["'=1+1", "mu_1"] and table["'=1+1"].tolist() == safe


def test_images_lie_in_a_zip_or_in_the_table_itself(tmp_path: Path, table: pd.DataFrame) -> None:
    table["image"] = [f"in/{k}.png" for k in range(6)]
    table.to_csv(tmp_path / "packed.csv", index=False)
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as bundle:
        for k in range(6):
            bundle.writestr(f"in/{k}.png", png(k, (5 + k, 4)))
    inside = [{"bytes": png(k), "path": None} for k in range(6)]  # as the library datasets has it
    table.assign(image=inside).to_parquet(tmp_path / "inside.parquet")
    of_several_sizes = read_codes(tmp_path / "packed.csv").images
    assert of_several_sizes is not None and of_several_sizes.shape == (6, 1, 64, 64)
    assert of_several_sizes[:, 0, 32, 32].tolist() == list(range(6))
    images = read_codes(tmp_path / "inside.parquet").images
    assert images is not None and images[:, 0, 0, 0].tolist() == list(range(6))


def test_sigmas_beside_the_means_make_posteriors(tmp_path: Path) -> None:
    columns = {f"{name}_{k}": CODES[:, k] ** 2 + 0.1 for name in ("mu", "sigma") for k in range(3)}
    pd.DataFrame(columns).to_csv(tmp_path / "ours.csv")
    found = read_codes(tmp_path / "ours.csv")
    assert found.logvar is not None
    assert np.allclose((found.logvar / 2).exp(), found.mu, rtol=1e-5)


def refused(path: Path, why: str) -> None:
    with pytest.raises(DataError, match=re.escape(why)):
        read_codes(path)


@pytest.mark.parametrize("place", ["../secret.png", "/etc/hostname", "a\\..\\..\\secret.png"])
def test_no_path_leads_out_of_the_folder(tmp_path: Path, table: pd.DataFrame, place: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(png(0))
    table.assign(image=place).to_csv(folder / "codes.csv")
    refused(folder / "codes.csv", "does not lie below inner")


def test_what_is_no_table_of_codes_is_told(tmp_path: Path, table: pd.DataFrame) -> None:
    np.savez(tmp_path / "pickled.npz", mu=CODES, names=np.array([{}], object))
    refused(tmp_path / "pickled.npz", "never unpickled")
    np.savez(tmp_path / "two.npz", a=CODES, b=CODES)
    refused(tmp_path / "two.npz", "has 2 arrays that could be codes")
    table[["label", "age"]].to_csv(tmp_path / "none.csv")
    refused(tmp_path / "none.csv", "has no vectors")
    table.assign(z_2=np.nan).to_csv(tmp_path / "gaps.csv")
    refused(tmp_path / "gaps.csv", "hold NaN or infinity, first in row 0")
    table.assign(z_2=1e39).to_csv(tmp_path / "vast.csv")  # beyond float32
    refused(tmp_path / "vast.csv", "hold NaN or infinity, first in row 0")
    pd.DataFrame({"v": [[1.0, 2.0], [1.0]]}).to_parquet(tmp_path / "ragged.parquet")
    refused(tmp_path / "ragged.parquet", "not of one length")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + bytes(40) + b"PAR1")
    refused(tmp_path / "broken.parquet", "is no parquet that is read")
    table.assign(image="small/none.png").to_csv(tmp_path / "lost.csv")
    refused(tmp_path / "lost.csv", "small/none.png")


def test_it_is_told_which_columns_the_codes_were(tmp_path: Path) -> None:
    frame = pd.DataFrame(np.eye(4, 3), columns=["pc_1", "pc_2", "pc_3"])
    frame.to_csv(tmp_path / "numbered.csv", index=False)
    pd.DataFrame({"vector": list(np.eye(4, 3))}).to_parquet(tmp_path / "lists.parquet")
    np.savez(tmp_path / "arrays.npz", features=np.eye(4, 3), age=np.arange(4))
    found = [read_codes(tmp_path / f) for f in ("numbered.csv", "lists.parquet", "arrays.npz")]
    assert [each.vectors for each in found] == ["pc_1 to pc_3", "vector", "features"]
