"""The browser is told what a page may do, and holds it to that.

That no page of the app's own does what is forbidden, each other test sees: the browser complains on
its console, which must be empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Settle = Callable[[Page], None]

INTRUDE = """
async () => {
    const violated = new Promise((done) => addEventListener("securitypolicyviolation", done));
    const script = Object.assign(document.createElement("script"), { textContent: "ran = 1" });
    document.head.append(script);
    const { effectiveDirective } = await violated;
    return [effectiveDirective, window.ran];
}
"""


def test_a_script_that_is_written_into_a_page_does_not_run(
    page: Page, app_url: str, settle: Settle, console_errors: list[str]
) -> None:
    page.goto(f"{app_url}/?model=digits-2d")
    settle(page)
    assert console_errors == []
    assert page.evaluate(INTRUDE) == ["script-src-elem", None]
    assert [error for error in console_errors if "script-src" not in error] == []
    console_errors.clear()
