"""Few labels: how many images are told wrongly, by the number of labels."""

import plotly.graph_objects as go

from vae_core import checkpoint_images, load_latents
from vae_core.measures.codes.label_curves import (
    label_curves,
    label_task,
    labels_at_random,
    labels_by_clusters,
)
from vae_core.measures.codes.regions import fit_linear, nearest_other

CHECKPOINT = "checkpoints/digits-2d"
COUNTS = [20, 100]
DRAWS = 3

latents = load_latents(CHECKPOINT)
# when a data set:
test = checkpoint_images(CHECKPOINT)
# when own images:
test = checkpoint_images(CHECKPOINT, own="my-images.zip")
# when images:
task = label_task(latents, test.floats(latents.indices))
# when codes alone:
task = label_task(latents)
# when at random:
choose = labels_at_random(task.labels)
# when by clusters:
choose = labels_by_clusters(task.codes["μ"])
# end

# A classifier of the fewest labels, and the nearest z of another class to the first image's.
rows = task.rows[choose(COUNTS[0], 0)]
linear = fit_linear(latents.mu[rows], latents.labels[rows])
z = latents.mu[0]
other = nearest_other(linear, z)
print(f"z is told {int(linear.told(z[None]))}; {other.label} is {other.distance:.2f} away")

points = []
for classifier, code, errors in label_curves(task, choose, counts=COUNTS, draws=DRAWS):
    points.append((f"{classifier} on {code}", errors))
    low, high = errors.interval
    print(
        f"{errors.labels:5} labels, {classifier:19} on {code:6}  "
        f"{errors.mean:.1%} wrong ({low:.1%} to {high:.1%}, at 95%)"
    )

figure = go.Figure()
for name in dict.fromkeys(name for name, _ in points):
    line = [errors for of, errors in points if of == name]
    figure.add_scatter(
        x=[errors.labels for errors in line],
        y=[errors.mean for errors in line],
        error_y={
            "symmetric": False,
            "array": [errors.interval[1] - errors.mean for errors in line],
            "arrayminus": [errors.mean - errors.interval[0] for errors in line],
        },
        name=name,
    )
figure.update_xaxes(type="log", title="labels")
figure.update_yaxes(title="told wrongly")
figure.write_html("labels.html")
