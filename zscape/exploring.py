"""`zscape.explore`: the pages on a model or codes that live in this process."""

from __future__ import annotations

import sys
import webbrowser
from contextlib import suppress
from html import escape
from types import TracebackType
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from zscape.given import opened_here
from zscape.hosting import HOST, Listening
from zscape.places import reach_app
from zscape.serving import free_port

reach_app()

from live.models import OpenModel, hold, let_go  # noqa: E402 — the app is out of reach before

_shown: dict[str, Explored] = {}  # by the model's id


class Explored:
    """What `explore` shows, and what its visitor looks at.

    url: of its first page. close() ends it, and so does the end of a `with` block.
    """

    def __init__(self, opened: OpenModel, port: int | None) -> None:
        self._opened = opened
        self._listening = _listening(opened.id, port)
        self._in_view = hold(opened)
        if opened.latents is not None:
            self._in_view.z = tuple(opened.latents.mu[0].tolist())
        _shown[opened.id] = self

    @property
    def url(self) -> str:
        model = quote(self._opened.id, safe=":")
        return f"http://{HOST}:{self._listening.port}/?model={model}"

    @property
    def z(self) -> npt.NDArray[np.float64]:
        """The point of latent space in view, (latent_dim,)."""
        return np.array(self._in_view.z or (0.0,) * self._opened.model.latent_dim)

    @property
    def selected(self) -> npt.NDArray[np.int64]:
        """Rows of the images or codes that are selected on the page Encoded μ, (k,)."""
        return np.array(self._in_view.selected, np.int64)

    def close(self) -> None:
        """Show it no longer, and let go of the model."""
        if _shown.get(self._opened.id) is self:
            del _shown[self._opened.id]
            let_go(self._opened)
            self._listening.close()

    def wait(self) -> None:
        """Until it is closed or interrupted by Ctrl-C."""
        self._listening.wait()

    def __enter__(self) -> Explored:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Zscape at {self.url}>"

    def _repr_html_(self) -> str:
        return f'<a href="{escape(self.url)}" target="_blank">Zscape at {escape(self.url)}</a>'


def _listening(model_id: str, port: int | None) -> Listening:
    """At a port, in the place of what was shown of that id: a page that is open goes on there."""
    if (before := _shown.get(model_id)) is not None:
        port = port or before._listening.port
        before.close()
    return Listening(free_port(HOST, port))


def explore(
    model: Any = None,
    *,
    encode: Any = None,
    decode: Any = None,
    codes: Any = None,
    images: Any = None,
    labels: Any = None,
    table: Any = None,
    latent_dim: int | None = None,
    value_range: tuple[float, float] | None = None,
    name: str = "model",
    port: int | None = None,
    browser: bool = True,
) -> Explored:
    """Show a model, or codes alone, on the pages; it stays in this process, never on the disk.

    model: one of this library, or whatever `vae_core.adapters.adapted` takes; or in its place the
    functions encode, images (n, c, h, w) in [0, 1] -> codes, and decode, the other way, on arrays
    or tensors. codes (n, d): of the images where nothing encodes, or nothing decodes either.
    images: (n, c, h, w), (n, h, w, c), or (n, h, w) of grey ones, uint8 or in [0, 1]; labels (n,)
    numbers or names; table: n rows of what else is known of them, a data frame or a dict of
    columns. latent_dim: where neither model nor codes tell. value_range: what black and white are
    among the model's images and those given, such as (-1, 1), where it is not 0 and 1.

    A script waits here until Ctrl-C. Where Python is interactive, as in a notebook, the handle
    comes at once. What was shown under the same name is closed. port: 8501, or the next that is
    free; this machine alone reaches it. ConfigError or DataError where the parts do not fit.
    """
    opened = opened_here(
        model,
        encode=encode,
        decode=decode,
        codes=codes,
        images=images,
        labels=labels,
        table=table,
        latent_dim=latent_dim,
        value_range=value_range,
        name=name,
    )
    shown = Explored(opened, port)
    if browser:
        webbrowser.open(shown.url)
    if _is_interactive():
        return shown
    with shown, suppress(KeyboardInterrupt):
        print(f"Zscape is at {shown.url} (Ctrl-C ends it)", flush=True)
        shown.wait()
    return shown


def _is_interactive() -> bool:
    """Whether somebody types at this Python: a notebook's kernel, or a prompt."""
    if hasattr(sys, "ps1"):
        return True
    ipython, marimo = sys.modules.get("IPython"), sys.modules.get("marimo")
    if ipython is not None and ipython.get_ipython() is not None:
        return True
    return marimo is not None and bool(marimo.running_in_notebook())
