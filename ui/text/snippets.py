"""Programs behind "Show the code": plain Python with this library; the tests run them."""

from __future__ import annotations

import zlib
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from live.images import learned_binary
from live.models import OpenModel
from ui.frame.session import checkpoints_root
from vae_core.data.names import is_own
from vae_core.measures.anomaly import STRANGERS

if TYPE_CHECKING:
    from torch import Tensor


def place_of(opened: OpenModel) -> str:
    """Where a program finds the checkpoint, from the folder that the app was started in."""
    if opened.id.startswith("run:"):
        return "checkpoint"  # what "Download" gives, unpacked
    return str(checkpoints_root() / Path(opened.path).name)


def loading(opened: OpenModel, *names: str, dataset: str = "") -> dict[str, str]:
    """How a program loads test images as the model learned to see them.

    test: the call; names: what is imported from vae_core for it and the program's own `names`.
    """
    dataset = dataset or str(opened.config.get("dataset"))
    call = f'load_dataset("{dataset}", "test")'
    loaders = ["load_dataset"]
    if is_own(dataset):
        channels, height, width = opened.model.image_shape
        form = f'ImageForm(({height}, {width}), colour="{"grey" if channels == 1 else "colour"}")'
        call = f'read_images("my-images.zip", form={form})[1]'
        loaders = ["ImageForm", "read_images"]
    if learned_binary(opened):
        call = f"binarised({call})"
        loaders.append("binarised")
    return {"names": ", ".join(sorted({*names, *loaders})), "test": call}


_ELBO = """\
import torch

from vae_core import {names}
from vae_core.measures.likelihood.posterior_gap import best_gaussian, elbo_gap{picture}
from vae_core.measures.likelihood.quadrature import posterior_cells

model = load_checkpoint("{checkpoint}")
x = {x}

with torch.no_grad():
    mu, logvar = (column[0] for column in model.encode(x))
# p(z|x) wherever it is not negligible; out of reach beyond two dimensions
cells = posterior_cells(model, x) if model.latent_dim <= 2 else None
best = best_gaussian(model, x, cells)  # q*, by gradient steps on mu and logvar
gap = elbo_gap(model, x, best, cells=cells, samples={samples})
print(f"E_q[log p(x|z)]       {{gap.reconstruction:10.2f}} nats")
print(f"KL(q || p(z))         {{gap.kl_to_prior:10.2f}}")
print(f"ELBO(q)               {{gap.elbo:10.2f}}")
print(f"amortisation gap      {{gap.amortisation_gap:10.2f}}")
print(f"approximation gap     {{gap.approximation_gap:10.2f}}")
print(f"log p(x)              {{gap.log_px:10.2f}}")
"""
_ELBO_EXACT = """\
print(f"KL(q || p(z|x))       {gap.kl_to_posterior:10.2f}   of its own quadrature")
print(f"ELBO + KL - log p(x)  {gap.apart:10.4f}")
"""
_ELBO_SAMPLED = """\
print(f"effective draws       {gap.effective_draws:10.0f}   of log p(x)")
"""
_ELBO_PICTURE = """
import plotly.graph_objects as go

density, (left, right, bottom, top) = posterior_picture(cells)
rows, columns = density.shape
figure = go.Figure(
    go.Heatmap(
        z=density[::-1], x0=left, dx=(right - left) / columns, y0=bottom, dy=(top - bottom) / rows
    )
)
angle = torch.linspace(0, 2 * torch.pi, 100)
for name, (m, v) in {"q, 2 sigma": (mu, logvar), "q*, 2 sigma": best}.items():
    s = torch.exp(0.5 * v)
    x_of, y_of = m[0] + 2 * s[0] * angle.cos(), m[1] + 2 * s[1] * angle.sin()
    figure.add_scatter(x=x_of.tolist(), y=y_of.tolist(), mode="lines", name=name)
figure.update_yaxes(scaleanchor="x")
figure.write_html("elbo_gap.html")
"""


