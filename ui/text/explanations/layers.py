"""The mathematics behind the page Layers, for `ui.text.explain`."""

LAYERS = r"""
The decoder is a chain of layers from $@z$ to the parameters of $p(x\mid @z)$. A **linear** layer
$h'=a(Wh+b)$ mixes all units of the layer before; $a$ is the activation. In a convolutional decoder
the first layers make a few small **feature maps** ($4\times4$, say), and each **transposed
convolution** doubles their side: early maps say roughly what is where, later ones draw strokes and
edges. What leaves the last layer is no image yet: for a Bernoulli likelihood the log odds of each
pixel, for a Gaussian its mean and perhaps $\log\sigma$. The likelihood's mean $E[x\mid @z]$ is.
"""

TRANSPOSED = r"""
Write an image as the vector of its pixels, row by row. Convolving it with a kernel $w$ is then the
product with a sparse matrix $C$, whose rows hold $w$'s weights where the kernel lies: $y=Cx$. Its
**transpose** leads from the shape of $y$ back to that of $x$, with the same weights:

$$
x=C^\top y,\qquad \text{side of }x=(\text{side of }y-1)\cdot\text{stride}-2\cdot\text{padding}+k
$$

(Dumoulin & Visin 2016, chapter 4). Seen from $y$: each pixel stamps the kernel onto $x$, multiplied
by its value, `stride` pixels apart; stamps add up where they overlap, and the padding is cut off
round the edge. It is the gradient of the convolution with respect to its input, and it is not its
inverse: $C^\top C\ne I$.

With a kernel that the stride does not divide, stamps overlap unevenly, 3 with stride 2 for example:
the origin of **checkerboard** patterns (Odena et al. 2016).
"""
