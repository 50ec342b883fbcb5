"""The mathematics behind the pages Few labels and Clusters, for `ui.text.explain`."""

LABELS = r"""
A VAE learns $q(@z\mid x)=\mathcal{N}(@mu,\operatorname{diag}@sigma^2)$ from images alone. If
$@mu(x)$ keeps what tells the classes apart and drops the rest, a simple classifier of $@mu$ needs
few labels: **M1** of Kingma, Rezende, Mohamed & Welling (2014). Beside $@mu$ stand as many
**principal components** of the images, and the **pixels** themselves; the classifiers are the same.

- **Nearest neighbours**: the majority among the nearest labelled codes, from one where a class has
  few labels up to 9. It follows any border, if it has labels on both sides.
- **Logistic regression**: $p(y=k\mid @mu)\propto\exp(w_k^\top@mu+b_k)$. Its borders are straight.
- **Label spreading** (Zhou et al. 2004) uses the images without labels too. Each is joined to its
  10 nearest; scores $F$ spread along these edges, of normalised weights $S$, from the labels $Y$:

$$
F\leftarrow\alpha\,S F+(1-\alpha)\,Y,\qquad\alpha=0.99 .
$$

**M2** of the same paper learns the few labels and all images at once: its own $q(y\mid x)$ tells
the class, and $@z$ holds the rest. Codes $@mu$ of an M2 therefore tell little about the class.

**Which** images are labelled matters most when there are few. At random: as many of each class. By
clusters: $k$-means of $@mu$ with as many clusters as labels, and the image nearest to each centre
is shown to whoever labels; no label is needed to choose.
"""
CLUSTERS = r"""
**k-means** puts each $@mu$ to the nearest of $k$ centres and each centre into the middle of its
own, until nothing moves: round clusters of like size. A **Gaussian mixture**
$\sum_k w_k\,\mathcal{N}(@mu;m_k,C_k)$, fitted by EM, takes stretched ones too. Neither sees a
class.

How far clusters agree with classes:

- **Adjusted Rand index** (Hubert & Arabie 1985): of all pairs of images, the share that both put
  together or both put apart, rescaled so that chance gives 0 and agreement 1.
- **Mutual information** of cluster and class, over the mean of their entropies:
  normalised (NMI), or less what chance gives as well: **adjusted** (AMI; Vinh, Epps & Bailey 2010).
- **Purity**: the share of images that are of the commonest class in their cluster. It
  grows with $k$ alone.

The decoder makes an image of any $@z$, so of a cluster's mean code too, $g(\overline{@mu})$: one
sharp image, where the mean of the same images' pixels is a blur of all of them.
"""