def elbo_program(opened: OpenModel, x: Tensor | int, samples: int) -> str:
    """The terms of log p(x), and with two latent dimensions the posterior's picture.

    x: an image of bytes, (1, c, h, w), or the index of one in the test set.
    """
    latent_dim, names, beside = opened.model.latent_dim, "load_checkpoint", ""
    if isinstance(x, int):
        load = loading(opened, "load_checkpoint")
        names = load["names"]
        image = f"{load['test']}.floats(slice({x}, {x + 1}))"
    else:
        beside = "import zlib\nfrom base64 import b64decode\n\n"
        packed = b64encode(zlib.compress(x.mul(255).round().byte().numpy().tobytes())).decode()
        shape = ", ".join(map(str, x.shape))
        image = (
            f'torch.frombuffer(\n    bytearray(zlib.decompress(b64decode("{packed}"))), '
            f"dtype=torch.uint8\n).view({shape}) / 255  # the drawing"
        )
    program = beside + _ELBO.format(
        checkpoint=place_of(opened),
        names=names,
        picture=", posterior_picture" if latent_dim == 2 else "",
        x=image,
        samples=samples,
    )
    program += _ELBO_EXACT if latent_dim <= 2 else _ELBO_SAMPLED
    return program + (_ELBO_PICTURE if latent_dim == 2 else "")


COMPARE = """\
import torch

from vae_core import load_checkpoint, load_latents
from vae_core.checkpoints.reading import read_config
from vae_core.checkpoints.figures import read_metrics
from vae_core.latent.latents import common_rows
from vae_core.latent.manifold import png_bytes, tile_images
from vae_core.latent.decoded import decoded

FIGURES = {{
    "E[log p(x|z)]": "reconstruction",
    "KL": "kl",
    "ELBO": "elbo",
    "active units": "active_units",
    "classes told wrongly": "class_error",
    "real and generated told apart": "discriminator_accuracy",
}}

folders = ["{a}", "{b}"]
models = [load_checkpoint(folder) for folder in folders]
configs = [read_config(folder) for folder in folders]
for folder, model, config in zip(folders, models, configs):
    metrics = read_metrics(folder) or {{}}  # of the test images, in nats
    print(f"{{folder}}: {{model.config.kind}} of {{config.get('dataset')}}")
    print(f"{{'objective':32}} {{config.get('objective', 'elbo'):>8}}")
    print(f"{{'latent dimensions':32}} {{model.latent_dim:8}}")
    if model.has_encoder:
        print(f"{{'likelihood':32}} {{config['likelihood']:>8}}")
    for name, field in FIGURES.items():
        if metrics.get(field) is not None:
            print(f"{{name:32}} {{metrics[field]:8.6g}}")
    if codes := metrics.get("codes"):
        print(f"{{'class told by nearest neighbours':32}} {{codes['knn']:8.3f}}")

data = [(config.get("dataset"), model.image_shape) for config, model in zip(configs, models)]
latents = [load_latents(folder) for folder in folders]
if data[0] == data[1] and all(latents):  # the same images, A above B
    images = [
        decoded(model, encoded.mu[rows[:{images}]])
        for model, encoded, rows in zip(models, latents, common_rows(*latents))
    ]
    with open("compared.png", "wb") as file:
        file.write(png_bytes(tile_images(torch.stack(images), gap=2)))
"""


def compare_program(a: OpenModel, b: OpenModel, images: int) -> str:
    """The program for the page Compare; of two runs, the second is unpacked to checkpoint-2."""
    two_runs = a.id != b.id and a.id.startswith("run:") and b.id.startswith("run:")
    return COMPARE.format(
        a=place_of(a), b="checkpoint-2" if two_runs else place_of(b), images=images
    )


TRAVERSAL = """\
import torch

from vae_core import load_checkpoint, load_latents
from vae_core.latent.dimensions import traversal
from vae_core.latent.manifold import png_bytes, tile_images

model = load_checkpoint("{checkpoint}")
latents = load_latents("{checkpoint}")

measure, unit = ("KL", " nats") if model.is_variational else ("variance of μ", "")
rows = []
for dim in {dims}:  # by falling use
    z = traversal(latents, {row}, dim, steps={steps}, span="{span}", sigmas={sigmas})
    with torch.no_grad():
        rows.append(model.decode(z))
    active = "active" if latents.active[dim] else "unused"
    print(f"z_{{dim + 1:<3}} {{measure}} {{latents.use[dim]:6.2f}}{{unit}}   {{active}}")

with open("traversals.png", "wb") as file:
    file.write(png_bytes(tile_images(torch.stack(rows), gap=2)))
"""

