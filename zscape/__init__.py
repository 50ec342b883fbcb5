"""The front door: the command `zscape`, which serves the app and runs the library's commands.

Importing it loads neither PyTorch nor Streamlit.
"""

__version__: str


def __getattr__(name: str) -> str:
    if name == "__version__":
        import vae_core

        return str(vae_core.__version__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
