"""The programs behind "Show the code" run as they stand and print the page's figures."""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from live.images import test_dataset as images_of
from live.models import OpenModel, open_model
from ui.figures.beta import trained
from ui.images.anomalies import normal_latents, samples_of
from ui.text.programs import (
    anomalies_program,
    compare_program,
    elbo_program,
    labels_program,
    place_of,
    training_program,
)
from ui.text.programs import images_of as section_of_images
from ui.text.show_code import program
from vae_core.checkpoints.reading import load_checkpoint, load_latents
from vae_core.data import datasets
from vae_core.data.datasets import load_dataset
from vae_core.data.own.form import ImageForm
from vae_core.data.own.images import read_images
from vae_core.latent.geometry import image_lengths, metric
from vae_core.latent.paths import interpolate
from vae_core.latent.samplers import NormalSampler, aggregate_draws, parted
from vae_core.measures.anomaly import anomaly_scores, auroc, class_gaussians
from vae_core.measures.codes.aggregate_density import fit_kernel_density, log_ratio
from vae_core.measures.codes.clusters import agreement, k_means
from vae_core.measures.codes.few_labels import label_errors
from vae_core.measures.codes.label_curves import (
    MU,
    label_task,
    labels_at_random,
    labels_by_clusters,
    nearest_neighbours,
)
from vae_core.measures.compression import entropy_bits, quantise
from vae_core.measures.likelihood.posterior_gap import best_gaussian, elbo_gap
from vae_core.measures.likelihood.quadrature import posterior_cells
from vae_core.runs.run import create_run
from vae_core.runs.trainer import work
from vae_core.training.config import TrainConfig

ROOT = Path(__file__).parents[3]


