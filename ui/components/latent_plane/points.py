"""Where a plane lies in latent space, and the points that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from live.blobs import publish
from vae_core.errors import ConfigError

Array = npt.NDArray[Any]
MAX_SOURCE_BYTES = 8 << 20


@dataclass(frozen=True)
class Plane:
    """A plane through latent space: z = origin + a u + b v, in coordinates (a, b).

    u, v: orthonormal directions, (d,) each; origin (d,): the z at (0, 0); labels: of the axes.
    The cursor's z may lie off the plane; moving it changes its part along u and v alone.
    """

    u: tuple[float, ...]
    v: tuple[float, ...]
    origin: tuple[float, ...]
    labels: tuple[str, str]

    @classmethod
    def of_dims(cls, latent_dim: int, dims: Sequence[int] = (0, 1)) -> Plane:
        """The plane of two latent dimensions, counted from 0 and labelled z₁, z₂, … from 1."""
        i, j = dims if latent_dim > 1 else (0, 0)
        if not (0 <= i < latent_dim and 0 <= j < latent_dim) or (i == j and latent_dim > 1):
            raise ConfigError(
                f"dims={tuple(dims)} are not two different dimensions of {latent_dim}."
            )
        axes = np.eye(latent_dim)
        # One dimension makes a line: nothing moves along the second axis.
        u, v = axes[i], axes[j] if latent_dim > 1 else np.zeros(1)
        label = (dimension_name(i), dimension_name(j) if latent_dim > 1 else "")
        return cls(tuple(u.tolist()), tuple(v.tolist()), (0.0,) * latent_dim, label)

    @classmethod
    def of_axes(
        cls, axes: Array, origin: Array, labels: tuple[str, str] = ("PC 1", "PC 2")
    ) -> Plane:
        """The plane of two orthonormal axes (2, d) through `origin` (d,), as PCA gives them."""
        axes, origin = np.asarray(axes, float), np.asarray(origin, float)
        if axes.ndim != 2 or axes.shape != (2, origin.size):
            raise ConfigError(
                f"axes are {axes.shape}, origin {origin.shape}; give (2, d) and (d,)."
            )
        if not np.allclose(axes @ axes.T, np.eye(2), atol=1e-3):
            raise ConfigError("The two axes of a plane must be orthonormal; these are not.")
        return cls(tuple(axes[0].tolist()), tuple(axes[1].tolist()), tuple(origin.tolist()), labels)

    def payload(self) -> dict[str, Any]:
        """As the browser wants it."""
        return {"u": self.u, "v": self.v, "origin": self.origin}

    @cached_property
    def axes(self) -> Array:
        """(2, d)."""
        return np.array([self.u, self.v])

    def project(self, z: Array) -> Array:
        """z (n, d) -> coordinates in the plane, (n, 2)."""
        projected: Array = (np.asarray(z) - np.array(self.origin)) @ self.axes.T
        return projected

    def project_covariance(self, sigma: Array) -> Array:
        """Posterior sigma (n, d) -> (n, 3) in the plane: var(a), cov(a, b), var(b)."""
        u, v = self.axes
        pairs = np.stack([u * u, u * v, v * v], axis=1)  # (d, 3)
        covariance: Array = np.square(np.asarray(sigma)) @ pairs
        return covariance


def dimension_name(dim: int) -> str:
    return "z" + str(dim + 1).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


@dataclass(frozen=True)
class PlanePoints:
    """Points for a plane, as arrays of n rows.

    xy (n, 2): coordinates in the plane. covariance (n, 3): of q(z|x) in the plane, or None.
    Colour by `category` (n,) with `names`, or by `value` (n,) with `label`, or neither; NaN: grey.
    rows (n,): rows of the checkpoint's stored latents, by which a point's image is found;
    0 … n - 1 where nothing else is said; with `images=False` the points have none.
    sources (n, width) uint8: the file or row of each, as `vae_core.data.texts` packs it, or None.
    classes: names of the classes that a classifier could tell here, whatever the points' colours.
    """

    xy: Array
    covariance: Array | None = None
    category: Array | None = None
    names: tuple[str, ...] = ()
    value: Array | None = None
    label: str = ""
    rows: Array | None = None
    images: bool = True
    sources: Array | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.xy)
        for name, width in (("covariance", 3), ("category", 0), ("value", 0), ("rows", 0)):
            column = getattr(self, name)
            if column is not None and np.shape(column) != ((n, width) if width else (n,)):
                raise ConfigError(f"{name} is {np.shape(column)}, but there are {n} points.")

    def payload(self) -> dict[str, Any]:
        """Publish the columns as one run of bytes; returns its URL and its layout."""
        return {"url": publish(self.packed), **self.layout}

    @property
    def layout(self) -> dict[str, Any]:
        """What `packed` holds."""
        return {
            "count": len(self.xy),
            "covariance": self.covariance is not None,
            "names": list(self.names) if self.category is not None else None,
            "value": None if self.value is None else {"label": self.label, "range": self._range},
            "images": self.images,
            "sources": 0 if self._told is None else self._told.shape[1],
            "classes": list(self.classes),
        }

    @property
    def _told(self) -> Array | None:
        """The sources, where they are not too many to be sent."""
        found = self.sources
        return None if found is None or found.size > MAX_SOURCE_BYTES else found

    @cached_property
    def packed(self) -> bytes:
        """xy, rows, covariance, value, category, sources; four bytes a number, the last two one."""
        rows = np.arange(len(self.xy)) if self.rows is None else self.rows
        columns = [(self.xy, "<f4"), (rows, "<u4"), (self.covariance, "<f4"), (self.value, "<f4")]
        columns += [(self.category, "u1"), (self._told, "u1")]
        return b"".join(
            np.ascontiguousarray(column, dtype).tobytes()
            for column, dtype in columns
            if column is not None
        )

    @cached_property
    def _range(self) -> list[float]:
        """The ends of the colour scale: percentiles 1 and 99, since outliers would flatten it."""
        if self.value is None or not len(self.value):
            return [0.0, 1.0]
        known = self.value[np.isfinite(self.value)]
        return [float(x) for x in np.percentile(known, (1, 99))] if len(known) else [0.0, 1.0]