WAYS = """\
import torch

from vae_core import interpolate, load_checkpoint
from vae_core.latent.geometry import geodesic, image_lengths, metric, principal_directions

model = load_checkpoint("{checkpoint}")
a = torch.tensor({a})
b = torch.tensor({b})

ways = {{
    "straight": interpolate(a, b, {steps}),
    "spherical": interpolate(a, b, {steps}, "spherical"),
    "geodesic": geodesic(model, a, b, {steps}),
}}
for name, path in ways.items():
    print(f"{{name:10}} {{image_lengths(model, path).sum():8.2f}} in image space")

G = metric(model, a[None])[0]  # J'J at a
stretches, directions = principal_directions(G)
print(f"magnification at a: {{stretches.prod():.2f}}")
for stretch, direction in zip(stretches, directions):
    print(f"stretch {{stretch:.2f}} along {{direction.tolist()}}")
"""

LAYERS = """\
import torch

from vae_core import load_checkpoint
from vae_core.models.feature_maps import feature_maps
from vae_core.latent.manifold import png_bytes, tile_images

model = load_checkpoint("{checkpoint}")

for number, layer in enumerate(feature_maps(model, torch.tensor({z})), start=1):
    print(f"{{number}}. {{layer.name:28}} {{layer.shape}}  {{layer.settings}}")
    maps = layer.maps
    if maps.ndim == 3:  # grey is zero; another file for each layer
        grey = 0.5 + 0.5 * maps / maps.abs().max()
        with open(f"layer_{{number}}.png", "wb") as file:
            file.write(png_bytes(tile_images(grey[None, :, None], gap=1)))
"""

TRANSPOSED = """\
import torch
from torch.nn.functional import conv_transpose2d

from vae_core.models.transposed_convolution import convolution_matrix

w = torch.tensor({kernel})
y = torch.tensor({y})
C = convolution_matrix(w, {size}, stride={stride}, padding={padding})
print(C.int())

x = C.T @ y.flatten()
by_torch = conv_transpose2d(y[None, None], w[None, None], stride={stride}, padding={padding})[0, 0]
print(x.view(by_torch.shape))
print("apart", (x - by_torch.flatten()).abs().max().item())
"""

ANOMALIES = """\
import plotly.graph_objects as go
import torch

from vae_core import {names}
from vae_core.measures import anomaly


def seeded():
    return torch.Generator().manual_seed(0)


def some(rows):
    return rows[torch.randperm(len(rows), generator=seeded())[:{images}]]


model = load_checkpoint("{checkpoint}")
latents = load_latents("{checkpoint}")
test = {test}

rows = {rows}
normal = test.floats(latents.indices[some(rows)])
{anomalies}
scores = anomaly.anomaly_scores(
    model,
    torch.cat([normal, anomalies]),
    "{score}",
    generator=seeded(),
    samples={samples},
    normal=anomaly.class_gaussians(latents.take(rows)),
)
of_normal, of_anomalies = scores[: len(normal)], scores[len(normal) :]
found = anomaly.auroc(of_normal, of_anomalies)
print(f"AUROC {{found.area:.3f}} +- {{found.standard_error:.3f}}")

figure = go.Figure()
figure.add_histogram(x=of_normal.tolist(), name="normal", histnorm="percent")
figure.add_histogram(x=of_anomalies.tolist(), name="anomalies", histnorm="percent")
figure.write_html("scores.html")
curve = go.Scatter(x=found.false_positive_rate.tolist(), y=found.true_positive_rate.tolist())
go.Figure(curve).write_html("roc.html")
"""


def anomalies_program(
    opened: OpenModel, against: str, score: str, *, images: int, draws: int
) -> str:
    """The program for the page Anomalies; `against` as that page names it."""
    rows, names = "torch.arange(len(latents))", ["load_checkpoint", "load_latents"]
    if against in STRANGERS:
        anomalies = f'anomalies = anomaly.strangers(normal, "{against}", seeded())'
    elif against.startswith("class "):
        label = opened.config["class_names"].index(against.removeprefix("class "))
        rows = f"(latents.labels != {label}).nonzero().flatten()"
        anomalies = (
            f"others = (latents.labels == {label}).nonzero().flatten()\n"
            "anomalies = test.floats(latents.indices[some(others)])"
        )
    else:
        anomalies = (
            f"other = {loading(opened, dataset=against)['test']}\n"
            "anomalies = other.floats(some(torch.arange(len(other))))"
        )
        names.append("load_dataset")
    return ANOMALIES.format(
        checkpoint=place_of(opened),
        **loading(opened, *names),
        score=score,
        samples=draws if score == "log_px" else 1,
        images=images,
        rows=rows,
        anomalies=anomalies,
    )


