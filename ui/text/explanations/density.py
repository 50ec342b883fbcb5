"""The mathematics behind the page Density, for `ui.text.explain`."""

DENSITY = r"""
Training brings every $q(@z\mid x_n)$ towards the prior, each for itself. What the decoder learns on
is their mean, the **aggregate posterior**

$$
q(@z)=\frac1N\sum_n q(@z\mid x_n),\qquad
\frac1N\sum_n\mathrm{KL}\left(q(@z\mid x_n)\,\Vert\,p(@z)\right)
=I(x;@z)+\mathrm{KL}\left(q(@z)\,\Vert\,p(@z)\right)
$$

(Hoffman & Johnson 2016). Only where the last term is 0 does a draw of the prior always fall where
the decoder has been.

Two **estimates** are fitted to draws of $q(@z)$. A kernel density puts a Gaussian round every draw,
as wide as $n^{-1/(d+4)}$ times their spread (Scott 1992): good on a plane, too smooth in many
dimensions. A mixture of $K$ Gaussians of full covariance is fitted by EM. The mean log density of
the codes of images that neither has seen says which of them is nearer to $q(@z)$; drawing from it
instead of the prior fills the holes (Ghosh et al. 2020).

**Holes** are counted with the better estimate $\hat q$: 95% of the unseen codes have
$\log\hat q(@z)\ge t$, the highest-density region (Hyndman 1996). The share of the prior's draws
below $t$ would be 5% if prior and $q(@z)$ were the same.

The **KL** lies between two figures. Over unseen codes
$E[\log\hat q(@z)-\log p(@z)]=\mathrm{KL}(q\,\Vert\,p)-\mathrm{KL}(q\,\Vert\,\hat q)$ is too low;
that of the mixture of the $N$ test images' own posteriors is too high, since KL is convex. In many
dimensions those posteriors hardly touch, $I(x;@z)$ is stuck at $\log N$, and the gap between the
two is wide.
"""
