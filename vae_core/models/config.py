"""What a model is, apart from its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from reprlib import repr as shown
from typing import Any

from vae_core.errors import ConfigError
from vae_core.models.likelihoods import LINKS
from vae_core.models.networks import ImageShape
from vae_core.models.priors import PRIORS

KINDS = ("vae", "autoencoder", "pca", "ppca", "gan", "m2")  # the classes: see `kinds`
ADAPTED = "adapted"  # the kind of a model from outside: see `vae_core.adapters`
ONNX = "onnx"  # that of one from files: see `vae_core.checkpoints.onnx`
MAX_LATENT_DIM = 512
MAX_ADAPTED_DIM = 16_384
MAX_WIDTH = 8192
MAX_SIDE = 512
MAX_SIGMA = 100.0
MAX_PSEUDO_INPUTS = 2_000
MAX_CLASSES = 1_000


@dataclass(frozen=True)
class ModelConfig:
    """What a model is, apart from its weights; plain JSON values only.

    kind: one of KINDS, ADAPTED or ONNX; hidden: layer widths (see `networks`); sigma and link
    belong to the Gaussian likelihoods; prior: one of PRIORS, of which "vamp" has so many
    pseudo_inputs; classes: of the kind "m2". ConfigError when a value is out of range.
    """

    image_shape: ImageShape
    latent_dim: int = 2
    kind: str = "vae"
    network: str = "mlp"
    hidden: tuple[int, ...] = (512, 512, 256)
    activation: str = "silu"
    likelihood: str = "bernoulli"
    sigma: float = 0.1
    link: str = "sigmoid"
    prior: str = "normal"
    pseudo_inputs: int = 100
    classes: int = 10

    def __post_init__(self) -> None:
        check_texts(self)
        object.__setattr__(self, "image_shape", _int_tuple("image_shape", self.image_shape))
        object.__setattr__(self, "hidden", _int_tuple("hidden", self.hidden))
        if len(self.image_shape) != 3 or not (
            self.image_shape[0] in (1, 3) and all(1 <= s <= MAX_SIDE for s in self.image_shape[1:])
        ):
            raise ConfigError(
                f"image_shape={shown(self.image_shape)} is not (channels, height, width) with 1 or "
                f"3 channels and sides of 1 to {MAX_SIDE}."
            )
        most = MAX_ADAPTED_DIM if self.kind in (ADAPTED, ONNX) else MAX_LATENT_DIM
        if not _is_int(self.latent_dim) or not 1 <= self.latent_dim <= most:
            raise ConfigError(
                f"latent_dim={shown(self.latent_dim)} is not a whole number from 1 to {most}."
            )
        if self.kind not in (*KINDS, ADAPTED, ONNX):
            raise ConfigError(
                f"Unknown model kind {shown(self.kind)}; choose one of {', '.join(KINDS)}."
            )
        if len(self.hidden) > 16 or not all(1 <= width <= MAX_WIDTH for width in self.hidden):
            raise ConfigError(
                f"hidden={shown(self.hidden)} wants at most 16 layer widths, each from 1 to "
                f"{MAX_WIDTH}."
            )
        if self.link not in LINKS:
            raise ConfigError(f"Unknown link {shown(self.link)}; choose {' or '.join(LINKS)}.")
        if self.prior not in PRIORS or (self.prior != "normal" and self.kind != "vae"):
            raise ConfigError(
                f"prior={shown(self.prior)} is none for the kind {self.kind}; a VAE's is one of "
                f"{', '.join(PRIORS)}, that of all others normal."
            )
        if not _is_int(self.pseudo_inputs) or not 1 <= self.pseudo_inputs <= MAX_PSEUDO_INPUTS:
            raise ConfigError(
                f"pseudo_inputs={shown(self.pseudo_inputs)} is not a whole number from 1 to "
                f"{MAX_PSEUDO_INPUTS:,}."
            )
        if not _is_int(self.classes) or not 1 <= self.classes <= MAX_CLASSES:
            raise ConfigError(
                f"classes={shown(self.classes)} is not a whole number from 1 to {MAX_CLASSES}."
            )
        number = isinstance(self.sigma, (int, float)) and not isinstance(self.sigma, bool)
        if not number or not 0 < self.sigma <= MAX_SIGMA:
            raise ConfigError(
                f"sigma={shown(self.sigma)} is not a number above 0, {MAX_SIGMA:g} at most."
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"image_shape": list(self.image_shape), "hidden": list(self.hidden)}


def check_texts(config: Any) -> None:
    """ConfigError where a field of the dataclass `config` that is declared a str is none."""
    for field in fields(config):
        value = getattr(config, field.name)
        if field.type == "str" and not isinstance(value, str):
            raise ConfigError(f"{field.name}={shown(value)} is not a text.")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _int_tuple(name: str, values: Any) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)) or not all(_is_int(v) for v in values):
        raise ConfigError(f"{name}={shown(values)} is not a list of whole numbers.")
    return tuple(values)
