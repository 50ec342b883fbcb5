"""Two gradients of E_q[log p(x given z)] in mu and logvar: the same mean, not the same variance.

pathwise         z = mu + sigma eps, and the chain rule through z: the reparameterisation trick
                 (Kingma & Welling 2014, 2.4; Rezende et al. 2014)
score function   log p(x given z) times the gradient of log q(z) (Williams 1992; Paisley et al.
                 2012), which needs no gradient of the decoder
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae_core.errors import ConfigError
from vae_core.models.latent_model import LatentModel


@dataclass(frozen=True)
class GradientDraws:
    """Estimates by one draw each, for L draws.

    eps, z (L, d); log_px_z (L,), log p(x given z), in nats; dz (L, d), its gradient in z;
    pathwise, score, score_with_baseline (L, 2 d): gradients in mu_1 … mu_d, logvar_1 … logvar_d.
    The baseline is the mean of log p(x given z) over the other draws, which leaves the estimate
    unbiased (Mnih & Rezende 2016; Kool et al. 2019).
    """

    eps: Tensor
    z: Tensor
    log_px_z: Tensor
    dz: Tensor
    pathwise: Tensor
    score: Tensor
    score_with_baseline: Tensor

    @property
    def variance_ratio(self) -> Tensor:
        """The score function's variance over the pathwise gradient's, (2 d,)."""
        ratio: Tensor = self.score.var(0) / self.pathwise.var(0)
        return ratio


def gradient_draws(
    model: LatentModel,
    x: Tensor,
    mu: Tensor,
    logvar: Tensor,
    *,
    draws: int,
    generator: torch.Generator,
) -> GradientDraws:
    """Both gradients for one image x (1, c, h, w) at q = N(mu, diag exp(logvar)), mu, logvar (d,).

    ConfigError when draws are fewer than 2 or q is no density.
    """
    if draws < 2:
        raise ConfigError(f"draws={draws}; a variance needs 2 or more.")
    if not bool(torch.isfinite(logvar).all()):
        raise ConfigError("q has no density: a plain autoencoder has no gradient to estimate.")
    sigma = torch.exp(0.5 * logvar)
    eps = torch.randn(draws, len(mu), generator=generator, device=mu.device, dtype=mu.dtype)
    z = mu + sigma * eps
    values, slopes = [], []
    with torch.enable_grad():
        for some in z.detach().split(model.images_at_once):
            some = some.clone().requires_grad_()
            log_px_z = model.log_likelihood(x.expand(len(some), *x.shape[1:]), some)
            slopes.append(torch.autograd.grad(log_px_z.sum(), some)[0])
            values.append(log_px_z.detach())
    value, slope = torch.cat(values), torch.cat(slopes)
    score = torch.cat([eps / sigma, 0.5 * (eps.square() - 1)], 1)  # of log q(z) in mu, logvar
    others = (value.sum() - value) / (draws - 1)
    return GradientDraws(
        eps=eps,
        z=z,
        log_px_z=value,
        dz=slope,
        pathwise=torch.cat([slope, 0.5 * slope * sigma * eps], 1),
        score=value[:, None] * score,
        score_with_baseline=(value - others)[:, None] * score,
    )
