"""The mathematics behind the page Compare, for `ui.text.explain`."""

COMPARE = r"""
All of these models decode $@z$ to a mean image $g(@z)$. They differ in what holds the codes in
place, and in whether there is an encoder:

- A **VAE** raises the ELBO, $\mathbb{E}_{q}[\log p(x\mid
  @z)]-\beta\,\mathrm{KL}\big(q(@z\mid x)\,\|\,p(@z)\big)$ with $\beta=1$. The KL draws the codes
  $@z\sim\mathcal{N}(@mu,\operatorname{diag}@sigma^2)$ towards $p(@z)=\mathcal{N}(0,I)$, and a
  decoder that must do with draws changes little inside $@sigma$. With a
  larger $\beta$ codes say less and images blur, with a smaller one the reverse (Higgins et al.
  2017).
- A **plain autoencoder** has no $@sigma$ and no KL. Its codes lie anywhere, with holes between
  them, and nothing promises that a $@z$ between two codes decodes to something like the data.
- **PCA** is the autoencoder whose encoder and decoder are linear. With as many dimensions no linear
  one has a smaller squared error (Eckart & Young 1936), and the least of a linear network's squared
  error spans the same subspace (Baldi & Hornik 1989).
- A **GAN** learns a generator $g$ alone, from whether a discriminator takes its images for real. It
  has no encoder: no image has a code, so there are no points, no reconstructions, no ELBO.

More **dimensions** let more of an image through, and the reconstruction gets better. The plane then
shows two of them, or the two main axes of $@mu$ (PC 1, PC 2), and hides the others.

**One pointer.** Where both have encoded the same images, pointing at an image on one plane makes
the other decode that image from its own $@mu$, all $d$ numbers of it. Elsewhere, and where the
models have no image in common, the other shows the same place of its plane; with two dimensions
that is the same $@z$. The plane under the pointer always decodes the place.

**The figures** are means over the test images.

- $-\mathbb{E}_q[\log p(x\mid @z)]$ is what is lost of the image, KL what its code costs, and their
  sum $-\mathrm{ELBO}\ge-\log p(x)$, with $\beta=1$ whatever was learned with. Grey pixels under a
  Bernoulli likelihood make it a **cross-entropy**. Figures of different likelihoods do not compare,
  nor does an autoencoder's, taken at its one code, with a VAE's, taken over draws.
- **Active units**: the dimensions whose $@mu$ varies by more than 0.01 over the images (Burda et
  al. 2016).
- **Class told by nearest neighbours**: the share of test images whose class most of the 10 nearest
  $@mu$ of training images have. **Classes told wrongly**: the errors of M2's own $q(y\mid x)$.
- **Real and generated told apart**: how often a GAN's discriminator is right; 50% is a guess.
"""
