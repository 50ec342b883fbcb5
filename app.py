"""The server: `streamlit run app.py`.

Imported, this file is the ASGI app: Streamlit's own with the live routes beside it. Run by
Streamlit for a visitor, it is the script: a router to the pages.
"""

from __future__ import annotations

if __name__ == "__main__":
    from ui.navigation import show

    show()
else:
    import gc
    import logging
    import threading
    from collections.abc import AsyncIterator
    from contextlib import asynccontextmanager
    from importlib import import_module

    import streamlit as st

    import live
    from ui.navigation import report_error

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")

    def load_libraries() -> None:
        """Import what every page needs while the first visitor's browser still loads the page."""
        import_module("vae_core.checkpoints")
        gc.freeze()  # what is imported stays: later collections need not look at it

    @asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncIterator[None]:
        threading.Thread(target=load_libraries, daemon=True).start()
        yield

    app = st.App(__file__, routes=live.routes, lifespan=lifespan, on_script_error=report_error)
