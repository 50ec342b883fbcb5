"""From another folder, from a checkout that cannot be written, with no place for runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import ROOT, running_app

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]

APP = ("app.py", ".streamlit", "vae_core", "live", "ui", "pages", "checkpoints/digits-2d")
# Root may write whatever it is told not to, unless it gives that right away.
POWERLESS = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override", "--")


@pytest.fixture(scope="module")
def read_only_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app of a checkout that cannot be written, so that `runs` cannot be made in it."""
    root = os.geteuid() == 0
    if root and shutil.which(POWERLESS[0]) is None:
        pytest.skip("root may write everywhere, and setpriv, which takes that away, is not here")
    checkout, elsewhere = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("elsewhere")
    for name in APP:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, checkout / name)
    places = [checkout, *checkout.rglob("*")]
    for place in places:
        place.chmod(place.stat().st_mode & 0o555)
    try:
        with running_app(
            tmp_path_factory.mktemp("log"),
            script=checkout / "app.py",
            working_folder=elsewhere,
            before=POWERLESS if root else (),
            ZSCAPE_CHECKPOINTS="",
            ZSCAPE_RUNS="",
            ZSCAPE_DATA="",
        ) as app:
            yield app.url
        assert [*elsewhere.iterdir()] == []
        assert {*checkout.rglob("*"), checkout} == {*places}
    finally:
        for place in places:
            place.chmod(0o755)


def test_pages_that_keep_something_work(
    page: Page, read_only_app: str, settle: Settle, look_at: Callable[..., None]
) -> None:
    page.goto(f"{read_only_app}/?model=digits-2d")
    settle(page)
    page.wait_for_function("decodes.length > 0")
    look_at(page, "Factors", "Train live", "Runs")
    page.get_by_role("button", name="Open a checkpoint").click()
    page.get_by_role("dialog").get_by_text("64MB per file").wait_for()  # the checkout's setting