def run(program: str, folder: Path) -> str:
    """What a program prints, in a Python of its own that knows this library."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def here(program: str, folder: Path) -> str:
    """What it prints in this very Python, in seconds less."""
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(program, {})
    return printed.getvalue()


def figure(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)}\s+(-?[\d.]+)", text, re.MULTILINE)
    assert found, text
    return float(found[1])


@pytest.mark.parametrize("drawn", [False, True])
def test_the_elbo_program_gives_the_bars_and_the_heat_map(tmp_path: Path, drawn: bool) -> None:
    opened = open_model("digits-2d")
    model = opened.model
    x = load_dataset("digits", "test").floats(slice(3, 4))
    if drawn:
        x = torch.round(x.flip(3) * 255) / 255
    text = here(elbo_program(opened, x if drawn else 3, 100), tmp_path)
    cells = posterior_cells(model, x)
    gap = elbo_gap(model, x, best_gaussian(model, x, cells), cells=cells)
    assert figure(text, "ELBO(q)") == pytest.approx(gap.elbo, abs=0.01)
    assert figure(text, "log p(x)") == pytest.approx(gap.log_px, abs=0.01)
    assert figure(text, "KL(q || p(z|x))") == pytest.approx(gap.kl_to_posterior, abs=0.01)
    assert figure(text, "ELBO + KL - log p(x)") == pytest.approx(0, abs=0.05)
    assert "heatmap" in (tmp_path / "elbo_gap.html").read_text("utf-8")


def test_the_elbo_program_samples_log_px_beyond_two_dimensions(tmp_path: Path) -> None:
    opened = open_model("sprites-6d")
    text = here(elbo_program(opened, 2, 300), tmp_path)
    model = opened.model
    x = load_dataset("sprites", "test").floats(slice(2, 3))
    gap = elbo_gap(model, x, best_gaussian(model, x), samples=300)
    assert figure(text, "ELBO(q)") == pytest.approx(gap.elbo, abs=0.01)
    assert figure(text, "log p(x)") == pytest.approx(gap.log_px, abs=0.01)
    assert gap.effective_draws is not None
    assert figure(text, "effective draws") == pytest.approx(gap.effective_draws, abs=0.51)


def test_the_marginal_program_comes_to_log_px_either_way(tmp_path: Path) -> None:
    opened = open_model("digits-2d")
    given = {"CHECKPOINT": place_of(opened), "IMAGE": 3, "DRAWS": 4_096}
    text = here(program("marginal", ["a data set"], **given), tmp_path)
    x = load_dataset("digits", "test").floats(slice(3, 4))
    log_px = float(posterior_cells(opened.model, x).log_px)
    ends = re.findall(r"4096 +log p\(x\) about +(-[\d.]+) nats", text)
    assert [float(end) for end in ends] == pytest.approx([log_px] * 2, abs=0.4)


def test_the_kl_program_gives_both_divergences_and_their_areas(tmp_path: Path) -> None:
    text = here(program("kl", Q=(0.0, 0.5), P=(0.0, 2.0)), tmp_path)
    told = re.findall(r"([\d.]+) nats +area +([\d.]+)", text)
    assert told == [("0.9175", "0.9175"), ("6.1137", "6.1137")]


@pytest.fixture
def altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., OpenModel]:
    """A copy of digits-2d with another config.json: altered(dataset=…)."""

    def copy(root: Path = tmp_path / "checkpoints", **changes: Any) -> OpenModel:
        folder = root / "altered"
        shutil.copytree(ROOT / "checkpoints" / "digits-2d", folder)
        config = json.loads((folder / "config.json").read_text("utf-8")) | changes
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
        monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(folder.parent))
        return open_model("altered")

    return copy


def test_a_program_loads_binary_images_for_a_model_that_learned_such(
    tmp_path: Path, altered: Callable[..., OpenModel]
) -> None:
    training = open_model("digits-2d").config["training"] | {"binarisation": "dynamic"}
    opened = altered(training=training)
    shown = images_of(opened)
    assert shown is not None
    x = shown.floats(slice(3, 4))
    assert x.unique().tolist() == [0, 1]
    cells = posterior_cells(opened.model, x)
    gap = elbo_gap(opened.model, x, best_gaussian(opened.model, x, cells), cells=cells)
    text = here(elbo_program(opened, 3, 100), tmp_path)
    assert figure(text, "log p(x)") == pytest.approx(gap.log_px, abs=0.01)


def test_a_program_reads_ones_own_images_as_the_model_was_given_them(
    tmp_path: Path, altered: Callable[..., OpenModel]
) -> None:
    opened = altered(dataset="own-many-0123456789ab")
    images = load_dataset("digits", "test").images[:30]
    np.savez(tmp_path / "my-images.zip", x=images)  # NumPy adds an ending
    (tmp_path / "my-images.zip.npz").rename(tmp_path / "my-images.zip")
    _, test = read_images(tmp_path / "my-images.zip", form=ImageForm((8, 8)))
    x = test.floats(slice(2, 3))
    cells = posterior_cells(opened.model, x)
    gap = elbo_gap(opened.model, x, best_gaussian(opened.model, x, cells), cells=cells)
    text = here(elbo_program(opened, 2, 100), tmp_path)
    assert figure(text, "log p(x)") == pytest.approx(gap.log_px, abs=0.01)


HOSTILE = (
    "'; import builtins; builtins.ran = 1 #",
    '"""\n{__import__("builtins").__dict__.update(ran=1)}\n"""',
    "'''\r\nimport builtins\nbuiltins.ran = 1\n\u2028\\",
)


def test_whatever_a_model_s_texts_are_its_programs_alone_run(
    tmp_path: Path, altered: Callable[..., OpenModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "\n".join(HOSTILE)
    monkeypatch.setitem(datasets._REGISTRY, hostile, datasets._REGISTRY["digits"])
    training = open_model("digits-2d").config["training"] | {"objective": hostile}
    opened = altered(
        tmp_path / hostile,
        dataset=hostile,
        class_names=[f"{k}{text}" for k, text in enumerate(HOSTILE * 4)][:10],
        factor_names=list(HOSTILE),
        objective=hostile,
        training=training,
    )
    place, z = place_of(opened), [0.5, -1.0]
    against = ("shuffled pixels", f"class 1{HOSTILE[1]}", "digits")
    programs = [
        *(anomalies_program(opened, kind, "latent", images=20, draws=1) for kind in against),
        compare_program([opened, opened], 5),
        elbo_program(opened, 3, 5),
        labels_program(opened, "at random", counts=[20], draws=1, images=True),
        program("factors", CHECKPOINT=place, ROW=0, DIMS=[0], STEPS=3, SPAN="prior", SIGMAS=3.0),
        program("geometry", CHECKPOINT=place, A=z, B=[0.0, 0.0], STEPS=3),
        program("layers", CHECKPOINT=place, Z=z),
        program("clusters", ["k-means"], CHECKPOINT=place, K=2),
        program(
            "compression",
            [section_of_images(opened)],
            CHECKPOINT=place,
            IMAGES=5,
            STEP=0.5,
            STEPS=[0.5],
            QUALITIES=(5,),
        ),
        program(
            "density",
            CHECKPOINT=place,
            COMPONENTS=1,
            BEST="mixture",
            DRAWS=50,
            SEED=0,
            COVERAGE=0.9,
        ),
    ]
    assert all(repr(place) in text for text in programs)
    for text in programs:
        here(text, tmp_path)
    assert not hasattr(builtins, "ran")


def test_the_compare_program_gives_the_table_and_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    vae, ae, gan = (
        ROOT / "checkpoints" / name for name in ("mnist-2d", "mnist-2d-ae", "mnist-2d-gan")
    )
    exec(compare_program([open_model("mnist-2d"), open_model("mnist-2d-gan")], 10), {})
    of_vae, of_gan = capsys.readouterr().out.split(f"{gan}: ")
    metrics = json.loads((vae / "metrics.json").read_text("utf-8"))
    assert figure(of_vae, "E[log p(x|z)]") == pytest.approx(metrics["reconstruction"], abs=0.006)
    assert figure(of_vae, "KL") == pytest.approx(metrics["kl"], abs=0.006)
    assert figure(of_vae, "ELBO") == pytest.approx(metrics["elbo"], abs=0.006)
    knn = figure(of_vae, "class told by nearest neighbours")
    assert knn == pytest.approx(metrics["codes"]["knn"], abs=6e-4)
    judged = json.loads((gan / "metrics.json").read_text("utf-8"))["discriminator_accuracy"]
    assert figure(of_gan, "real and generated told apart") == pytest.approx(judged, abs=6e-4)
    assert "ELBO" not in of_gan and not list(tmp_path.iterdir())  # no image has a code

    exec(compare_program([open_model("mnist-2d"), open_model("mnist-2d-ae")], 10), {})
    assert "ELBO" not in capsys.readouterr().out.split(f"{ae}: ")[1]
    assert Image.open(tmp_path / "compared.png").size == (10 * 28 + 9 * 2, 2 * 28 + 2)


def test_the_traversal_program_gives_the_cards_figures_and_images(tmp_path: Path) -> None:
    checkpoint = ROOT / "checkpoints" / "sprites-6d"
    text = run(
        program(
            "factors",
            CHECKPOINT=str(checkpoint),
            ROW=4,
            DIMS=[5, 0],
            STEPS=9,
            SPAN="sigmas",
            SIGMAS=3.0,
        ),
        tmp_path,
    )
    latents = load_latents(checkpoint)
    assert latents is not None
    kl = [float(found) for found in re.findall(r"KL\s+([\d.]+) nats", text)]
    assert kl == [round(float(latents.kl_per_dim[j]), 2) for j in (5, 0)]
    assert Image.open(tmp_path / "traversals.png").size == (9 * 32 + 8 * 2, 2 * 32 + 2)


def test_the_traversal_program_tells_the_variance_where_there_is_no_kl(tmp_path: Path) -> None:
    checkpoint = ROOT / "checkpoints" / "mnist-denoising"
    text = here(
        program(
            "factors",
            CHECKPOINT=str(checkpoint),
            ROW=4,
            DIMS=[3, 0],
            STEPS=3,
            SPAN="aggregate",
            SIGMAS=3.0,
        ),
        tmp_path,
    )
    latents = load_latents(checkpoint)
    assert latents is not None and "KL" not in text and "inf" not in text
    printed = [float(found) for found in re.findall(r"variance of μ\s+([\d.]+)", text)]
    assert printed == [round(float(latents.mu[:, j].var()), 2) for j in (3, 0)]


def test_the_ways_program_gives_their_lengths(tmp_path: Path) -> None:
    checkpoint = ROOT / "checkpoints" / "digits-2d"
    a, b = [0.5, -1.0], [-1.2, 0.7]
    text = here(program("geometry", CHECKPOINT=str(checkpoint), A=a, B=b, STEPS=24), tmp_path)
    model = load_checkpoint(checkpoint)
    straight = image_lengths(model, interpolate(a, b, 24)).sum()
    assert figure(text, "straight") == pytest.approx(float(straight), abs=0.006)
    assert figure(text, "geodesic") <= min(figure(text, "straight"), figure(text, "spherical"))
    volume = metric(model, torch.tensor([a]))[0].double().det().sqrt()
    assert figure(text, "magnification at a:") == pytest.approx(float(volume), rel=0.01)


def test_the_layers_programs_give_the_maps_and_the_worked_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    layers = program("layers", CHECKPOINT=str(ROOT / "checkpoints" / "sprites-6d"), Z=[0.0] * 6)
    example = program(
        "transposed_convolution",
        W=[[1.0, 2.0], [3.0, 4.0]],
        Y=[[1.0, 2.0]],
        SIZE=(1, 2),
        STRIDE=1,
        PADDING=0,
    )
    exec(f"{layers}\n{example}", {})
    text = capsys.readouterr().out
    assert "ConvTranspose2d + SiLU" in text
    assert Image.open(tmp_path / "layer_5.png").size == (32, 32)
    assert "[1, 2, 0, 3, 4, 0]" in text
    assert figure(text, "apart") == 0


@pytest.mark.parametrize("against", ["shuffled pixels", "class 3", "digits"])
def test_the_anomalies_program_gives_the_area(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    against: str,
) -> None:
    opened = open_model("digits-2d")
    monkeypatch.chdir(tmp_path)
    exec(anomalies_program(opened, against, "latent", images=200, draws=64), {})
    area, _, low, high = re.findall(r"[\d.]+", capsys.readouterr().out)  # at 95 %
    normal, others = samples_of(opened, against, 200)
    gaussians = class_gaussians(normal_latents(opened, against))
    of_normal, of_others = (
        anomaly_scores(opened.model, x, "latent", generator=torch.Generator(), normal=gaussians)
        for x in (normal.x, others.x)
    )
    found = auroc(of_normal, of_others)
    assert [area, low, high] == [f"{share:.3f}" for share in (found.area, *found.interval)]
    assert {"scores.html", "roc.html"} <= {file.name for file in tmp_path.iterdir()}


def test_the_compression_program_gives_the_bits_and_the_curves(
    capsys: pytest.CaptureFixture[str],
) -> None:
    checkpoint = ROOT / "checkpoints" / "digits-2d"
    filled = program(
        "compression",
        ["a data set"],
        CHECKPOINT=str(checkpoint),
        IMAGES=20,
        STEP=0.5,
        STEPS=[0.5, 2.0],
        QUALITIES=(5, 95),
    )
    exec(filled, {})
    text = capsys.readouterr().out
    latents = load_latents(checkpoint)
    assert latents is not None
    bits = float(entropy_bits(quantise(latents.mu, 0.5)).sum())
    assert figure(text, "step    0.5") == pytest.approx(bits, abs=0.006)
    assert figure(text, "under the prior") >= bits
    assert figure(text, "JPEG      5") < figure(text, "JPEG     95")
    assert figure(text, "PNG") > 0


def test_the_labels_and_clusters_programs_give_the_errors_and_the_agreement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = ROOT / "checkpoints" / "digits-2d"
    opened = open_model("digits-2d")
    programs = [
        labels_program(opened, how, counts=[20], draws=2, images=True)
        for how in ("at random", "by clusters")
    ]
    programs.append(program("clusters", ["k-means"], CHECKPOINT=str(checkpoint), K=10))
    monkeypatch.chdir(tmp_path)
    exec("\n".join(programs), {})
    text = capsys.readouterr().out
    latents = load_latents(checkpoint)
    assert latents is not None and latents.labels is not None
    task = label_task(latents)
    classify = nearest_neighbours(task.codes[MU], task.labels, task.test_codes[MU])
    errors = [
        label_errors(
            classify, task.labels, task.test_labels, labels=20, draws=2, choose=chooser(of)
        )
        for chooser, of in ((labels_at_random, task.labels), (labels_by_clusters, task.codes[MU]))
    ]
    printed = re.findall(r"nearest neighbours  on μ +([\d.]+)%", text)
    assert printed == [f"{100 * found.mean:.1f}" for found in errors]
    assert text.count("labels, ") == 2 * 9
    rand = agreement(k_means(latents.mu, 10), latents.labels).adjusted_rand
    assert figure(text, "adjusted Rand index") == pytest.approx(rand, abs=6e-4)
    assert Image.open(tmp_path / "clusters.png").size == (10 * 8 + 9 * 2, 8)


def test_the_density_program_gives_the_holes_and_the_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint = ROOT / "checkpoints" / "digits-2d"
    filled = program(
        "density",
        CHECKPOINT=str(checkpoint),
        COMPONENTS=3,
        BEST="kernel density",
        DRAWS=500,
        SEED=0,
        COVERAGE=0.9,
    )
    exec(filled, {})
    text = capsys.readouterr().out
    latents = load_latents(checkpoint)
    assert latents is not None
    z, held_out = parted(aggregate_draws(latents))
    least, _ = log_ratio(fit_kernel_density(z), NormalSampler(2), held_out)
    assert figure(text, "KL(q(z) || p(z))") == pytest.approx(least, abs=0.006)
    assert 0 < figure(text, "without data") < 100
    assert Image.open(tmp_path / "draws.png").size == (12 * 10 - 2, 3 * 10 - 2)


def test_the_programs_of_the_pages_that_decode_give_their_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint = str(ROOT / "checkpoints" / "digits-2d")
    a, b = [0.5, -1.0], [-1.2, 0.7]
    programs = [
        program("overview", CHECKPOINT=checkpoint, SEED=3, ROWS=2, COLUMNS=5),
        program("decode", CHECKPOINT=checkpoint, Z=a),
        program(
            "manifold",
            CHECKPOINT=checkpoint,
            SIDE=4,
            DIMS=(0, 1),
            BASE=a,
            SPACING="linear",
            EXTENT=2.0,
        ),
        program("interpolate", CHECKPOINT=checkpoint, STOPS=[a, b], STEPS=6, METHOD="linear"),
    ]
    exec("\n".join(programs), {})
    text = capsys.readouterr().out
    model = load_checkpoint(checkpoint)
    assert figure(text, "norm") == pytest.approx(1.25**0.5, abs=0.006)
    shown = np.asarray(Image.open(tmp_path / "decoded.png").convert("L"))
    assert np.abs(shown / 255 - model.decode(torch.tensor([a]))[0, 0].detach().numpy()).max() < 0.01
    assert "z_1 from -2.00 to 2.00" in text
    assert figure(text, "in z") == pytest.approx((1.7**2 + 1.7**2) ** 0.5, abs=0.006)
    sizes = {name: Image.open(tmp_path / name).size for name in ("samples.png", "manifold.png")}
    assert sizes == {"samples.png": (5 * 10 - 2, 2 * 10 - 2), "manifold.png": (32, 32)}
    assert Image.open(tmp_path / "film.gif").n_frames == 2 * 6 - 2


@pytest.mark.parametrize("section", ["two dimensions", "principal components"])
def test_the_encoded_program_draws_every_mean(tmp_path: Path, section: str) -> None:
    checkpoint = ROOT / "checkpoints" / "sprites-6d"
    text = here(program("encoded", [section], CHECKPOINT=str(checkpoint), DIMS=(1, 3)), tmp_path)
    latents = load_latents(checkpoint)
    assert latents is not None
    assert f"means of {len(latents)} images in 6 dimensions" in text
    spreads = [float(found) for found in re.findall(r"spreads by ([\d.]+)", text)]
    assert spreads == pytest.approx(latents.mu.std(0).tolist(), abs=0.006)
    assert "scattergl" in (tmp_path / "encoded.html").read_text("utf-8")


def test_the_training_program_trains_and_keeps_a_checkpoint(tmp_path: Path) -> None:
    config = TrainConfig(hidden=(8,), epochs=1, batch_size=512)
    text = here(program("train", SETTINGS=config.to_json()), tmp_path)
    assert figure(text, "epoch   1  loss") > 0
    assert load_checkpoint(tmp_path / "checkpoint").latent_dim == config.latent_dim


def test_the_program_of_a_weight_trains_what_the_slider_shows(tmp_path: Path) -> None:
    """Within what another processor makes of the same training."""
    one = next(each for each in trained() if each.beta == 4)
    text = run(training_program("beta", one.config), tmp_path)
    assert figure(text, "-reconstruction") == pytest.approx(-one.metrics["reconstruction"], abs=0.5)
    assert figure(text, "KL") == pytest.approx(one.metrics["kl"], abs=0.2)
    assert figure(text, "active units") == one.metrics["active_units"]


def test_the_program_of_runs_tells_their_course(tmp_path: Path) -> None:
    runs = [
        create_run(TrainConfig(hidden=(8,), epochs=2, seed=seed), tmp_path / f"seed-{seed}")
        for seed in (0, 1)
    ]
    for each in runs:
        work(each, lambda _: None)
    text = here(program("runs", FOLDERS=tuple(str(each.path) for each in runs)), tmp_path)
    told = re.findall(r"^epoch +(\d).* loss +([\d.]+) nats", text, re.MULTILINE)
    tested = [event for each in runs for event in each.events() if event["test"]]
    assert len(tested) >= 4
    assert told == [(str(e["epoch"]), f"{e['test']['loss']:.2f}") for e in tested]
