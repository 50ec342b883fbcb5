"""Layers: a transposed convolution by hand, and by torch."""

import torch
from torch.nn.functional import conv_transpose2d

from vae_core.models.transposed_convolution import convolution_matrix

W = [[1.0, 2.0], [3.0, 4.0]]  # the kernel
Y = [[1.0, 2.0]]
SIZE = (1, 2)  # of x
STRIDE = 1
PADDING = 0

w, y = torch.tensor(W), torch.tensor(Y)
C = convolution_matrix(w, SIZE, stride=STRIDE, padding=PADDING)
print(C.int())

x = C.T @ y.flatten()
by_torch = conv_transpose2d(y[None, None], w[None, None], stride=STRIDE, padding=PADDING)[0, 0]
print(x.view(by_torch.shape))
print("apart", (x - by_torch.flatten()).abs().max().item())
