"""The model in view, and what is said where it is gone."""

from __future__ import annotations

import os
import shutil
import zlib
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from ui.frame import sidebar, work
from vae_core.files.atomic import version_of

SHIPPED = Path(__file__).parents[3] / "checkpoints" / "digits-2d"


def page() -> None:
    from ui.frame.sidebar import show_sidebar

    show_sidebar("decode")


def test_a_model_deleted_elsewhere_is_said_and_another_offered() -> None:
    app = AppTest.from_function(page, default_timeout=120)
    app.session_state["visitor"] = "ann"
    app.session_state["hide"] = ["models"]  # a choice that AppTest cannot hold at what is gone
    app.run()
    assert not app.exception and not app.warning
    app.session_state["model"] = "run:digits-gone"
    app.run()
    (said,) = [warning.value for warning in app.warning]
    assert "was deleted" in said and app.session_state["model"] in said
    assert not app.run().warning


def pages() -> None:
    import streamlit as st

    from ui.frame.sidebar import show_sidebar

    show_sidebar(st.session_state["page"])
    st.text("the page itself")


def test_a_broken_model_hides_no_page_that_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SHIPPED, tmp_path / "broken")
    (tmp_path / "broken" / "metrics.json").write_text("{}")
    monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(tmp_path))
    app = AppTest.from_function(pages, default_timeout=120)
    app.session_state["visitor"] = "ann"
    app.session_state["page"] = "runs"
    app.run()
    assert "holds no figures" in app.sidebar.error[0].value
    assert [text.value for text in app.text] == ["the page itself"]
    app.session_state["page"] = "decode"
    assert len(app.run().exception) == 1 and not app.text


@pytest.mark.parametrize("first", ["All models", "Open a checkpoint", "Lead a class"])
def test_of_two_buttons_pressed_while_a_page_is_busy_one_opens_its_dialog(first: str) -> None:
    app = AppTest.from_function(page, default_timeout=120)
    app.session_state["visitor"] = "ann"
    app.run()
    by_label = {button.label: button for button in app.button}
    for label in (first, "Save as a page", "Lead a class"):
        by_label[label].click()
    assert not app.run().exception


def list_of_models() -> None:
    from ui.frame.sidebar import _show_model

    for name in ("broken", "whole"):
        _show_model(name)


@pytest.mark.parametrize("broken", ["torn", "a bomb", "a pipe", "a folder", "no image"])
def test_a_broken_preview_hides_no_list_of_models(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("broken", "whole"):
        shutil.copytree(SHIPPED, tmp_path / name)
    preview = tmp_path / "broken" / "preview.png"
    whole = preview.read_bytes()
    preview.unlink()
    if broken == "a pipe":
        os.mkfifo(preview)
    elif broken == "a folder":
        preview.mkdir()
    else:
        head = whole[:16] + (60_000).to_bytes(4, "big") * 2 + whole[24:29]
        checked = head + zlib.crc32(head[12:]).to_bytes(4, "big")
        texts = {"torn": whole[:600], "a bomb": checked + whole[33:], "no image": b"x" * 99}
        preview.write_bytes(texts[broken])
    monkeypatch.setenv("ZSCAPE_CHECKPOINTS", str(tmp_path))
    app = AppTest.from_function(list_of_models, default_timeout=120).run()
    assert not app.exception
    assert [button.label for button in app.button] == ["broken", "whole"]
    assert len(app.get("image")) == 1


def test_a_model_trained_anew_is_shown_by_its_new_preview(tmp_path: Path) -> None:
    preview = tmp_path / "preview.png"
    for colour in ((255, 0, 0), (0, 0, 255)):
        new = tmp_path / "new.png"
        Image.new("RGB", (9, 9), colour).save(new)
        new.replace(preview)
        shown = sidebar._middle_of(preview, version_of(preview))
        assert shown.convert("RGB").getpixel((0, 0)) == colour


def test_the_model_in_view_is_saved_as_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []

    def turn(report: work.Report, kind: str) -> AbstractContextManager[None]:
        turns.append(kind)
        return work.heavy_work(report, kind)

    monkeypatch.setattr(sidebar, "heavy_work", turn)
    app = AppTest.from_function(page, default_timeout=120)
    app.session_state["visitor"] = "ann"
    app.session_state["model"] = "digits-2d"
    app.run()
    (save,) = [button for button in app.button if button.label == "Save as a page"]
    save.click().run()
    assert not app.exception and not app.error
    labels = [each.proto.label for each in app.get("download_button")]
    assert len(labels) == 1 and labels[0].startswith("Save (0.")
    assert turns == ["page"]  # one at a time is written, whoever asks
    app.session_state["hide"] = ["models"]
    assert "Save as a page" not in [button.label for button in app.run().button]
