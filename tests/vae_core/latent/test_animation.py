import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from vae_core.errors import ConfigError
from vae_core.latent.animation import HEAD, MARGIN, SIDE, film_bytes, gif_bytes, training_picture


def frames(images: torch.Tensor, **options: int) -> tuple[Image.Image, list[np.ndarray]]:
    film = Image.open(io.BytesIO(gif_bytes(images, **options)))
    return film, [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]


def test_a_film_goes_forth_and_back_for_ever() -> None:
    levels = torch.linspace(0, 1, 5)
    film, shown = frames(levels.reshape(5, 1, 1, 1).expand(5, 1, 8, 8))
    assert [int(frame[0, 0, 0]) for frame in shown] == [0, 64, 128, 191, 255, 191, 128, 64]
    assert film.info["loop"] == 0


def test_frames_last_as_long_as_asked() -> None:
    film, _ = frames(torch.rand(3, 1, 8, 8), frame_ms=200)
    assert film.info["duration"] == 200


def test_pixels_are_enlarged_by_a_whole_factor() -> None:
    image = torch.rand(2, 1, 10, 7, generator=torch.Generator().manual_seed(0))
    film, shown = frames(image, min_side=20)
    assert film.size == (21, 30)
    grey = (image[0, 0] * 255).round().to(torch.uint8).numpy()
    assert np.array_equal(shown[0][..., 0], grey.repeat(3, 0).repeat(3, 1))


def test_colour_stays() -> None:
    images = torch.zeros(2, 3, 4, 4)
    images[0, 0] = images[1, 2] = 1  # red, then blue
    _, shown = frames(images)
    assert [frame[0, 0].tolist() for frame in shown] == [[255, 0, 0], [0, 0, 255]]


def test_one_image_is_no_film() -> None:
    with pytest.raises(ConfigError, match="two or more"):
        gif_bytes(torch.rand(1, 1, 8, 8))


def moment(places: list[tuple[float, float]], level: int = 255) -> Image.Image:
    manifold = Image.new("L", (20, 20), level)
    return training_picture(
        "epoch 3",
        np.array(places),
        manifold,
        half=3.0,
        labels=np.arange(len(places)),
        colours=("#0072b2", "#e69f00"),
    )


def test_a_moment_of_training_shows_each_point_in_its_place_and_colour() -> None:
    shown = np.asarray(moment([(1.5, 0.75), (-1.5, -1.5)]).convert("RGB")).astype(int)

    def at(a: float, b: float) -> np.ndarray:
        return shown[round(HEAD + SIDE / 2 - b * SIDE / 6), round(MARGIN + SIDE / 2 + a * SIDE / 6)]

    assert np.abs(at(1.5, 0.75) - (0, 114, 178)).max() < 16
    assert np.abs(at(-1.5, -1.5) - (230, 159, 0)).max() < 16
    assert at(2.5, -2.5).min() > 240


def test_a_moment_of_training_shows_the_manifold_beside_the_plane() -> None:
    shown = np.asarray(moment([(0, 0)], level=90).convert("L")).astype(int)
    assert np.abs(shown[HEAD + SIDE // 2, -MARGIN - SIDE // 2] - 90) < 4


def test_a_film_s_last_frame_stays_longer() -> None:
    film = Image.open(io.BytesIO(film_bytes([moment([(0, 0)]), moment([(1, 1)])], 100, 900)))
    durations = [frame.info["duration"] for frame in ImageSequence.Iterator(film)]
    assert durations == [100, 900]
