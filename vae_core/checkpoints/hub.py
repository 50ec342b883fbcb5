"""Checkpoints on the Hugging Face Hub: fetched when asked, checked as an upload is, and put there.

HF_ENDPOINT names another server that speaks its protocol, HF_TOKEN who one is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import vae_core
from vae_core.checkpoints.archives import check_sound
from vae_core.checkpoints.card import model_card
from vae_core.checkpoints.figures import read_metrics
from vae_core.checkpoints.layout import DECODER, FILES, LATENTS, REPOSITORY, WEIGHTS
from vae_core.checkpoints.reading import (
    MAX_LATENT_BYTES,
    MAX_WEIGHT_BYTES,
    checkpoint_files,
    read_config,
    without_sources,
)
from vae_core.checkpoints.writing import check_target, copy_checkpoint
from vae_core.errors import CheckpointError, ConfigError
from vae_core.files.atomic import write_bytes
from vae_core.files.tensors import read_header

if TYPE_CHECKING:
    from huggingface_hub import HfApi

SECONDS = 60.0  # that the server may be silent at the first question


def pull(repository: str, folder: str | Path, tell: Callable[[str], object] = print) -> None:
    """Fetch the checkpoint `repository`, OWNER/NAME, to `folder`: whole and sound, or not at all.

    Only a checkpoint's own files are fetched. tell: is told from where. CheckpointError where it is
    not there, or none; ConfigError where the name is none, or the extra `hub` is missing.
    """
    check_target(folder)
    hub = _hub(repository)
    from huggingface_hub import hf_hub_download

    tell(f"fetching {repository} from {hub.endpoint}")
    with _told(repository, hub):
        about = hub.model_info(repository, files_metadata=True, timeout=SECONDS)
    sizes = {f.rfilename: f.size or 0 for f in about.siblings or [] if f.rfilename in FILES}
    weights = DECODER if WEIGHTS[0] not in sizes and DECODER in sizes else WEIGHTS[0]
    for name in ("config.json", weights):
        if name not in sizes:
            raise CheckpointError(
                f"{repository} lacks {name}, so it is no model of Zscape; name one that "
                "`zscape push` has put there."
            )
    for name, size in sizes.items():
        if size > MAX_WEIGHT_BYTES:
            raise CheckpointError(
                f"{name} of {repository} has {size:,} bytes; more than {MAX_WEIGHT_BYTES:,} are "
                "never read."
            )
    with TemporaryDirectory(prefix="zscape-") as scratch:
        fetched = Path(scratch) / repository.rpartition("/")[2]
        with _told(repository, hub):
            for name in sizes:
                hf_hub_download(
                    repository,
                    name,
                    revision=about.sha,
                    local_dir=fetched,
                    endpoint=hub.endpoint,
                    library_name="zscape",
                    library_version=vae_core.__version__,
                )
        check_sound(fetched)
        copy_checkpoint(fetched, folder)


def push(folder: str | Path, repository: str, *, private: bool = False) -> str:
    """Put the checkpoint in `folder`, a sound one, to `repository`, OWNER/NAME; its address.

    The repository is made if it is not there, private if so asked; its card says how to fetch it.
    The names of the files that one's own images came from stay at home.
    CheckpointError where the folder is no sound checkpoint, or the Hub refuses.
    """
    folder = Path(folder)
    check_sound(folder)
    hub = _hub(repository)
    with TemporaryDirectory(prefix="zscape-") as scratch:
        for name, data in checkpoint_files(folder):
            write_bytes(Path(scratch) / name, data)
        latents = Path(scratch) / LATENTS
        if latents.exists() and "sources" in read_header(latents, MAX_LATENT_BYTES):
            write_bytes(latents, without_sources(folder))
        name = repository.rpartition("/")[2]
        card = model_card(name, read_config(folder), read_metrics(folder), repository=repository)
        write_bytes(Path(scratch) / "README.md", card.encode())
        with _told(repository, hub):
            hub.create_repo(repository, private=private, exist_ok=True)
            hub.upload_folder(
                repo_id=repository,
                folder_path=scratch,
                allow_patterns=list(FILES),
                commit_message=f"Zscape {vae_core.__version__}",
            )
    return f"{hub.endpoint}/{repository}"


def _hub(repository: str) -> HfApi:
    if not REPOSITORY.fullmatch(repository):
        raise ConfigError(f"{repository[:80]!r} is no OWNER/NAME, such as ann/mnist-2d.")
    if find_spec("huggingface_hub") is None:
        raise ConfigError(
            'The Hub is spoken to by huggingface_hub, not installed here: pip install "zscape[hub]"'
        )
    from huggingface_hub import HfApi

    return HfApi(
        endpoint=os.environ.get("HF_ENDPOINT") or None,
        library_name="zscape",
        library_version=vae_core.__version__,
    )


@contextmanager
def _told(repository: str, hub: HfApi) -> Iterator[None]:
    """What the Hub refuses, as a sentence."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403, 404):
            raise CheckpointError(
                f"{repository} is not at {hub.endpoint}, or not open to you; look at its name, and "
                "for a private one log in by `hf auth login` or HF_TOKEN."
            ) from error
        raise CheckpointError(
            f"{hub.endpoint} answers {status} for {repository}; try again later."
        ) from error
    except Exception as error:
        line = " ".join(str(error).split())[:200].rstrip(".")
        raise CheckpointError(
            f"{repository} cannot be had of {hub.endpoint} "
            f"({type(error).__name__}{line and ': '}{line}); nothing was changed here."
        ) from error
