"""Encoded μ: where the encoder puts the test images, as a picture to look around in."""

import plotly.graph_objects as go

from vae_core import load_latents, pca_projection

CHECKPOINT = "checkpoints/digits-2d"
DIMS = (0, 1)

latents = load_latents(CHECKPOINT)  # what load_checkpoint(CHECKPOINT).encode gave of each image
mu = latents.mu  # (n, d)
print(f"means of {len(mu)} images in {mu.shape[1]} dimensions")
for j, spread in enumerate(mu.std(0).tolist(), start=1):
    print(f"z_{j:<3} spreads by {spread:.2f}")

# when two dimensions:
xy = mu[:, DIMS]
# when principal components:
centre, axes, shares = pca_projection(mu)
xy = (mu - centre) @ axes.T
print(f"PC 1 and 2 hold {shares.sum():.0%} of the variance")
# end
labels = None if latents.labels is None else latents.labels.tolist()
figure = go.Figure(
    go.Scattergl(
        x=xy[:, 0].tolist(),
        y=xy[:, 1].tolist(),
        mode="markers",
        text=labels,
        marker={"color": labels, "colorscale": "Portland", "size": 5},
    )
)
figure.update_yaxes(scaleanchor="x")
figure.write_html("encoded.html")
