"""The matrix of a convolution, and its transpose, against PyTorch's own."""

from itertools import product

import pytest
import torch
from torch.nn import functional

from vae_core.errors import ConfigError
from vae_core.models.transposed_convolution import (
    WorkedExample,
    convolution_matrix,
    counting,
    kernel_places,
    most_padding,
    upsampled_size,
    zeros_inserted,
)

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


@pytest.mark.parametrize(("side", "k", "stride"), [*product([1, 2, 3], repeat=3)])
def test_the_most_padding_leaves_a_pixel_and_one_more_nothing(
    side: int, k: int, stride: int
) -> None:
    most = most_padding((side, side), (k, k), stride)
    assert min(upsampled_size((side, side), (k, k), stride, most)) >= 1
    with pytest.raises(ConfigError, match="less padding"):
        upsampled_size((side, side), (k, k), stride, most + 1)


def test_the_worked_example_is_what_one_finds_by_hand() -> None:
    """Each pixel of y times the kernel, two pixels farther on, where they overlap summed."""
    example = WorkedExample(counting(2), counting(3), stride=2)
    assert example.x.tolist() == [
        [1, 2, 5, 4, 6],
        [4, 5, 14, 10, 12],
        [10, 14, 36, 24, 30],
        [12, 15, 34, 20, 24],
        [21, 24, 55, 32, 36],
    ]
    assert example.stamp(1).tolist() == [
        [0, 0, 2, 4, 6],
        [0, 0, 8, 10, 12],
        [0, 0, 14, 16, 18],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("padding", [0, 1])
def test_the_stamps_of_an_example_add_up_to_torchs_x(padding: int) -> None:
    example = WorkedExample(counting(3), counting(2), stride=2, padding=padding)
    stamps = sum(example.stamp(pixel) for pixel in range(9))
    assert torch.equal(stamps, example.x) and torch.equal(example.x, example.x_by_torch)


def test_settings_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="less padding"):
        upsampled_size((2, 2), (3, 3), padding=2)
    with pytest.raises(ConfigError, match="1 or more"):
        kernel_places((2, 2), (3, 3), stride=0)
    with pytest.raises(ConfigError, match="smaller size"):
        kernel_places((100, 100), (3, 3))
    with pytest.raises(ConfigError, match=r"\(height, width\)"):
        convolution_matrix(torch.ones(1, 1, 3, 3), (2, 2))


def test_inserted_zeros_and_a_flipped_kernel_are_the_matrix_and_pytorchs() -> None:
    generator = torch.Generator().manual_seed(1)
    for size, shape, stride, padding in [*SETTINGS, ((3, 3), (5, 5), 3, 2), ((2, 3), (5, 4), 2, 1)]:
        kernel = torch.randn(shape, generator=generator, dtype=torch.float64)
        y = torch.randn(size, generator=generator, dtype=torch.float64)
        worked = WorkedExample(y, kernel, stride, padding)
        by_matrix = convolution_matrix(kernel, size, stride, padding).T @ y.flatten()
        torch.testing.assert_close(worked.x_by_zeros.flatten(), by_matrix)
        torch.testing.assert_close(worked.x_by_zeros, worked.x_by_torch)
        for pixel, value in enumerate(worked.x.flatten()):  # step by step, as on the page
            covered = worked.spread[worked.window(pixel)]
            torch.testing.assert_close((covered * worked.flipped).sum(), value)


def test_the_figure_of_the_guide_has_its_zeros() -> None:
    """2x2 with one zero between and a border of two (Dumoulin & Visin 2016, figure 4.5): to 5x5."""
    y = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    spread = zeros_inserted(y, (3, 3), stride=2)
    assert spread.tolist() == [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 0, 2, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 3, 0, 4, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
    assert WorkedExample(y, torch.ones(3, 3), stride=2).x.shape == (5, 5)
    with pytest.raises(ConfigError, match="less padding"):
        zeros_inserted(y, (1, 1), padding=1)
