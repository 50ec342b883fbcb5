"""What is asked of any model, as a suite that a stranger's can be put through.

    for sentence in check_model(model): print(sentence)

After scikit-learn's `check_estimator`, but all that is wrong is told at once.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vae_core.adapters.adapted import REACH, adapted
from vae_core.adapters.differences import best_differences, differences
from vae_core.adapters.model import Adapted
from vae_core.adapters.outside import as_images, as_tensor
from vae_core.errors import ZscapeError
from vae_core.models.latent_model import LatentModel

ROWS = 5
ALIKE = 1e-3  # of the size of what is compared; rounding in float32 is a hundredth of it
HAS = ("is_variational", "has_encoder", "has_decoder", "has_likelihood", "has_gradients")


@dataclass(frozen=True)
class Tried:
    """A model, images x (ROWS, c, h, w) and codes z (ROWS, latent_dim) to try it on."""

    model: Any
    x: Tensor
    z: Tensor

    def mu(self, x: Tensor | None = None) -> Tensor:
        mu: Tensor = self.model.encode(self.x if x is None else x)[0]
        return mu

    def image(self, z: Tensor | None = None) -> Tensor:
        image: Tensor = self.model.decode(self.z if z is None else z)
        return image


def check_model(model: object, images: Any = None) -> list[str]:
    """All that a model breaks of what pages and measures rely on, a sentence each; [] if nothing.

    model: of this library, or whatever `adapted` takes, which is adapted first. images: some of
    those it was made for, (n, c, h, w) or (n, h, w), uint8 or floats in [0, 1]; without them it is
    tried on noise. Looked at are shapes, values (finite, images in [0, 1]), whether the same is
    given again for the same row, alone and among others, whether it leaves itself, its arguments
    and torch's generator alone, and that it does what its `has_…` say.
    """
    refused: list[str] = []
    if not isinstance(model, LatentModel):
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            try:
                model = adapted(model, images=images)
            except ZscapeError as error:
                refused = [str(error)]
                try:  # where it is only too bright or too dark, the rest can be asked all the same
                    model = adapted(model, images=images, value_range=(0, 1))
                except ZscapeError:
                    return refused
    if broken := list(_attributes(model)):
        return [*refused, *broken]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        broken = list(_sides(tried := _to_be_tried(model, images)))
        if broken:  # nothing else could be asked
            return [*refused, *broken]
        told = model.told if isinstance(model, Adapted) else ()
        found = [sentence for check in CHECKS for sentence in _asked(check, tried)]
        return list(dict.fromkeys([*refused, *told, *found]))


def _attributes(model: Any) -> Iterator[str]:
    d, shape = getattr(model, "latent_dim", None), getattr(model, "image_shape", None)
    if not isinstance(d, int) or d < 1:
        yield f"latent_dim is {d!r}; it must be a whole number of 1 or more."
    if not (isinstance(shape, tuple) and len(shape) == 3 and shape[0] in (1, 3) and min(shape) > 0):
        yield f"image_shape is {shape!r}; it must be (c, h, w) with 1 or 3 channels."
    for name in HAS:
        if not isinstance(getattr(model, name, None), bool):
            yield f"{name} is {getattr(model, name, None)!r}; it must be True or False."
    if not getattr(model, "has_encoder", False) and not getattr(model, "has_decoder", False):
        yield "It has neither an encoder nor a decoder; one of them is needed."
    if getattr(model, "is_variational", False) and not getattr(model, "has_encoder", False):
        yield "It is said to give a posterior, but has no encoder."


def _to_be_tried(model: LatentModel, images: Any) -> Tried:
    place = next(model.parameters())
    if images is None:
        x = torch.rand(ROWS, *model.image_shape)
    else:
        given = as_tensor(images[:ROWS], "images")
        given = given / 255 if given.dtype == torch.uint8 else given
        x = as_images(given, model.image_shape, "chw")
    z = (torch.rand(len(x), model.latent_dim) * 2 - 1) * REACH
    return Tried(model, x.to(place), z.to(place))


def _asked(check: Callable[[Tried], Iterator[str]], tried: Tried) -> list[str]:
    try:
        return list(check(tried))
    except Exception as error:  # noqa: BLE001 - a stranger's model may raise anything
        return [f"{check.__doc__} {type(error).__name__}: {' '.join(str(error).split())[:200]}"]


def _sides(tried: Tried) -> list[str]:
    model = tried.model
    asked = [_encodes] * model.has_encoder + [_decodes] * model.has_decoder
    return [sentence for check in asked for sentence in _asked(check, tried)]


def _encodes(tried: Tried) -> Iterator[str]:
    """encode fails."""
    given = tried.model.encode(tried.x)
    if not isinstance(given, tuple) or len(given) != 2:
        yield f"encode gives a {type(given).__name__}; it must give the pair (mu, logvar)."
        return
    wanted = (len(tried.x), tried.model.latent_dim)
    for name, values in zip(("mu", "logvar"), given, strict=True):
        yield from _wrong_shape("encode", name, values, wanted, f"x {tuple(tried.x.shape)}")


def _decodes(tried: Tried) -> Iterator[str]:
    """decode fails."""
    wanted = (len(tried.z), *tried.model.image_shape)
    yield from _wrong_shape("decode", "images", tried.image(), wanted, f"z {tuple(tried.z.shape)}")


def _wrong_shape(
    of: str, name: str, values: object, wanted: tuple[int, ...], given: str
) -> Iterator[str]:
    if not isinstance(values, Tensor) or not values.is_floating_point():
        kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
        yield f"{of} gives {name} of {kind}; they must be a tensor of floats."
    elif tuple(values.shape) != wanted:
        yield f"{of} gives {name} {tuple(values.shape)} for {given}, not {wanted}."


def _check_mode(tried: Tried) -> Iterator[str]:
    """Whether it is in eval mode cannot be told."""
    if tried.model.training:
        yield "It is in training mode; call eval()."


def _check_codes(tried: Tried) -> Iterator[str]:
    """What it encodes cannot be looked at."""
    if not tried.model.has_encoder:
        return
    mu, logvar = tried.model.encode(tried.x)
    if not bool(mu.isfinite().all()):
        yield "encode gives a mu that is NaN or infinite."
    if tried.model.is_variational and not bool(logvar.isfinite().all()):
        yield "encode gives a logvar that is NaN or infinite, though is_variational is True."
    if not tried.model.is_variational and not bool((logvar == -math.inf).all()):
        yield "encode gives a logvar, though is_variational is False; it must be -inf."


def _check_images(tried: Tried) -> Iterator[str]:
    """What it decodes cannot be looked at."""
    if not tried.model.has_decoder:
        return
    for z, where in _codes(tried):
        image = tried.image(z)
        given = tried.model.unclipped(z) if isinstance(tried.model, Adapted) else image
        if not bool(given.isfinite().all()):
            yield f"decode gives NaN or infinite pixels {where}."
        elif float(image.min()) < 0 or float(image.max()) > 1:
            low, high = float(image.min()), float(image.max())
            yield f"decode gives pixels from {low:.3g} to {high:.3g} {where}, not in [0, 1]."


def _codes(tried: Tried) -> Iterator[tuple[Tensor, str]]:
    yield tried.z, f"up to {REACH:g} from 0"
    if tried.model.has_encoder:
        yield tried.mu().nan_to_num(), "at the codes of images"


def _check_again(tried: Tried) -> Iterator[str]:
    """It cannot be asked twice."""
    for name, ask in _functions(tried):
        before = torch.random.get_rng_state()
        first = ask(None)
        drew = not torch.equal(before, torch.random.get_rng_state())
        if _distance(first, ask(None)) > ALIKE:
            yield (
                f"{name} gives other values for the same input: it draws at random, or has "
                "dropout in training mode; give the mean, and call eval()."
            )
        elif drew:
            yield f"{name} draws from torch's global generator; give the mean."


def _check_rows(tried: Tried) -> Iterator[str]:
    """Rows cannot be asked for one by one."""
    for name, ask in _functions(tried):
        together = ask(None)
        rows = tried.x if name == "encode" else tried.z
        alone = torch.cat([ask(row[None]) for row in rows])
        if alone.shape != together.shape or (off := _distance(together, alone)) > ALIKE:
            yield (
                f"{name} gives other values for a row alone than among others"
                + (f", by {off:.2g} of their size" if alone.shape == together.shape else "")
                + ": each row must stand for itself, as with BatchNorm in eval mode."
            )


def _check_leaves_alone(tried: Tried) -> Iterator[str]:
    """Whether it changes what it is given cannot be told."""
    weights = {name: value.clone() for name, value in tried.model.state_dict().items()}
    for name, ask in _functions(tried):
        given = tried.x if name == "encode" else tried.z
        kept = given.clone()
        ask(given)
        if not torch.equal(given, kept):
            yield f"{name} changes its argument in place; work on a copy."
            given.copy_(kept)
    changed = [
        name
        for name, value in tried.model.state_dict().items()
        if not torch.equal(value.nan_to_num(), weights[name].nan_to_num())
    ]
    if changed:
        yield f"It changes its own {', '.join(changed[:3])} when it is asked; call eval()."


def _check_gradients(tried: Tried) -> Iterator[str]:
    """It says has_gradients, but decode cannot be differentiated:"""
    model, z = tried.model, tried.z[:2] / 4
    if not (model.has_gradients and model.has_decoder):
        return
    axes = torch.randn(2, model.latent_dim).to(z)
    axes = axes / axes.norm(dim=1, keepdim=True)
    chosen = best_differences(model.decode, z, axes)
    found = differences(model.decode, z, axes, chosen.step)
    size = float(found.square().mean().sqrt())
    allowed = (10 * chosen.error + 0.01) * size if math.isfinite(chosen.error) else ALIKE
    with torch.enable_grad():
        at = z.clone().requires_grad_()
        (slope,) = torch.autograd.grad(model.decode(at).sum(), [at])
    wrong = (slope @ axes.T - found.sum(-1)) / math.sqrt(found.shape[-1])
    if not float(wrong.square().mean().sqrt()) <= allowed:
        yield (
            "decode's gradients are not those of its images: something in it is detached or "
            "rounded; say has_gradients = False."
        )


def _check_likelihood(tried: Tried) -> Iterator[str]:
    """It says has_likelihood, but log_likelihood fails:"""
    if tried.model.has_likelihood and tried.model.has_decoder:
        log_p = tried.model.log_likelihood(tried.x, tried.z)
        if tuple(log_p.shape) != (len(tried.x),):
            yield f"log_likelihood gives {tuple(log_p.shape)}, not one number an image."
        elif not bool(log_p.isfinite().all()):
            yield "log_likelihood is NaN or infinite for an image in [0, 1]."


CHECKS = (
    _check_mode,
    _check_codes,
    _check_images,
    _check_again,
    _check_rows,
    _check_leaves_alone,
    _check_gradients,
    _check_likelihood,
)


def _functions(tried: Tried) -> list[tuple[str, Callable[[Tensor | None], Tensor]]]:
    """encode's mu and decode, those that are there, of the rows given or of all."""
    found: list[tuple[str, Callable[[Tensor | None], Tensor]]] = []
    if tried.model.has_encoder:
        found.append(("encode", tried.mu))
    if tried.model.has_decoder:
        found.append(("decode", tried.image))
    return found


def _distance(a: Tensor, b: Tensor) -> float:
    """The largest difference, as a share of the largest number; NaN is like NaN."""
    a, b = a.nan_to_num(), b.nan_to_num()
    return float((a - b).abs().max() / a.abs().max().clamp_min(1e-6))
