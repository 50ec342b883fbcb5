"""A table beside one's own images: what it says of each, and what of it is not used."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from vae_core.checkpoints.reading import load_latents, read_config
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.data.columns import Unusable, column_of
from vae_core.data.image_dataset import ImageDataset
from vae_core.data.own.images import Survey, read_images, write_images
from vae_core.data.texts import texts_of
from vae_core.errors import CheckpointError, DataError
from vae_core.files.atomic import write_json
from vae_core.latent.dimensions import by_factor, correlation_ratios, correlations
from vae_core.latent.latents import encode_dataset
from vae_core.measures.codes.disentanglement import disentanglement_scores
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model

PATHS = [f"{k:02}.png" for k in range(20)]
AGES = [20 + k for k in range(20)]


def zipped(table: bytes | None, name: str = "labels.csv", paths: list[str] = PATHS) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as bundle:
        for k, path in enumerate(paths):
            png = io.BytesIO()
            Image.fromarray(np.full((4, 4), 12 * k, np.uint8)).save(png, "PNG")
            bundle.writestr(path, png.getvalue())
        if table is not None:
            bundle.writestr(name, table)
    return file


def csv(rows: list[tuple[object, ...]], separator: str = ",") -> bytes:
    return "\n".join(separator.join(map(str, row)) for row in rows).encode()


AGED = csv([("file", "age", "sex"), *zip(PATHS, AGES, ["m", "f"] * 10, strict=True)])


def read(source: io.BytesIO | Path, labels: object = None) -> tuple[ImageDataset, list[str]]:
    """All images, and what was said of them."""
    said: list[str] = []
    hear = lambda survey: said.extend(survey.notes)  # noqa: E731
    train, test = read_images(source, labels, on_survey=hear)  # type: ignore[arg-type]
    return train.joined(test), said


def column(data: ImageDataset, name: str) -> dict[str, float | str]:
    """A column of the table by the files."""
    assert data.factors is not None and data.sources is not None
    k = data.factor_names.index(name)
    values, names = data.factors[:, k].tolist(), data.factor_values[k]
    told = [names[int(v)] if names and v == v else v for v in values]
    return dict(zip(texts_of(data.sources), told, strict=True))


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("labels.csv", AGED),
        ("sub/anything.tsv", AGED.replace(b",", b"\t")),
        ("labels.csv", AGED.replace(b",", b";")),
        ("labels.csv", "\ufeff".encode() + AGED.replace(b"\n", b"\r\n")),
        ("labels.csv", AGED.replace(b".png", b"")),
        ("labels.csv", AGED.replace(b"\n", b"\n./photos\\")),
        ("labels.csv", AGED.decode().encode("utf-16")),
    ],
)
def test_what_a_table_says_belongs_to_the_file_that_it_names(name: str, table: bytes) -> None:
    data, said = read(zipped(table, name))
    assert column(data, "age") == dict(zip(PATHS, AGES, strict=True))
    assert column(data, "sex") == dict(zip(PATHS, ["m", "f"] * 10, strict=True))
    assert data.factor_values == ((), ("f", "m"))
    assert said == [f"Columns of {Path(name).name}: age, sex (2 texts)."]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("\ufeffsep=;\r\nBild;Alter;Größe\r\n{0};{1};1.23{2},5\r\n", []),
        ("# by Ann\nBild,Alter,Größe\n{0},{1},123{2}.5\n", ["above the header: # by Ann"]),
        ("A study;;\nBild;Alter;Größe\n{0};{1};123{2},5\n", ["above the header: A study"]),
        ('"Bild", "Alter", "Größe"\n"{0}", "{1}", "123{2},5"\n', ["Größe (“1230,5” as 1230.5)"]),
        ('Bild,Alter,Größe\n{0},{1} years,"1,23{2}.5 €"\n', ["Alter (“20 years” as 20)"]),
        ('"Alter","Größe"\n"{0}",{1},123{2}.5\n', []),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le"])
def test_a_table_is_read_as_people_s_programs_write_it(
    written: str, said: list[str], encoding: str
) -> None:
    head, row = written.rsplit("\n", 2)[:2]
    rows = [row.format(path, 20 + k, k % 10) for k, path in enumerate(PATHS)]
    text = "\n".join([head, *rows]).removeprefix("" if encoding == "utf-8" else "\ufeff")
    data, notes = read(zipped(text.encode(encoding)))
    assert column(data, "Alter") == dict(zip(PATHS, AGES, strict=True))
    assert column(data, "Größe") == {path: 1230.5 + k % 10 for k, path in enumerate(PATHS)}
    assert all(any(word in note for note in notes) for word in said)
    assert ("labels.csv is not UTF-8, and is read as Western (cp1252)." in notes) == (
        encoding == "cp1252"
    )


@pytest.mark.parametrize("counter", ["no", "id"])
def test_an_age_is_never_taken_for_the_name_of_a_file(counter: str) -> None:
    paths = [f"{k}.png" for k in range(20)]
    rows = [(k + 1, path, 19 - k) for k, path in enumerate(paths)]
    data, _ = read(zipped(csv([(counter, "Foto", "age"), *rows]), paths=paths))
    assert column(data, "age") == {path: 19 - k for k, path in enumerate(paths)}
    other = [(f"{k}.tif", age) for k, _, age in rows]
    data, said = read(zipped(csv([("file", "age"), *other]), paths=paths))
    assert data.factors is None
    assert any("no column of it names the files" in note for note in said)


def test_a_name_that_is_of_two_files_is_told_and_a_comma_parts_no_number() -> None:
    paths = [f"{folder}/{k}.png" for folder in "ab" for k in range(10)]
    rows = [(f"{k}.png", k) for k in range(10)]
    _, said = read(zipped(csv([("file", "age"), *rows]), paths=paths))
    assert any("0.png may be of several images; give the path of each" in note for note in said)
    text = "file\tage\n" + "".join(f"{path}\t{k},5\n" for k, path in enumerate(paths))
    data, _ = read(zipped(text.encode(), paths=paths))
    assert column(data, "age") == {path: k + 0.5 for k, path in enumerate(paths)}


def test_a_column_that_tells_not_all_classes_is_said_to_tell_none() -> None:
    rows = list(zip(PATHS, ["a", "b"] * 9 + ["a", ""], strict=True))
    data, said = read(zipped(csv([("file", "label"), *rows])))
    assert not data.class_names
    told = "The column label of labels.csv names no classes: 1 of 20 images have none there."
    assert told in said


def test_a_parquet_table_is_one_as_well_and_may_lie_elsewhere(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": [path[:2] for path in PATHS], "age": AGES, "when": pd.Timestamp(0)})
    frame["sex"] = pd.Categorical(["m", "f"] * 10)
    frame.to_parquet(tmp_path / "labels.parquet")
    inside, said = read(zipped((tmp_path / "labels.parquet").read_bytes(), "labels.parquet"))
    beside, _ = read(zipped(None), tmp_path / "labels.parquet")
    for data in (inside, beside):
        assert column(data, "age") == dict(zip(PATHS, AGES, strict=True))
        assert column(data, "sex") == dict(zip(PATHS, ["m", "f"] * 10, strict=True))
    assert "Neither numbers nor texts in labels.parquet: when." in said
    (tmp_path / "other.csv").write_bytes(csv([("who", "age"), ("x", 1), ("y", 2)]))
    with pytest.raises(DataError, match="no column of it names the files"):
        read(zipped(AGED), tmp_path / "other.csv")
    data, said = read(zipped(b"PAR1 torn", "labels.parquet"))
    assert data.factors is None and "damaged, or no Parquet file" in said[0]


def test_nothing_of_a_table_is_dropped_without_being_named() -> None:
    rows: list[tuple[object, ...]] = [("file", "age", "note", "same", "label", "label")]
    rows += [(path, age, f"text {age}", 1, "x", "y") for path, age in zip(PATHS, AGES, strict=True)]
    rows[1:] = [(*row[:2], f"{row[2]}", *row[3:]) for row in rows[1:]]
    rows[3] = ("02.png", "", "n/a", 1, "", "y")
    rows = [*rows[:-1], ("lost.png", 3, "", 1, "x", "y"), ("00.png", 99, "", 1, "x", "y")]
    data, said = read(zipped(csv(rows)))
    assert np.isnan(column(data, "age")["02.png"]) and np.isnan(column(data, "age")["19.png"])
    assert column(data, "age")["00.png"] == 20
    assert said == [
        "Images without a row in labels.csv: 1 (19.png).",
        "Rows of labels.csv without an image: 1 (lost.png).",
        "Rows of labels.csv for images that have one already, and are not read: 1 (00.png).",
        "The column label of labels.csv names no classes: 2 of 20 images have none there.",
        "Columns of labels.csv: age, note (18 texts), label (table) (1 text), label (6) (1 text).",
        "Not used of labels.csv: same is the same for all.",
    ]
    long = csv([("file", "id"), *((path, f"{'x' * 90}{path}") for path in PATHS)])
    assert read(zipped(long))[1] == [
        "Not used of labels.csv: id has texts of more than 80 characters."
    ]
    assert read(zipped(csv([("who", "age"), ("x", 1), ("y", 2)])))[1] == [
        "labels.csv is not used: no column of it names the files, such as 00.png."
    ]
    twins = zipped(csv([("file", "age"), ("1.png", 3), ("a/0.png", 4), ("b/0.png", 5)]), paths=[
        f"{folder}/{k}.png" for folder in "ab" for k in range(4)
    ])  # fmt: skip
    said = read(twins)[1]
    assert "Rows of labels.csv that may be of several images, and are not read: 1 (1.png)." in said
    two = zipped(AGED, "x.csv")
    with zipfile.ZipFile(two, "a") as bundle:
        bundle.writestr("y.csv", AGED)
    assert "Of several tables none is read: x.csv, y.csv; call the one labels.csv." in read(two)[1]


def test_a_table_without_a_header_and_one_that_names_the_classes() -> None:
    data, _ = read(zipped(AGED.partition(b"\n")[2]))
    assert column(data, "column 2") == dict(zip(PATHS, AGES, strict=True))
    labels = csv([("image", "Label"), *((path, [10, 9][k % 2]) for k, path in enumerate(PATHS))])
    data, said = read(zipped(labels))
    assert data.class_names == ("9", "10") and data.factors is None
    assert said == ["The column Label of labels.csv names the classes."]


def test_further_arrays_are_a_table_as_those_of_dsprites(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
    classes = np.stack([np.zeros(20), np.arange(20) % 3, np.arange(20)], 1).astype(int)
    np.savez(
        tmp_path / "a.npz", imgs=x, latents_classes=classes, sex=np.array(["m", "f"] * 10),
        age=np.where(np.arange(20) == 3, np.nan, np.arange(20.0)), odd=np.zeros(7),
        metadata=np.array({"author": 1}, object), allow_pickle=True,
    )  # fmt: skip
    data, said = read(tmp_path / "a.npz")
    assert data.factor_names == ("latents_classes 2", "latents_classes 3", "sex", "age")
    assert column(data, "sex")["imgs[3]"] == "f" and np.isnan(column(data, "age")["imgs[3]"])
    assert said == [
        "Columns of a.npz: latents_classes 2, latents_classes 3, sex (2 texts), age.",
        "Not used of a.npz: latents_classes 1 is the same for all.",
        "Python objects, which are never unpickled: metadata.",
        "Arrays that are not read: odd.",
    ]


def test_a_run_and_a_checkpoint_keep_the_table(tmp_path: Path) -> None:
    train, test = read_images(zipped(AGED))
    write_images(tmp_path / "images.npz", train, test)
    data, again = train.joined(test), read(tmp_path / "images.npz")[0]
    assert (again.factor_names, again.factor_values) == (data.factor_names, data.factor_values)
    assert torch.equal(again.factors, data.factors)  # type: ignore[arg-type]

    model = build_model(ModelConfig(latent_dim=2, image_shape=(1, 4, 4), hidden=(4,)))
    latents = encode_dataset(model, test)
    assert latents.factors is not None
    latents.factors[0] = torch.nan
    save_checkpoint(tmp_path / "mine", model, latents=latents, dataset=test)
    stored, config = load_latents(tmp_path / "mine"), read_config(tmp_path / "mine")
    assert stored is not None
    told = stored.table((), config["factor_names"], config["factor_values"])
    assert told["sex"][0] == "" and told["sex"][1] in ("m", "f") and np.isnan(told["age"][0])
    for broken in ([["x"]], "x", [[1], []], [[], ["f"]]):
        write_json(tmp_path / "mine" / "config.json", {**config, "factor_values": broken})
        with pytest.raises(CheckpointError, match=r"factor_values|no name for some stored factor"):
            load_latents(tmp_path / "mine")


def test_a_written_table_that_was_changed_is_refused(tmp_path: Path) -> None:
    train, test = read_images(zipped(AGED))
    write_images(tmp_path / "images.npz", train, test)
    with np.load(tmp_path / "images.npz") as file:
        arrays = dict(file)
    for change in (
        {"columns": np.array("[1]")},
        {"columns": np.array("{")},
        {"columns": np.array('{"age": []}')},
        {"factors_test": np.zeros((1, 2), np.float32)},
        {"sources_test": np.zeros((2, 300), np.uint8)},
    ):
        np.savez(tmp_path / "changed.npz", **(arrays | change))
        with pytest.raises(DataError):
            read_images(tmp_path / "changed.npz")


def test_a_column_is_numbers_or_categories_or_says_why_not() -> None:
    assert column_of("a", ["3", " 4.5 ", "NA", ""]).values.tolist()[:2] == [3, 4.5]
    assert column_of("a", ["b10", "b9", "b9"]).names == ("b9", "b10")
    assert column_of("a", ["16777217", "1"]).rounded
    ages = [str(k) for k in range(20)]
    found = column_of("a", [*ages, "unknown", "?"])
    assert found.gaps == ("?", "unknown") and not found.names
    assert np.isnan(found.values).tolist() == [False] * 20 + [True] * 2
    assert column_of("a", [*ages, *["-"] * 20]).gaps == ("-",)  # however many
    assert column_of("a", ["S1", "S2", "S3"]).names and column_of("a", ["1_2", "1_3"]).names
    assert column_of("a", ["1,5", "2,25", "3"]).values.tolist() == [1.5, 2.25, 3]
    assert column_of("a", ["1,500", "2,250", "3"]).values.tolist() == [1500, 2250, 3]
    assert column_of("a", ["1.234.567,5", "-2"]).values.tolist() == [1234567.5, -2]
    assert column_of("a", ["5 %", "12.5 %"]).read == "“5 %” as 5"
    born = column_of("a", ["2024-01-01", "2023-07-02T12:00", "NaT", "2024-07-02 00:00:00+00:00"])
    assert np.allclose(born.values, [2024, 2023.5, np.nan, 2024.5], equal_nan=True, rtol=1e-7)
    assert born.read == "“2024-01-01” as 2024"
    assert column_of("a", ["2024-02-30", "2024-01-01"]).names  # no day of any year
    assert column_of("a", ["5 kg", "12 lb"]).names == ("5 kg", "12 lb")
    assert column_of("a", ["12.03.2020", "13.03.2020"]).names
    assert column_of("a", [*ages, *(f"from {k}" for k in range(6))]).names  # texts with numbers
    for values, why in (
        ([""], "is empty"),
        (["1", "1.0"], "is the same for all"),
        (["inf", "1"], "is infinite"),
        ([f"text {k}" for k in range(101)], "has 101 unlike texts"),
    ):
        with pytest.raises(Unusable, match=why):
            column_of("a", values)


def test_measures_are_of_the_images_of_which_a_factor_is_known() -> None:
    mu = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    factors = torch.stack([2 * mu[:, 0], (mu[:, 1] > 0).float()], 1)
    factors[::10] = torch.nan
    assert correlations(mu, factors)[0, 0] == pytest.approx(1)
    whole = correlation_ratios(mu[~factors[:, 1].isnan()], factors[~factors[:, 1].isnan(), 1])
    assert torch.equal(correlation_ratios(mu, factors[:, 1]), whole)
    model = build_model(ModelConfig(latent_dim=2, image_shape=(1, 4, 4), hidden=(4,)))
    images = torch.zeros(200, 1, 4, 4, dtype=torch.uint8)
    some = encode_dataset(
        model, ImageDataset("x", "test", images, factors=factors, factor_names=("a", "b"))
    )
    scores = disentanglement_scores(
        type(some)(mu, some.logvar, some.indices, some.reconstruction, factors=factors),
        train_points=500, test_points=200, classifier="forest",
    )  # fmt: skip
    assert scores.images == 180 and scores.informativeness > 0.8
    parted, names = by_factor(some, 0)
    assert names == ("lowest quarter", "highest quarter") and parted.labels is not None
    low, high = (factors[parted.labels == k, 0] for k in (0, 1))
    assert len(low) == len(high) == 45 and low.max() < high.min()
    parted, names = by_factor(some, 1, ("no", "yes"))
    assert names == ("no", "yes") and (parted.labels == -1).sum() == 20  # type: ignore[union-attr]


def test_a_survey_says_whether_the_source_parts_the_images() -> None:
    surveys: list[Survey] = []
    parts = [f"{part}/{k}.png" for part in ("train", "test") for k in range(5)]
    for paths in (PATHS, parts):
        read_images(zipped(None, paths=paths), on_survey=surveys.append)
    assert [survey.parted for survey in surveys] == [False, True]
