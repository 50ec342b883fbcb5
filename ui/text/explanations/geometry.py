"""The mathematics behind the page Geometry, for `ui.text.explain`."""

GEOMETRY = r"""
A small step $d@z$ changes the decoder's mean image $g(@z)$ by $J\,d@z$, where $J=\partial
g/\partial @z$ is the **Jacobian** (pixels × d). Measured by pixels, latent space therefore has the
metric

$$
\lVert g(@z+d@z)-g(@z)\rVert^2\approx d@z^\top G(@z)\,d@z,\qquad G=J^\top J
$$

(Arvanitidis, Hansen & Hauberg 2018). The square roots of its eigenvalues say how much a unit step
along each **principal direction** changes the image; their product, the **magnification**
$\sqrt{\det G}$, how much larger an area becomes (Bishop, Svensén & Williams 1997). It is high on
the borders between kinds of images, and low inside them.

A **geodesic** is the shortest way by this metric. It is found by moving the places of a path until
its energy $\sum_i\lVert g(@z_{i+1})-g(@z_i)\rVert^2$ is least, and so bends round the borders where
it can. It is never longer than the straight line, which is short in $@z$ and need not be short in
images.
"""
