"""The matrix of a convolution, and its transpose, against PyTorch's own."""

from itertools import product

import pytest
import torch
from torch.nn import functional

from vae_core.errors import ConfigError
from vae_core.models.transposed_convolution import convolution_matrix, kernel_places, upsampled_size

SETTINGS = [
    (size, kernel, stride, padding)
    for size, kernel, stride, padding in product(
        [(1, 1), (2, 2), (2, 3), (4, 1)], [(1, 1), (2, 2), (3, 3), (3, 2)], [1, 2, 3], [0, 1, 2]
    )
    if all((s - 1) * stride - 2 * padding + k >= 1 for s, k in zip(size, kernel, strict=True))
]


def test_it_is_pytorchs_convolution_and_its_transpose() -> None:
    generator = torch.Generator().manual_seed(0)
    for size, shape, stride, padding in SETTINGS:
        kernel = torch.randn(shape, generator=generator, dtype=torch.float64)
        y = torch.randn(size, generator=generator, dtype=torch.float64)
        matrix = convolution_matrix(kernel, size, stride, padding)
        up = functional.conv_transpose2d(
            y[None, None], kernel[None, None], stride=stride, padding=padding
        )[0, 0]
        assert up.shape == upsampled_size(size, shape, stride, padding)
        torch.testing.assert_close((matrix.T @ y.flatten()).view(up.shape), up)
        x = torch.randn(up.shape, generator=generator, dtype=torch.float64)
        down = functional.conv2d(x[None, None], kernel[None, None], stride=stride, padding=padding)
        torch.testing.assert_close((matrix @ x.flatten()).view(size), down[0, 0])


def test_the_lectures_example_is_four_rows_of_sixteen() -> None:
    """Kernel 3x3, 4x4 -> 2x2: the matrix of Dumoulin & Visin (2016), section 4.1."""
    expected = [
        [0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, -1, -1, -1, -1],
        [-1, 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, -1, -1, -1],
        [-1, -1, -1, -1, 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1],
        [-1, -1, -1, -1, -1, 0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8],
    ]
    assert kernel_places((2, 2), (3, 3)).tolist() == expected


def test_settings_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="less padding"):
        upsampled_size((2, 2), (3, 3), padding=2)
    with pytest.raises(ConfigError, match="1 or more"):
        kernel_places((2, 2), (3, 3), stride=0)
    with pytest.raises(ConfigError, match="smaller size"):
        kernel_places((100, 100), (3, 3))
    with pytest.raises(ConfigError, match=r"\(height, width\)"):
        convolution_matrix(torch.ones(1, 1, 3, 3), (2, 2))
