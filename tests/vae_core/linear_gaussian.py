"""A VAE whose decoder is linear, so that its marginal and posterior have closed forms."""

import numpy as np
import scipy.stats
import torch
from torch.distributions import MultivariateNormal

from tests.vae_core.arrays import seeded
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model
from vae_core.models.latent_model import LatentModel

SIGMA = 0.3


def linear_gaussian(d: int, noise: float = SIGMA, scale: float = 0.8) -> LatentModel:
    """x = W z + b + noise, whose marginal is N(b, W W' + noise^2 I); its encoder is a rough one."""
    torch.manual_seed(d)
    config = ModelConfig(
        (1, 2, 3), d, hidden=(), likelihood="gaussian", sigma=noise, link="identity"
    )
    model = build_model(config).double().eval().requires_grad_(False)
    model.decoder[0].weight.copy_(scale * torch.randn(6, d, dtype=torch.float64))
    mu, logvar = model.encoder[1].weight.chunk(2)
    logvar.zero_()
    model.encoder[1].bias[d:] = -2.0
    mu.copy_(0.9 * torch.linalg.pinv(model.decoder[0].weight))
    return model


def images(model: LatentModel, n: int) -> torch.Tensor:
    z = torch.randn(n, model.latent_dim, generator=seeded(8), dtype=torch.float64)
    noise = model.likelihood.sigma * torch.randn(n, 1, 2, 3, generator=seeded(9)).double()
    return model.decode_parameters(z) + noise


def log_marginal(model: LatentModel, x: torch.Tensor) -> torch.Tensor:
    w, b = model.decoder[0].weight.numpy(), model.decoder[0].bias.numpy()
    covariance = w @ w.T + model.likelihood.sigma**2 * np.eye(len(b))
    normal = scipy.stats.multivariate_normal(b, covariance)
    return torch.from_numpy(np.atleast_1d(normal.logpdf(x.flatten(1).numpy())))


def true_posterior(model: LatentModel, image: torch.Tensor) -> MultivariateNormal:
    """p(z given x) of one image (c, h, w) (Bishop 2006, eq. 2.116)."""
    w, b = model.decoder[0].weight, model.decoder[0].bias
    precision = torch.eye(w.shape[1]).double() + w.T @ w / model.likelihood.sigma**2
    mean = torch.linalg.solve(precision, w.T @ (image.flatten() - b)) / model.likelihood.sigma**2
    return MultivariateNormal(mean, precision_matrix=precision)
