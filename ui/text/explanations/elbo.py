"""The mathematics behind the page ELBO gap, for `ui.text.explain`."""

GAP = r"""
For any distribution $q(@z)$ with a density,

$$
\log p(x) \;=\; \underbrace{\mathbb{E}_{q}\big[\log p(x\mid @z)\big] -
\mathrm{KL}\big(q(@z)\,\|\,p(@z)\big)}_{\mathrm{ELBO}(q)} \;+\;
\underbrace{\mathrm{KL}\big(q(@z)\,\|\,p(@z\mid x)\big)}_{\text{gap}\;\ge\;0}
$$

The left side does not depend on $q$: raising the ELBO by $q$ is the same as pulling $q$ towards the
exact posterior $p(@z\mid x) = p(x\mid @z)\,p(@z)\,/\,p(x)$. With at most two latent
dimensions, $p(x)=\int p(x\mid @z)\,p(@z)\,d@z$ is summed over small cells of latent space, so each
term is computed on its own and the bars are a check. With more, $p(x)$ is importance-sampled.

The encoder gives $q(@z\mid x)=\mathcal{N}(@mu,\operatorname{diag}@sigma^2)$. With $q^*$ the best
diagonal Gaussian for this one image (Cremer, Li & Duvenaud 2018),

$$
\mathrm{KL}(q\,\|\,p(@z\mid x)) =
\underbrace{\log p(x)-\mathrm{ELBO}(q^*)}_{\text{approximation gap: no diagonal Gaussian does
better}} +
\underbrace{\mathrm{ELBO}(q^*)-\mathrm{ELBO}(q)}_{\text{amortisation gap: one encoder for all}}
$$
"""
BOUNDS = r"""
Left (Kingma & Welling 2014, eq. 7), with $@z_l=@mu+@sigma\odot@eps_l$ and
$@eps_l\sim\mathcal{N}(0,I)$:

$$
\mathrm{ELBO}\approx\frac1L\sum_{l=1}^{L}\log p(x\mid @z_l)-\mathrm{KL}(q\,\|\,p(@z)),\qquad
\mathrm{KL}=\tfrac12\sum_j\big(@mu_j^2+@sigma_j^2-\log @sigma_j^2-1\big)
$$

Right (Burda, Grosse & Salakhutdinov 2016), a bound that rises with $K$ to $\log p(x)$ and is the
ELBO at $K=1$:

$$
\mathcal{L}_K=\mathbb{E}\Big[\log\frac1K\sum_{k=1}^{K}\frac{p(x,@z_k)}{q(@z_k\mid
x)}\Big]\;\le\;\mathcal{L}_{K+1}\;\le\;\log p(x)
$$
"""
TRICK = r"""
The ELBO's first term is an average over draws of $q$, and the draws depend on $@mu$ and $@sigma$.
Written as $@z=@mu+@sigma\odot@eps$ with $@eps\sim\mathcal{N}(0,I)$, the randomness comes from
outside, and the chain rule goes through $@z$ (**pathwise**):

$$
\nabla_{@mu}\,\mathbb{E}_q[\log p(x\mid @z)]=\mathbb{E}_{@eps}\big[\nabla_{@z}\log p(x\mid
@z)\big],\qquad \nabla_{\log @sigma^2}=\mathbb{E}_{@eps}\big[\tfrac12\,@sigma\,@eps\,\nabla_{@z}\log
p(x\mid @z)\big]
$$

Without it there is the **score function** (REINFORCE, Williams 1992), which is right on average
too, but weighs directions by the height of $\log p$ and not by its slope:

$$
\nabla_{@mu}\,\mathbb{E}_q[\log p(x\mid @z)]=\mathbb{E}_{q}\Big[\log p(x\mid
@z)\;\frac{@eps}{@sigma}\Big],\qquad\nabla_{\log @sigma^2}=\mathbb{E}_q\big[\log p(x\mid
@z)\;\tfrac12(@eps^2-1)\big]
$$

A baseline (the mean of $\log p$ over the other draws) takes away its height, not its blindness.
"""
SUM = r"""
A data set of $N$ images is estimated from a minibatch of $M$, drawn at random:

$$
\sum_{i=1}^{N}\mathrm{ELBO}(x_i)\;\approx\;\frac{N}{M}\sum_{i=1}^{M}\mathrm{ELBO}(x_i)
$$

(Kingma & Welling 2014, eq. 8). Without bias at every $M$; its error falls like
$\sqrt{(1-M/N)/M}$ and ends at $M=N$. Some lecture notes print $M/N$: that would not.
"""
