"""Convolution and transposed convolution as one matrix and its transpose.

A convolution (cross-correlation, as everywhere in deep learning) of an image x with a kernel w is
linear, so it is a matrix C, sparse and with few different entries: y = C x. The transposed
convolution goes the other way with the very same kernel, x = C' y (Dumoulin & Visin 2016, chapter
4): each pixel of y stamps the kernel onto x, `stride` pixels farther on, and stamps add up. It has
the shape of what was convolved, not its values.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vae_core.errors import ConfigError

Size = tuple[int, int]
MAX_ENTRIES = 1 << 20


def upsampled_size(size: Size, kernel: Size, stride: int = 1, padding: int = 0) -> Size:
    """(h, w) of the transposed convolution of an image of `size`: (i - 1) stride - 2 padding + k.

    ConfigError where nothing would be left (Dumoulin & Visin 2016, relationship 14).
    """
    if min(*size, *kernel, stride) < 1 or padding < 0:
        raise ConfigError(
            f"size={size}, kernel={kernel} and stride={stride} are 1 or more, padding={padding} "
            "is 0 or more."
        )
    height, width = (
        (side - 1) * stride - 2 * padding + reach for side, reach in zip(size, kernel, strict=True)
    )
    if min(height, width) < 1:
        raise ConfigError(
            f"A padding of {padding} takes away all that a kernel of {kernel} makes of {size}; "
            "choose less padding."
        )
    return height, width


def most_padding(size: Size, kernel: Size, stride: int = 1) -> int:
    """The most that can be taken away on each side with something left, see `upsampled_size`."""
    return (min(upsampled_size(size, kernel, stride)) - 1) // 2


def kernel_places(size: Size, kernel: Size, stride: int = 1, padding: int = 0) -> Tensor:
    """Which weight stands where in the matrix C of a convolution to `size`, int64.

    (h * w, H * W) for y (h, w) = `size` and x (H, W) = `upsampled_size(...)`: an index into the
    flattened kernel, or -1 where the entry is 0. Row (i, j) of C is output pixel (i, j), whose
    kernel begins at pixel (i stride - padding, j stride - padding) of x.
    """
    height, width = upsampled_size(size, kernel, stride, padding)
    if size[0] * size[1] * height * width > MAX_ENTRIES:
        raise ConfigError(
            f"C would have {size[0] * size[1]} x {height * width} entries; choose a smaller size."
        )
    rows = _offsets(size[0], height, stride, padding)  # (h, H): row of the kernel that x's row has
    columns = _offsets(size[1], width, stride, padding)
    row, column = rows[:, None, :, None], columns[None, :, None, :]  # (h, w, H, W) together
    inside = (row >= 0) & (row < kernel[0]) & (column >= 0) & (column < kernel[1])
    return torch.where(inside, row * kernel[1] + column, -1).flatten(2).flatten(0, 1)


def convolution_matrix(kernel: Tensor, size: Size, stride: int = 1, padding: int = 0) -> Tensor:
    """C (h * w, H * W) of the convolution with `kernel` (kh, kw) whose output is `size` (h, w).

    `C @ x.flatten()` convolves x (H, W); `C.T @ y.flatten()` is y (h, w), convolved transposed.
    """
    if kernel.ndim != 2:
        raise ConfigError(f"kernel is {tuple(kernel.shape)}; give it as (height, width).")
    places = kernel_places(size, (kernel.shape[0], kernel.shape[1]), stride, padding)
    return torch.where(places >= 0, kernel.flatten()[places.clamp_min(0)], 0)


def _offsets(outputs: int, inputs: int, stride: int, padding: int) -> Tensor:
    return torch.arange(inputs) - stride * torch.arange(outputs)[:, None] + padding


def zeros_inserted(y: Tensor, kernel: Size, stride: int = 1, padding: int = 0) -> Tensor:
    """y (h, w) with stride - 1 zeros between its pixels and a border of k - 1 - padding, (H, W).

    Convolved with the kernel turned by 180 degrees, one pixel at a time, it gives the transposed
    convolution (Dumoulin & Visin 2016, relationship 13 and figure 4.5). Where the padding is more
    than k - 1 the border is cut off instead. ConfigError as `upsampled_size`.
    """
    upsampled_size((y.shape[0], y.shape[1]), kernel, stride, padding)
    height, width = (side + (side - 1) * (stride - 1) for side in y.shape)
    spread = y.new_zeros(height, width)
    spread[::stride, ::stride] = y
    border = [k - 1 - padding for k in (kernel[1], kernel[0]) for _ in range(2)]
    return functional.pad(spread, border)


def counting(side: int) -> Tensor:
    """(side, side) of 1, 2, …, row by row."""
    return torch.arange(1.0, side**2 + 1).view(side, side)


@dataclass(frozen=True, eq=False)
class WorkedExample:
    """A transposed convolution of y (h, w) with a kernel (kh, kw), to be worked by hand.

    ConfigError, when x is asked for, as `upsampled_size`.
    """

    y: Tensor
    kernel: Tensor
    stride: int = 1
    padding: int = 0

    @property
    def size(self) -> Size:
        return self.y.shape[0], self.y.shape[1]

    @property
    def upsampled(self) -> Size:
        """(H, W) of x."""
        return upsampled_size(self.size, self._kernel_size, self.stride, self.padding)

    @property
    def places(self) -> Tensor:
        """`kernel_places`, (h w, H W)."""
        return kernel_places(self.size, self._kernel_size, self.stride, self.padding)

    @property
    def matrix(self) -> Tensor:
        """C, (h w, H W)."""
        return convolution_matrix(self.kernel, self.size, self.stride, self.padding)

    @property
    def x(self) -> Tensor:
        """C' y, (H, W)."""
        return (self.matrix.T @ self.y.flatten()).view(self.upsampled)

    @property
    def x_by_torch(self) -> Tensor:
        """The same by `torch.nn.functional.conv_transpose2d`, (H, W)."""
        return functional.conv_transpose2d(
            self.y[None, None], self.kernel[None, None], stride=self.stride, padding=self.padding
        )[0, 0]

    def stamp(self, pixel: int) -> Tensor:
        """What one pixel of y, the first being 0, puts into x, (H, W); all stamps add up to x."""
        return (self.matrix[pixel] * self.y.flatten()[pixel]).view(self.upsampled)

    @property
    def spread(self) -> Tensor:
        """`zeros_inserted`, (H + kh - 1, W + kw - 1)."""
        return zeros_inserted(self.y, self._kernel_size, self.stride, self.padding)

    @property
    def flipped(self) -> Tensor:
        """The kernel turned by 180 degrees, (kh, kw)."""
        return self.kernel.flip(0, 1)

    @property
    def x_by_zeros(self) -> Tensor:
        """x once more, (H, W): `spread` convolved with the `flipped` kernel, pixel by pixel."""
        return functional.conv2d(self.spread[None, None], self.flipped[None, None])[0, 0]

    def window(self, pixel: int) -> tuple[slice, slice]:
        """Rows and columns of `spread` under the kernel for a pixel of x, the first being 0."""
        row, column = divmod(pixel, self.upsampled[1])
        height, width = self._kernel_size
        return slice(row, row + height), slice(column, column + width)

    @property
    def _kernel_size(self) -> Size:
        return self.kernel.shape[0], self.kernel.shape[1]
