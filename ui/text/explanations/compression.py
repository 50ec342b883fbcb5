"""The mathematics behind the page Compression, for `ui.text.explain`."""

COMPRESSION = r"""
An image is kept as its code: $@mu_j$ is rounded to the nearest multiple of a step $\Delta$, and the
whole number $k_j=\operatorname{round}(@mu_j/\Delta)$ is written down. If $k_j$ has the frequencies
$P_j(k)$ over the test set, an ideal entropy coder needs (Shannon 1948)

$$
\text{bits}=\sum_j H_j,\qquad H_j=-\sum_k P_j(k)\log_2 P_j(k),
$$

each dimension by itself: what one $k_j$ tells about another saves nothing here. Whoever knows only
the prior codes $k_j$ with
$-\log_2\left[\Phi\left((k_j+\tfrac12)\Delta\right)-\Phi\left((k_j-\tfrac12)\Delta\right)\right]$
bits, never fewer on average: the difference is $\mathrm{KL}(P_j\,\Vert\,\text{prior})$ in bits.
Half the step costs one bit more in each dimension that is in use; an unused dimension rounds to 0
always, and costs nothing.

The image that comes back is $E[x\mid @z=\Delta k]$: transform coding with a learned transform
(Ballé, Laparra & Simoncelli 2017). **PCA** is the best linear transform; the same step in each of
its directions, which are not scaled, spends bits where the variance is (Goyal 2001). Neither counts
the bits of the model itself, which both sides have.

**PSNR** $=-10\log_{10}$ of the mean squared error, in dB: 10 more is a tenth of the error. **SSIM**
compares means, contrasts and structure in a window that wanders over the image; 1 is identity
(Wang, Bovik, Sheikh & Simoncelli 2004). A VAE was trained for the likelihood of images, not for
either: once $\Delta$ is smaller than the posterior's $@sigma$, more bits tell nothing more.
"""
