"""ELBO gap: the terms of log p(x) of one image, and where it can be drawn the posterior."""

import zlib
from base64 import b64decode

import plotly.graph_objects as go
import torch

from vae_core import checkpoint_images, load_checkpoint
from vae_core.measures.likelihood.posterior_gap import best_gaussian, elbo_gap, posterior_picture
from vae_core.measures.likelihood.quadrature import posterior_cells

CHECKPOINT = "checkpoints/digits-2d"
IMAGE = 3
DRAWING = ""
SHAPE = (1, 1, 8, 8)
SAMPLES = 300

model = load_checkpoint(CHECKPOINT)
# when a data set:
test = checkpoint_images(CHECKPOINT)
# when own images:
test = checkpoint_images(CHECKPOINT, own="my-images.zip")
# when a test image:
x = test.floats(slice(IMAGE, IMAGE + 1))
# when a drawing:
pixels = bytearray(zlib.decompress(b64decode(DRAWING)))
x = torch.frombuffer(pixels, dtype=torch.uint8).view(SHAPE) / 255
# end

with torch.no_grad():
    mu, logvar = (column[0] for column in model.encode(x))
# when exact:
cells = posterior_cells(model, x)  # p(z|x) wherever it is not negligible
best = best_gaussian(model, x, cells)  # q*, by gradient steps on mu and logvar
gap = elbo_gap(model, x, best, cells=cells)
# when sampled:
best = best_gaussian(model, x)  # q*, by gradient steps on mu and logvar
gap = elbo_gap(model, x, best, samples=SAMPLES)
# end
print(f"E_q[log p(x|z)]       {gap.reconstruction:10.2f} nats")
print(f"KL(q || p(z))         {gap.kl_to_prior:10.2f}")
print(f"ELBO(q)               {gap.elbo:10.2f}")
print(f"amortisation gap      {gap.amortisation_gap:10.2f}")
print(f"approximation gap     {gap.approximation_gap:10.2f}")
print(f"log p(x)              {gap.log_px:10.2f}")
# when exact:
print(f"KL(q || p(z|x))       {gap.kl_to_posterior:10.2f}   of its own quadrature")
print(f"ELBO + KL - log p(x)  {gap.apart:10.4f}")
# when sampled:
print(f"effective draws       {gap.effective_draws:10.0f}   of log p(x)")
print(f"Pareto k-hat          {gap.pareto_k:10.2f}   above 0.7: do not rely on it")
# when two dimensions:

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
# end
