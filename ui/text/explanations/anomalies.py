"""The mathematics behind the page Anomalies, for `ui.text.explain`."""

SCORES = r"""
A model of normal images gives every image a score, the larger the stranger; no anomaly is needed to
learn from (An & Cho 2015).

- **−ELBO** $=\mathrm{KL}(q(@z\mid x)\,\Vert\,p(@z))-\mathbb{E}_q[\log p(x\mid @z)]$, by one draw.
- **−log p(x)**, by importance sampling: $\log p(x)\approx\log\frac1K\sum_k
  \frac{p(x\mid @z_k)\,p(@z_k)}{q(@z_k\mid x)}$ with $@z_k$ from $q$ and $K=64$ (Burda et al. 2016).
- **reconstruction**: $-\log p(x\mid @z=@mu)$.
- **relative error**: $\lVert x-\hat x\rVert^2/(\lVert x\rVert^2+\lVert\hat x\rVert^2)$ with the
  reconstruction $\hat x=g(@mu)$: one less Dice's coefficient (Milletari et al. 2016). A thin image
  is not let off for having few pixels to get wrong.
- **distance** in latent space: $\min_c\sqrt{(@mu-m_c)^\top S^{-1}(@mu-m_c)}$, Mahalanobis' to the
  nearest class mean $m_c$ of the normal codes, with the covariance $S$ within classes (Lee et al.
  2018).

The **ROC** runs over all thresholds: which share of anomalies lies above it, which share of normal
images does, too. The area below, **AUROC**, is the share of pairs that the score puts in order; ½
is a guess, less than ½ is worse than one. Its error is that of DeLong et al. (1988).

A likelihood is no measure of strangeness by itself: an image that is *simple* (few strokes, much
black) is likely under a model that has never seen its like (Nalisnick et al. 2019). Try MNIST
under a model of clothes.
"""
NOISE = r"""
A VAE rebuilds $x$ from a few numbers, so what does not fit its images cannot pass; but it was never
told what noise is, and noise moves $@mu$. A **denoising autoencoder** is trained on pairs: it sees
$\tilde x$ with noise and is to give the clean $x$ (Vincent et al. 2008). The **median filter** puts
in each pixel's place the median of the 3 × 3 round it, and has learned nothing.

$\mathrm{PSNR}=-10\log_{10}\operatorname{mean}(x-\hat x)^2$ in dB. **SSIM** compares means,
variances and covariances in a small window that is moved over both images (Wang et al. 2004): 1 is
the same image.
"""
