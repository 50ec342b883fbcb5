"""A drawing on the pad: prepared as the model's data were, encoded at each stroke."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import center_of_mass

from vae_core.data.datasets import dataset_available, load_dataset

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    Settle = Callable[[Page], None]

MNIST = (1, 28, 28)
PASTE = """
(canvas, bytes) => {
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([Uint8Array.from(bytes)], "digit.png", { type: "image/png" }));
  canvas.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}
"""
PREPARE = """
(module, name, white, width, shape) => {
  const image = new ImageData(width, atob(white).length / width);
  [...atob(white)].forEach((value, k) => image.data.set(
    [value.charCodeAt(0), value.charCodeAt(0), value.charCodeAt(0), 255], 4 * k));
  return [...module[name](image, shape)];
}
"""
DROP = """
(canvas, bytes) => {
  const files = new DataTransfer();
  files.items.add(new File([Uint8Array.from(bytes)], "digit.png", { type: "image/png" }));
  canvas.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true }));
}
"""


@pytest.fixture
def prepare(call_module: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """`prepare(name, image, shape)` runs a function of prepare.js on a grey image (h, w) uint8."""

    def run(name: str, image: np.ndarray, shape: tuple[int, int, int] = MNIST) -> np.ndarray:
        white = b64encode(image.tobytes()).decode()
        values = call_module("prepare.js", PREPARE, name, white, image.shape[1], shape)
        c, h, w = shape
        return np.array(values, "u1").reshape(h, w, c)

    return run


def mnist_digits(n: int) -> np.ndarray:
    if not dataset_available("mnist"):
        pytest.skip("MNIST is not at hand")
    return load_dataset("mnist", "test").images[:n, 0].numpy()


def enlarged(image: np.ndarray, times: int) -> np.ndarray:
    return image.repeat(times, 0).repeat(times, 1)


def a_seven(left: int, top: int, size: int) -> np.ndarray:
    pad = np.zeros((280, 280), "u1")
    thick = size // 6
    pad[top : top + thick, left : left + size] = 255
    pad[top : top + size, left + size - thick : left + size] = 255
    return pad


def test_mnist_s_own_digits_stay_as_they_are(prepare: Callable[..., np.ndarray]) -> None:
    for digit in mnist_digits(12):
        prepared = prepare("likeMnist", enlarged(digit, 10))[..., 0]
        assert np.abs(prepared.astype(int) - digit).max() <= 1


def test_wherever_ink_was_it_fills_the_box_around_its_centre_of_mass(
    prepare: Callable[..., np.ndarray],
) -> None:
    for left, top, size in [(0, 0, 60), (100, 150, 120), (30, 20, 240)]:
        prepared = prepare("likeMnist", a_seven(left, top, size))[..., 0]
        rows, columns = np.nonzero(prepared)
        assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == 20
        assert np.abs(np.array(center_of_mass(prepared)) - 14).max() <= 0.5 + 1e-6


def test_fitting_is_the_mean_over_the_area_of_each_pixel(
    prepare: Callable[..., np.ndarray],
) -> None:
    for c, h, w, tall in [(1, 28, 28, 280), (1, 8, 8, 280), (3, 32, 32, 280), (1, 28, 20, 140)]:
        image = np.random.default_rng(0).integers(0, 256, (tall, tall * w // h), dtype="u1")
        mean = image.repeat(h, 0).reshape(h, tall, -1).mean(1)
        mean = mean.repeat(w, 1).reshape(h, w, -1).mean(2)
        prepared = prepare("fitted", image, (c, h, w)).astype(int)
        assert np.abs(prepared - mean[..., None]).max() <= 0.5 + 1e-6


def open_pad(page: Page, url: str, settle: Settle, model: str = "mnist-2d") -> Locator:
    page.goto(f"{url}/encoded?model={model}&draw=true")
    settle(page)
    pad = page.get_by_test_id("draw")
    pad.wait_for()
    page.wait_for_function("decodes.length > 0")
    settle(page)
    return pad


def stroke(page: Page, pad: Locator, *places: tuple[float, float]) -> None:
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*at[0])
    page.mouse.down()
    for place in at[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def shown_z(page: Page) -> list[float]:
    z: list[float] = page.evaluate("decodes.at(-1).z")
    return z


def prepared_pixels(page: Page) -> np.ndarray:
    values = page.get_by_test_id("prepared").evaluate(
        "c => [c.width, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(values[1:], "u1").reshape(-1, values[0], 4)[..., 0]


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def posterior_of(model: str, image: np.ndarray) -> Any:
    import torch

    from live.models import open_model

    x = torch.from_numpy(image.astype("f4") / 255)[None, None]
    with torch.inference_mode():
        return [t[0].numpy() for t in open_model(model).model.encode(x)]


def test_each_stroke_is_encoded_its_posterior_sampled_and_looked_at_from_near(
    page: Page,
    app_url: str,
    settle: Settle,
    wait_for_z: Callable[[list[float]], None],
) -> None:
    pad = open_pad(page, app_url, settle)
    before = shown_z(page)
    stroke(page, pad, (0.3, 0.2), (0.7, 0.2))
    page.wait_for_function("z => String(decodes.at(-1).z) !== String(z)", arg=before)
    first = shown_z(page)
    stroke(page, pad, (0.7, 0.2), (0.45, 0.85))
    page.wait_for_function("z => String(decodes.at(-1).z) !== String(z)", arg=first)
    page.mouse.move(2, 2)
    settle(page)
    mu, logvar = posterior_of("mnist-2d", prepared_pixels(page))
    near = "z => decodes.at(-1).z.every((value, j) => Math.abs(value - z[j]) < 1e-3)"
    page.wait_for_function(near, arg=mu.tolist())
    for _ in range(3):
        last = shown_z(page)
        page.get_by_role("button", name="Resample ε").click()
        page.wait_for_function("z => String(decodes.at(-1).z) !== String(z)", arg=last)
        eps = (np.array(shown_z(page)) - mu) / np.exp(0.5 * logvar)
        assert np.abs(eps).max() < 7
    wait_for_z(shown_z(page))
    settle(page)

    plane = page.get_by_test_id("latent-plane")
    page.evaluate("canvas => { window.plane = canvas; }", plane.element_handle())
    page.mouse.move(2, 2)
    page.evaluate("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")
    home, z = page.evaluate("plane.toDataURL()"), shown_z(page)
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_function("home => plane.toDataURL() !== home", arg=home)
    plane.dblclick()
    page.mouse.move(2, 2)
    page.wait_for_function("home => plane.toDataURL() === home", arg=home)
    page.wait_for_function(near, arg=z)  # the address has three digits


def test_a_finger_draws(visitor: Callable[..., Any], app_url: str, settle: Settle) -> None:
    with visitor(has_touch=True, viewport={"width": 420, "height": 900}) as context:
        page = context.new_page()
        pad = open_pad(page, app_url, settle)
        before = shown_z(page)
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        assert box is not None
        finger = context.new_cdp_session(page)
        for kind, x, y in (("Start", 0.3, 0.2), ("Move", 0.7, 0.2), ("Move", 0.5, 0.8)):
            at = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
            touch = {"type": f"touch{kind}", "touchPoints": [at]}
            finger.send("Input.dispatchTouchEvent", touch)
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_function("z => String(decodes.at(-1).z) !== String(z)", arg=before)
        assert prepared_pixels(page).max() > 100


def test_an_image_is_encoded_that_comes_by(page: Page, app_url: str, settle: Settle) -> None:
    pad = open_pad(page, app_url, settle)
    for how, digit in zip(("drop", "paste", "file"), mnist_digits(3), strict=True):
        file = png(255 - digit)  # ink on paper
        before = shown_z(page)
        if how == "file":
            with page.expect_file_chooser() as chooser:
                page.get_by_role("button", name="Open a file").click()
            chooser.value.set_files({"name": "digit.png", "mimeType": "image/png", "buffer": file})
        else:
            pad.evaluate({"drop": DROP, "paste": PASTE}[how], list(file))
        page.wait_for_function("z => String(decodes.at(-1).z) !== String(z)", arg=before)
        assert np.abs(prepared_pixels(page).astype(int) - digit).max() <= 1, how
        mu, _ = posterior_of("mnist-2d", digit)
        assert shown_z(page) == pytest.approx(mu.tolist(), abs=1e-2), how
        settle(page)
    pad.evaluate(DROP, list(b"no image"))
    page.get_by_text("This is no image that the browser can read.").wait_for()


def test_other_data_are_resized_and_nothing_else(page: Page, app_url: str, settle: Settle) -> None:
    pad = open_pad(page, app_url, settle, "frey-2d")
    page.get_by_text("what sticks out of the pad is cut off").wait_for()
    before = shown_z(page)
    stroke(page, pad, (0.3, 0.3), (0.6, 0.6))
    page.wait_for_function("z => String(decodes.at(-1).z) !== String(z)", arg=before)
    assert prepared_pixels(page).max() > 100

    face = np.random.default_rng(0).integers(110, 256, (28, 20), dtype="u1")  # a bright one
    wide = np.hstack([np.zeros((28, 10), "u1"), face, np.zeros((28, 10), "u1")])
    large = enlarged(np.stack([face] * 3, 2), 30)
    mu, _ = posterior_of("frey-2d", face)
    for image in (face, wide, large):
        page.get_by_role("button", name="Clear", exact=True).click()
        pad.evaluate(DROP, list(png(image)))
        page.wait_for_function(
            "mu => decodes.at(-1).z.every((x, j) => Math.abs(x - mu[j]) < 1e-2)", arg=mu.tolist()
        )
        assert np.abs(prepared_pixels(page).astype(int) - face).max() <= 1
    page.get_by_text("Draw", exact=True).click()
    pad.wait_for(state="detached")
