"""The notebooks of the lesson Write it yourself, to be downloaded."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
NOTEBOOKS = {
    "With gaps": "write-it-yourself.ipynb",
    "With the answers": "write-it-yourself-answers.ipynb",
}


def offer_notebooks() -> None:
    """Two buttons that save them, behind "Write it yourself"; nothing where they are not here."""
    files = {label: LESSONS / name for label, name in NOTEBOOKS.items()}
    if not all(file.is_file() for file in files.values()):
        return
    with st.expander("Write it yourself", icon=":material/edit_note:", key="write-it-yourself"):
        st.markdown(
            "A VAE in sixty lines of plain PyTorch, as a notebook for Jupyter: four lines are "
            "missing, and a cell after each says what is wrong. It ends in a folder that **Open a "
            "checkpoint** at the side opens."
        )
        with st.container(horizontal=True):
            for label, file in files.items():
                st.download_button(
                    label,
                    file.read_bytes,
                    file.name,
                    "application/x-ipynb+json",
                    key=f"by-hand-{file.stem}",
                    icon=":material/download:",
                    on_click="ignore",
                )