COMPRESSION = """\
from vae_core import {names}
from vae_core.measures.compression import coded, entropy_bits, jpeg, prior_bits, png_bits, quantise
from vae_core.latent.decoded import decoded

model = load_checkpoint("{checkpoint}")
latents = load_latents("{checkpoint}")
images = {test}.floats(latents.indices[:{images}])

symbols = quantise(latents.mu, {step})
print("bits by dimension", entropy_bits(symbols).round(decimals=2).tolist())
print(f"under the prior   {{prior_bits(symbols, {step}).sum():.2f}} bits")
results = {{
    "step": [coded(latents.mu, lambda z: decoded(model, z), images, step) for step in {steps}],
    "JPEG": [jpeg(images, quality) for quality in {qualities}],
}}
for name, found in results.items():
    for r in found:
        print(f"{{name}} {{r.setting:6g}} {{r.bits:9.2f}} bits {{r.psnr:6.2f}} dB {{r.ssim:6.3f}}")
print(f"PNG         {{png_bits(images):9.2f}} bits")
"""

LABELS = """\
import plotly.graph_objects as go

from vae_core import {names}
from vae_core.measures.codes.label_curves import {chooser}, label_curves, label_task

latents = load_latents("{checkpoint}")
task = label_task(latents{images})
choose = {chooser}({of})

curves = {{}}
for classifier, code, found in label_curves(task, choose, counts={counts}, draws={draws}):
    x, y, margin = curves.setdefault((classifier, code), ([], [], []))
    x.append(found.labels)
    y.append(found.mean)
    margin.append(found.standard_error)
    print(
        f"{{found.labels:5}} labels, {{classifier:19}} on {{code:6}}  "
        f"{{found.mean:.1%}} ± {{found.standard_error:.1%}} wrong"
    )

figure = go.Figure()
for (classifier, code), (x, y, margin) in curves.items():
    figure.add_scatter(x=x, y=y, error_y={{"array": margin}}, name=f"{{classifier}} on {{code}}")
figure.update_xaxes(type="log", title="labels")
figure.update_yaxes(title="told wrongly")
figure.write_html("labels.html")
"""

CLUSTERS = """\
import torch

from vae_core import load_checkpoint, load_latents
from vae_core.measures.codes.clusters import agreement, cluster_means, {method}, numbered
from vae_core.latent.manifold import png_bytes, tile_images

model = load_checkpoint("{checkpoint}")
latents = load_latents("{checkpoint}")

clusters = numbered({method}(latents.mu, {k}), latents.labels)
if latents.labels is not None:
    found = agreement(clusters, latents.labels)
    print(f"adjusted Rand index          {{found.adjusted_rand:.3f}}")
    print(f"adjusted mutual information  {{found.adjusted_information:.3f}}")
    print(f"normalised                   {{found.normalised_information:.3f}}")
    print(f"purity                       {{found.purity:.3f}}")

means = cluster_means(latents.mu, clusters)
with torch.no_grad():
    images = model.decode(means)
with open("clusters.png", "wb") as file:
    file.write(png_bytes(tile_images(images[None], gap=2)))
"""

DENSITY = """\
import torch

from vae_core import load_checkpoint, load_latents
from vae_core.measures.codes.aggregate_density import (
    fit_kernel_density,
    log_ratio,
    mixture_of,
    prior_holes,
)
from vae_core.latent.manifold import png_bytes, tile_images
from vae_core.latent.decoded import decoded
from vae_core.latent.samplers import aggregate_draws, fit_mixture, parted
from vae_core.measures.codes.aggregate_density import held_out_density

model = load_checkpoint("{checkpoint}")
latents = load_latents("{checkpoint}")

z, held_out = parted(aggregate_draws(latents))
prior = mixture_of(model.prior())
densities = {{
    "prior": prior,
    "kernel density": fit_kernel_density(z),
    "mixture": fit_mixture(z, {components}),
}}
for name, density in densities.items():
    mean, error = held_out_density(density, held_out)
    print(f"{{name:16}} {{mean:8.2f}} +- {{error:.2f}} nats")

q = densities["{best}"]
holes = prior_holes(q, prior.sample({draws}, seed={seed}), held_out, coverage={coverage})
print(f"without data     {{holes.share:8.1%}} of the prior")
kl, error = log_ratio(q, prior, held_out)
print(f"KL(q(z) || p(z)) {{kl:8.2f}} +- {{error:.2f}} nats at least")

images = [decoded(model, density.sample(12, seed={seed})) for density in densities.values()]
with open("draws.png", "wb") as file:
    file.write(png_bytes(tile_images(torch.stack(images), gap=2)))
"""
