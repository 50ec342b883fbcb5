"""KL and β: both divergences between two Gaussians, in closed form and by a sum."""

import torch
from torch.distributions import Normal, kl_divergence

Q = (1.5, 0.6)  # mu, sigma
P = (0.0, 1.0)

q, p = Normal(*Q), Normal(*P)
x = torch.linspace(-20, 20, 400_001, dtype=torch.float64)
for name, a, b in (("KL(q || p)", q, p), ("KL(p || q)", p, q)):
    integrand = a.log_prob(x).exp() * (a.log_prob(x) - b.log_prob(x))
    print(f"{name}  {kl_divergence(a, b):8.4f} nats   area {torch.trapezoid(integrand, x):8.4f}")
