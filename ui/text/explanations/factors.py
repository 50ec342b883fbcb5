"""The mathematics behind the page Factors, for `ui.text.explain`."""

CARDS = r"""
The encoder gives each image $q(@z\mid x)=\mathcal{N}(@mu,\operatorname{diag}@sigma^2)$. A
dimension's **KL** is the mean over test images of

$$
\mathrm{KL}_j=\tfrac12\big(@mu_j^2+@sigma_j^2-\log @sigma_j^2-1\big)
$$

nats: what the image tells through this dimension. One is **active** where
$\operatorname{Var}_x[@mu_j(x)]>0.01$ (Burda et al. 2016); the decoder ignores the others.

A **traversal** keeps $@z$ at this image's $@mu$ but for one coordinate $@z_j$, which is led through
a range: equal shares of the prior, equal shares of the test set's $@mu_j$, or $@mu_j\pm
k\,@sigma_j$, the image's own posterior.

**r** is Pearson's correlation of $@mu_j$ with a known factor, from −1 to 1; **η** the correlation
ratio with the class, from 0 to 1: the square root of the share of $\operatorname{Var}[@mu_j]$ that
the classes' means explain. Both see straight relations alone: an angle goes round.
"""
ATTRIBUTES = r"""
Where the decoder is nearly linear, an attribute is a direction: the difference of two classes' mean
codes, $v=\overline{@mu}_A-\overline{@mu}_B$ (Larsen et al. 2016; White 2016). Any image's code may
be moved along it, $@z=@mu+t\,v$. The other traits of the image should stay; where they do not, the
classes differ in more than the attribute.
"""
SCORES = r"""
Each compares the codes $@mu$ with the factors that made the images. **MIG** (Chen et al. 2018): how
far the most informative code of a factor is ahead of the next, in units of the factor's entropy.
**FactorVAE** (Kim & Mnih 2018): how well the stillest code tells which factor was held.
**SAP** (Kumar et al. 2018): the gap between the two best codes' accuracies. **DCI** (Eastwood &
Williams 2018): whether a code serves one factor, a factor is served by one code, and how well all
codes tell it. **Modularity** (Ridgeway & Mozer 2018): whether a code tells of one factor alone.

A factor of many values is cut into 20 classes of equal width, and DCI asks trees to tell them
apart. One code that goes with a continuous factor does so only roughly; the trees tell the rest by
the others, and importance spreads over all codes. So DCI can be low where $r$ is high.
"""
