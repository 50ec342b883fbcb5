"""Both notebooks of the lesson Write it yourself run; what the answers write, this app opens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from vae_core.checkpoints.archives import unpack_checkpoint
from vae_core.checkpoints.reading import load_checkpoint, load_latents
from vae_core.data.datasets import load_dataset

LESSONS = Path(__file__).parents[2] / "lessons"
GAPS, ANSWERS = (
    nbformat.read(LESSONS / f"{name}.ipynb", as_version=nbformat.NO_CONVERT)
    for name in ("write-it-yourself", "write-it-yourself-answers")
)
GAP = re.compile(r"^( *\w+ = )(.*?)(  # GAP (\d).*)$", re.MULTILINE)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Those of this process stay what they were, whatever a cell that runs in it sets."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`run(notebook)` in an empty folder, past the errors of its cells; it is changed."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def run(notebook: nbformat.NotebookNode) -> list[str]:
        """The errors, in their order."""
        NotebookClient(
            notebook,
            timeout=300,
            kernel_name="python3",
            allow_errors=True,
            resources={"metadata": {"path": str(tmp_path)}},
        ).execute()
        outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
        return [f"{out.ename}: {out.evalue}" for out in outputs if out.output_type == "error"]

    return run


def test_the_answers_make_a_checkpoint_that_the_app_opens(run, tmp_path: Path) -> None:
    made = deepcopy(ANSWERS)
    probe = "import torch\nz = torch.tensor([[0.5, -1.0]])\nprint(torch.sigmoid(vae.decode(z))"
    made.cells = [*made.cells, nbformat.v4.new_code_cell(f"{probe}[0].tolist())")]
    assert run(made) == []
    model = load_checkpoint(tmp_path / "my-vae")
    theirs = [float(number) for number in re.findall(r"[\d.e-]+", made.cells[-1].outputs[0].text)]
    with torch.no_grad():
        image = model.decode(torch.tensor([[0.5, -1.0]]))
    assert image.shape == (1, 1, 8, 8)
    assert image.flatten().tolist() == pytest.approx(theirs, abs=1e-5)
    latents = load_latents(tmp_path / "my-vae")
    test = load_dataset("digits", "test")
    assert latents is not None and torch.equal(latents.labels, test.labels)
    with torch.no_grad():
        mu, logvar = model.encode(test.floats(latents.indices))
    torch.testing.assert_close(latents.mu, mu, atol=1e-5, rtol=0)
    torch.testing.assert_close(latents.logvar, logvar, atol=1e-5, rtol=0)
    with (tmp_path / "my-vae.zip").open("rb") as archive:  # as "Open a checkpoint" takes it
        opened = unpack_checkpoint(archive, tmp_path / "opened")
    with torch.no_grad():
        torch.testing.assert_close(opened.decode(torch.tensor([[0.5, -1.0]])), image)


def test_one_thread_is_enough_so_that_a_class_on_one_machine_does_not_wait_for_itself() -> None:
    begin = next(cell.source for cell in GAPS.cells if cell.cell_type == "code")
    exec(begin, {})
    assert torch.get_num_threads() == 1


def test_each_empty_gap_is_told_by_the_cell_after_it() -> None:
    """In this very Python, cell by cell, past errors as in a notebook; the answers ran in one."""
    names: dict[str, object] = {}
    errors: list[str] = []
    for cell in GAPS.cells:
        if cell.cell_type == "code":
            try:
                exec(cell.source, names)
            except AssertionError as error:
                errors.append(str(error))
    assert all(re.match(r"Gap \d is still empty|Train the model", e) for e in errors)
    told = [found[1] for e in errors if (found := re.search(r"Gap (\d)", e))]
    assert list(dict.fromkeys(told)) == ["1", "2", "4"], "3 is told once the first two are filled"


@pytest.mark.parametrize(
    ("number", "wrong", "told"),
    [
        ("1", "mu + torch.exp(logvar) * eps", "sigma is 0.5"),
        ("1", "torch.normal(mu, torch.exp(0.5 * logvar))", "no gradient reaches mu"),
        ("1", "torch.normal(mu, torch.exp(0.5 * logvar)).detach()", "no gradient reaches mu"),
        ("1", "mu + 0.5 * eps", "no gradient reaches mu and logvar"),
        ("2", "0.5 * (mu**2 + logvar.exp() - 0.5 * logvar - 1).sum(1)", "it should be"),
        ("3", "(cross_entropy / 64 + kl).mean()", "a sum over pixels"),
        ("4", "torch.sigmoid(vae.decode(torch.zeros(n, 2)))", "draw a z for each"),
    ],
)  # fmt: skip
def test_a_usual_mistake_is_told(number: str, wrong: str, told: str) -> None:
    """In this very Python, up to the cell that checks the gap; the training is left out."""
    code = [cell.source for cell in ANSWERS.cells if cell.cell_type == "code"]
    code = [text for text in code if "optimiser" not in text]
    code = [GAP.sub(lambda m: m[1] + (wrong if m[4] == number else m[2]), text) for text in code]
    torch.manual_seed(0)
    with pytest.raises(AssertionError, match=rf"^Gap {number}: .*{told}"):
        exec("\n".join(code), {})


def test_the_notebooks_are_one_but_for_the_gaps() -> None:
    filled = [cell.source for cell in ANSWERS.cells]
    emptied = [GAP.sub(r"\1...\3", text) for text in filled]
    emptied[1] = GAPS.cells[1].source  # what each says of itself
    assert [cell.source for cell in GAPS.cells] == emptied
    assert sum(len(GAP.findall(text)) for text in filled) == 4
    assert all(not cell.get("outputs") for book in (GAPS, ANSWERS) for cell in book.cells)
    assert not any("zscape" in line or "vae_core" in line for cell in ANSWERS.cells
                   if cell.cell_type == "code" for line in cell.source.splitlines())  # fmt: skip
