"""The objectives of the VAE: the ELBO, its KL weighed or held, the importance-weighted bound."""

from __future__ import annotations

import torch
from torch import Tensor

from vae_core.models.latent_model import LatentModel
from vae_core.objectives.terms import (
    ObjectiveTerms,
    elbo_terms,
    importance_bound,
    log_weights,
    loss,
    posterior_draws,
    variational,
)


def ramp(step: int, steps: int, last: float, first: float = 0.0) -> float:
    """From `first` at step 0 evenly to `last` at `steps` and after.

    A beta that is warmed up (Sønderby et al. 2016), or a capacity (Burgess et al. 2018).
    """
    return first + (last - first) * min(1.0, step / steps) if steps > 0 else last


def beta_vae(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    samples: int = 1,
    beta: float = 1.0,
    kl_weight: float = 1.0,
) -> ObjectiveTerms:
    """-reconstruction + kl_weight * beta * KL, by `samples` draws (Higgins et al. 2017).

    beta = 1 is the negative ELBO. Here and below kl_weight rises to 1 while it is warmed up.
    """
    terms = elbo_terms(variational(model), x, generator=generator, samples=samples)
    return ObjectiveTerms(terms.reconstruction, terms.kl, loss(terms, kl_weight * beta))


def capacity_vae(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    capacity: float,
    gamma: float = 1_000.0,
    samples: int = 1,
) -> ObjectiveTerms:
    """-reconstruction + gamma * |KL - capacity|, both means, in nats (Burgess et al. 2018, eq. 8).

    The capacity is raised while training, see `ramp`.
    """
    terms = elbo_terms(variational(model), x, generator=generator, samples=samples)
    excess = (terms.kl.sum(1).mean() - capacity).abs()
    total = gamma * excess - terms.reconstruction.mean()
    return ObjectiveTerms(terms.reconstruction, terms.kl, total, {"excess": excess})


def free_bits(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    free_nats: float = 0.1,
    samples: int = 1,
    kl_weight: float = 1.0,
) -> ObjectiveTerms:
    """-reconstruction + kl_weight * sum_j max(free_nats, KL_j), the KL a mean.

    Kingma et al. (2016, eq. 15) have it with kl_weight = 1.
    A dimension whose KL is below `free_nats` is not pressed further, which keeps it from collapse.
    """
    terms = elbo_terms(variational(model), x, generator=generator, samples=samples)
    counted = terms.kl.mean(0).clamp_min(free_nats).sum()
    total = kl_weight * counted - terms.reconstruction.mean()
    return ObjectiveTerms(terms.reconstruction, terms.kl, total, {"counted_kl": counted})


def iwae(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    samples: int = 50,
    kl_weight: float = 1.0,
) -> ObjectiveTerms:
    """Minus the importance-weighted bound of K = `samples` draws (Burda et al. 2016).

    One draw is the ELBO with its KL sampled; kl_weight weighs log p(z) - log q(z given x) in each
    weight, so that one draw is `beta_vae` at any. Of the terms, the KL is in closed form where the
    prior has one, and what the draws differ from it by is in the reconstruction.
    """
    mu, logvar = variational(model).encode(x)
    z, eps = posterior_draws(mu, logvar, generator, samples)
    prior = model.prior()
    weights = log_weights(model, x, z, eps, logvar, prior, kl_weight)
    kl = prior.kl(mu, logvar, z.transpose(0, 1))
    return _bound_terms(kl, weights, -importance_bound(weights).mean(), kl_weight)


def doubly_reparameterised_iwae(
    model: LatentModel,
    x: Tensor,
    *,
    generator: torch.Generator,
    samples: int = 50,
    kl_weight: float = 1.0,
) -> ObjectiveTerms:
    """The same bound with the encoder's gradient of Tucker et al. (2019, eq. 8).

    It goes through the draws alone, each weighed by its squared share of the weights: the same in
    expectation, and not drowned by noise as K grows. The decoder's gradient is IWAE's own. Where
    log q counts kl_weight times, their equations 5 to 8 weigh a draw of the share w by
    (1 - kl_weight) w + kl_weight w^2.
    """
    mu, logvar = variational(model).encode(x)
    z, _ = posterior_draws(mu, logvar, generator, samples)
    # q's own parameters are held, so that its density is differentiated by z alone.
    held_mu, held_logvar = mu.detach(), logvar.detach()
    eps = (z - held_mu[:, None]) * torch.exp(-0.5 * held_logvar)[:, None]
    prior = model.prior()
    weights = log_weights(model, x, z, eps, held_logvar, prior, kl_weight)
    kl = prior.kl(mu.detach(), held_logvar, z.detach().transpose(0, 1))
    share = torch.softmax(weights.detach(), dim=1)
    if z.requires_grad:
        own = 1 - kl_weight + kl_weight * share  # the gradient has the share once already
        z.register_hook(lambda gradient: gradient * own[:, :, None])
    bound = (share * weights).sum(1)  # of the right gradient …
    bound = bound + (importance_bound(weights) - bound).detach()  # … and of the right value
    return _bound_terms(kl, weights, -bound.mean(), kl_weight)


def _bound_terms(kl: Tensor, weights: Tensor, total: Tensor, kl_weight: float) -> ObjectiveTerms:
    """The ELBO's terms by the draws of a bound: the mean log weight is their difference."""
    return ObjectiveTerms(weights.mean(1) + kl_weight * kl.sum(1), kl, total)
