"""Encode a data set; write mu, logvar and more as .npz, or a table as .csv or .parquet."""

from __future__ import annotations

import argparse
import io
from typing import TYPE_CHECKING

from vae_core.command.arguments import (
    add_checkpoint_argument,
    add_data_arguments,
    given_parts,
)
from vae_core.command.output import add_output_argument, output_of
from vae_core.command.terminal import draw_bar

if TYPE_CHECKING:
    from vae_core.data.image_dataset import ImageDataset
    from vae_core.latent.latents import Latents

ENDINGS = (".npz", ".csv", ".parquet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint_argument(parser)
    add_data_arguments(parser)
    add_output_argument(parser, ENDINGS)


def run(options: argparse.Namespace) -> None:
    from vae_core.checkpoints.reading import load_checkpoint
    from vae_core.latent.latents import encode_dataset

    output = output_of(options.output, ENDINGS)
    parts = given_parts(options, options.split)
    data = parts[0].joined(parts[1]) if len(parts) > 1 else parts[0]
    latents = encode_dataset(load_checkpoint(options.checkpoint), data, on_progress=draw_bar)
    output.write(_bytes(latents, data, parts, output.ending))


def _bytes(latents: Latents, data: ImageDataset, parts: list[ImageDataset], ending: str) -> bytes:
    """The file; where the data are of several parts, it says of which each row is."""
    import numpy as np
    import pandas as pd

    from vae_core.data.texts import spreadsheet_csv, texts_of

    buffer = io.BytesIO()
    split = np.repeat([part.split for part in parts], [len(part) for part in parts])
    of_parts = {"split": split} if len(parts) > 1 else {}
    if ending == ".npz":
        columns = {k: v.numpy() for k, v in vars(latents).items() if v is not None}
        if latents.sources is not None:
            columns["sources"] = np.array(texts_of(latents.sources))
        np.savez(buffer, allow_pickle=False, **columns, **of_parts)
        return buffer.getvalue()
    columns = latents.table(data.class_names, data.factor_names, data.factor_values)
    if ending == ".csv":
        return spreadsheet_csv(of_parts | columns).encode()
    table = pd.DataFrame(of_parts | columns)
    table.to_parquet(buffer, index=False, engine="pyarrow")  # which Streamlit brings
    return buffer.getvalue()
