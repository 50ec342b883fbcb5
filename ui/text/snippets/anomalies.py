"""Anomalies: the scores of normal images and of others, and how well they are told apart."""

import plotly.graph_objects as go
import torch

from vae_core import binarised, checkpoint_images, load_checkpoint, load_dataset, load_latents
from vae_core.data.rows import draw_rows, rows_of_class
from vae_core.measures.anomaly import anomaly_scores, auroc, class_gaussians, strangers

CHECKPOINT = "checkpoints/digits-2d"
KIND = "shuffled pixels"  # of images made from the normal ones
LABEL = 3  # of the class that is not normal
OTHER = "mnist"
SCORE = "log_px"
SAMPLES = 64
IMAGES = 1_000


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


model = load_checkpoint(CHECKPOINT)
latents = load_latents(CHECKPOINT)
# when a data set:
test = checkpoint_images(CHECKPOINT)
# when own images:
test = checkpoint_images(CHECKPOINT, own="my-images.zip")
# end

# when all are normal:
rows = torch.arange(len(latents))
# when all but a class:
rows = rows_of_class(latents.labels, LABEL, but=True)
# end
normal = test.floats(latents.indices[rows[draw_rows(len(rows), IMAGES)]])
# when strangers:
anomalies = strangers(normal, KIND, seeded())
# when all but a class:
others = rows_of_class(latents.labels, LABEL)
anomalies = test.floats(latents.indices[others[draw_rows(len(others), IMAGES)]])
# when another data set:
other = load_dataset(OTHER, "test")
# when another data set, binarised:
other = binarised(other)
# when another data set:
anomalies = other.floats(draw_rows(len(other), IMAGES))
# end

scores = anomaly_scores(
    model,
    torch.cat([normal, anomalies]),
    SCORE,
    generator=seeded(),
    samples=SAMPLES,
    normal=class_gaussians(latents.take(rows)),
)
of_normal, of_anomalies = scores[: len(normal)], scores[len(normal) :]
found = auroc(of_normal, of_anomalies)
print("AUROC {:.3f}, at 95 % {:.3f} to {:.3f}".format(found.area, *found.interval))

figure = go.Figure()
figure.add_histogram(x=of_normal.tolist(), name="normal", histnorm="percent")
figure.add_histogram(x=of_anomalies.tolist(), name="anomalies", histnorm="percent")
figure.write_html("scores.html")
curve = go.Scatter(x=found.false_positive_rate.tolist(), y=found.true_positive_rate.tolist())
go.Figure(curve).write_html("roc.html")
