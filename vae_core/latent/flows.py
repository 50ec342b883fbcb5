"""RealNVP, a normalising flow over latent codes: affine couplings in turn (Dinh et al. 2017).

A coupling leaves half of the dimensions as they are and shifts and scales the others by functions
of that half, so that both directions and the Jacobian cost one pass. A stack of them makes codes
into N(0, I); backwards it makes N(0, I) into codes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from vae_core.errors import ConfigError, TrainingError

COUPLINGS, WIDTH = 6, 64
STEPS, BATCH, LEARNING_RATE = 500, 512, 5e-3
TRIED_EVERY = 5  # steps
MAX_LOG_SCALE = 2.0  # of one coupling, so that no single step tears the space


class Coupling(nn.Module):
    """u = z on `kept` (d,) bool, u = z * exp(s(kept z)) + t(kept z) elsewhere."""

    kept: Tensor

    def __init__(self, kept: Tensor, width: int) -> None:
        super().__init__()
        self.register_buffer("kept", kept.float())
        d = len(kept)
        last = nn.Linear(width, 2 * d)
        nn.init.zeros_(last.weight)  # it begins as the identity
        nn.init.zeros_(last.bias)
        self.net = nn.Sequential(
            nn.Linear(d, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), last
        )

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """u (n, d) and log |det du/dz| (n,)."""
        log_scale, shift = self._of_kept(z)
        return z * log_scale.exp() + shift, log_scale.sum(1)

    def inverse(self, u: Tensor) -> Tensor:
        log_scale, shift = self._of_kept(u)
        return (u - shift) * (-log_scale).exp()

    def _of_kept(self, z: Tensor) -> tuple[Tensor, Tensor]:
        s, t = self.net(z * self.kept).chunk(2, dim=1)
        moved = 1 - self.kept
        return MAX_LOG_SCALE * torch.tanh(s / MAX_LOG_SCALE) * moved, t * moved


class Flow(nn.Module):
    """Couplings over codes that are first brought to mean 0 and variance 1; see `fit_flow`."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor, couplings: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        every_other = torch.arange(len(mean)) % 2 == 0
        self.couplings = nn.ModuleList(
            Coupling(every_other if k % 2 else ~every_other, width) for k in range(couplings)
        )

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """u (n, d), which is to be N(0, I), and log |det du/dz| (n,), for z (n, d)."""
        u, log_det = (z - self.mean) / self.scale, -self.scale.log().sum().expand(len(z))
        for coupling in self.couplings:
            u, part = coupling(u)
            log_det = log_det + part
        return u, log_det

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), (n,), in nats, by the change of variables (Dinh et al. 2017, eq. 2)."""
        u, log_det = self.forward(z)
        return -0.5 * (u.square() + math.log(2 * math.pi)).sum(1) + log_det

    def inverse(self, u: Tensor) -> Tensor:
        """z (n, d) of u (n, d)."""
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling)
            u = coupling.inverse(u)
        z: Tensor = u * self.scale + self.mean
        return z

    @torch.no_grad()
    def sample(self, n: int, seed: int) -> Tensor:
        """n draws of z, (n, d)."""
        generator = torch.Generator().manual_seed(seed)
        return self.inverse(torch.randn(n, len(self.mean), generator=generator))


def _to_judge_by(n: int) -> int:
    """Of n codes, how many are held out: a tenth, of few a quarter."""
    return min(max(n // 10, 50), n // 4)


def fit_flow(
    z: Tensor,
    *,
    steps: int = STEPS,
    couplings: int = COUPLINGS,
    width: int = WIDTH,
    seed: int = 0,
    on_progress: Callable[[float], object] = lambda done: None,
) -> Flow:
    """A flow of the highest likelihood for codes z (n, d), d >= 2, by Adam with a falling rate.

    Some of the codes are held out, and of all steps that is kept under which they are likeliest: of
    few codes a flow soon learns each by heart.

    on_progress hears 0 to 1. ConfigError for fewer than two dimensions or codes; TrainingError
    where the likelihood is no number any more.
    """
    n, d = z.shape
    if d < 2 or n < 2:
        raise ConfigError(
            f"A flow of couplings needs two codes of two dimensions at least; z is {n} x {d}."
        )
    z = z.float()
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        flow = Flow(z.mean(0), z.std(0).clamp_min(1e-6), couplings, width)
    held_out, z = z.split([_to_judge_by(n), n - _to_judge_by(n)])
    best, kept = -math.inf, flow.state_dict()
    optimizer = torch.optim.Adam(flow.parameters(), lr=LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        batch = z[torch.randint(len(z), (min(BATCH, len(z)),), generator=generator)]
        loss = -flow.log_prob(batch).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if len(held_out) and step % TRIED_EVERY == TRIED_EVERY - 1:
            with torch.no_grad():
                reached = float(flow.log_prob(held_out).mean())
            if reached > best:
                best = reached
                kept = {name: value.clone() for name, value in flow.state_dict().items()}
        if step % 20 == 19 or step == steps - 1:
            if not bool(loss.isfinite()):
                raise TrainingError("The flow's likelihood is no finite number; try another seed.")
            on_progress((step + 1) / steps)
    if best > -math.inf:
        flow.load_state_dict(kept)
    return flow.eval().requires_grad_(False)
