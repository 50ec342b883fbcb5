"""The engine: decodes and encodes packed models in the browser, see `vae_core.export`.

`assets` needs no server and no other file: worker.js is a thread's script, whose modules can be
written one after another into one text.
"""

from pathlib import Path

from live.assets import publish_folder

ENGINE = publish_folder(Path(__file__).parent / "assets")
