"""What a checkpoint or a folder is called is shown as it is written, on every page."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import pytest
import torch
from safetensors.torch import load_file, save_file

from live.models import run_id
from tests.browser.conftest import App, running_app, saved
from ui.frame.navigation import SECTIONS
from ui.view.names import FILE as DIMENSION_NAMES
from vae_core.runs.run import Status, create_run
from vae_core.training.config import TrainConfig

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]

pytestmark = pytest.mark.browser
SHIPPED = Path(__file__).parents[2] / "checkpoints" / "digits-2d"
LINKS = "![evil](//evil.test/p.png) [evil](//evil.test) http://evil.test/u www.evil.test"
MARKS = "_evil_ ~~evil~~ $evil$ :red[evil] :smile: :material/home: `evil` evil@evil.test"
CODE = '\'"""\\ {evil} <u>evil</u> <img src=//evil.test/i.png> a -> b | c &lt; # 1.'
DATASET = f"evil {LINKS} {MARKS} {CODE}"
TOKEN = DATASET.replace("/", "∕").replace("\\", "")[:80]  # a folder's name has no slash
# Elements that a page would make of these texts, and images and links that lead away.
MADE = """() => [...document.querySelectorAll(
    "em, del, u, code, script, iframe, .katex, a, img, [data-testid=stIconMaterial], [style*=color]"
)].filter((e) => !e.closest("pre, canvas") && (
    e.matches("a, img, script, iframe")
        ? /evil/.test(new URL(e.href ?? e.src, location).host) || /^mailto/.test(e.href ?? "")
        : (e.childElementCount === 0 || e.matches(".katex")) && /^(evil|home)$/.test(e.textContent)
)).map((e) => e.outerHTML)"""


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[App]:
    """An app of two models and a run whose every text is hostile."""

    def checkpoint(folder: Path, **changes: Any) -> None:
        shutil.copytree(SHIPPED, folder)
        config = json.loads((folder / "config.json").read_text("utf-8"))
        classes = [LINKS, MARKS, CODE, *(f"{k}. {LINKS}"[:80] for k in range(7))]
        factors = [LINKS, MARKS, CODE]
        changes |= {"dataset": DATASET, "class_names": classes, "factor_names": factors}
        (folder / "config.json").write_text(json.dumps(config | changes), "utf-8")
        latents = load_file(folder / "latents.safetensors")
        latents["factors"] = torch.stack([latents["labels"].float()] * len(factors), dim=1)
        save_file(latents, folder / "latents.safetensors")

    models, runs = tmp_path / "models", tmp_path / "runs"
    noise = {"corruption": MARKS, "amount": LINKS}
    training = {"objective_settings": noise, "left_out": 1}
    checkpoint(models / "evil")
    checkpoint(models / "evil-2", objective="denoising", training=training)
    run = create_run(TrainConfig(dataset="digits"), runs / TOKEN)
    checkpoint(run.checkpoint)
    (run.path / DIMENSION_NAMES).write_text(json.dumps({"0": LINKS, "1": MARKS}))
    run.write_status(Status("failed", DATASET, started=1.0, begun=True))
    broken = create_run(TrainConfig(dataset="digits"), runs / f"broken {TOKEN}")
    (broken.path / "config.json").write_text("{")
    with running_app(
        tmp_path, ZSCAPE_CHECKPOINTS=str(models), ZSCAPE_RUNS=str(runs), ZSCAPE_ALONE="1"
    ) as app:
        yield app


def test_no_name_becomes_markup_or_asks_another_host(
    page: Page, hostile: App, settle: Settle, turn_to: Callable[[Page, str], None]
) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname or ""))

    def check(*typed: str) -> None:
        settle(page)
        assert page.evaluate(MADE) == []
        shown = page.get_by_test_id("stApp").inner_text().replace("\u2060", "")
        for text in typed:
            assert " ".join(text.split()) in " ".join(shown.split()), page.url

    asked = {
        "model": "evil",
        "other": run_id(TOKEN),
        "against": f"class {MARKS}",
        "to": LINKS,
        "from": CODE,
        "noise": DATASET,
        "run": TOKEN,
        "runs": quote(TOKEN),
    }
    page.goto(f"{hostile.url}/?{'&'.join(f'{k}={quote(v)}' for k, v in asked.items())}")
    check(DATASET)
    titles = [title for pages in SECTIONS.values() for _, title, _, _ in pages]
    typed = {
        "Compare": (TOKEN,),
        "Factors": (LINKS, CODE),
        "Anomalies": (f"learned from class {MARKS}",),
        "Train live": (DATASET,),
        "Runs": (f"broken {TOKEN}"),
    }
    assert typed.keys() <= set(titles)
    for title in titles[1:]:
        turn_to(page, title)
        page.get_by_role("heading", name=title, exact=True).wait_for()
        check(*typed.get(title, ()))
    turn_to(page, "Encoded μ")
    settle(page)
    svg = ElementTree.fromstring(saved(page, page.locator(".save").first, "SVG"))
    names = {" ".join((element.text or "").split()) for element in svg.iter()}
    assert {" ".join(name.split()) for name in (LINKS, MARKS, CODE)} <= names
    assert not {"a", "img", "script"} & {element.tag.rpartition("}")[2] for element in svg.iter()}
    rows = csv.DictReader(io.StringIO(saved(page, page.locator(".save").first, "CSV").decode()))
    assert {LINKS, MARKS, CODE} <= {row["class"] for row in rows}
    page.locator(".save").first.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("menuitem", name="Open in Plotly").click()
    page.get_by_test_id("plotly").locator(".scatterlayer .point").first.wait_for()
    assert page.evaluate(MADE) == []
    assert hosts <= {"127.0.0.1", ""}
