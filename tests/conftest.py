"""What every test shares: test mode, one thread, Hypothesis profiles, and how a page's code blocks are run."""

import os
import re
import shutil
import textwrap
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

os.environ["PRIVLIB_INSECURE_TEST"] = "1"
os.environ.setdefault("MPLBACKEND", "agg")
for library in ("OMP", "OPENBLAS", "MKL"):  # the workers of pytest-xdist are the threads
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile(
    "ci", max_examples=200, derandomize=True, database=None, deadline=None, print_blob=True
)  # the same examples every time, so that it cannot flake
settings.register_profile(
    "nightly",
    max_examples=5000,
    derandomize=False,
    database=DirectoryBasedExampleDatabase(".hypothesis/nightly"),
    deadline=None,
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

BLOCK = re.compile(r"^( *)```python[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Skip what this machine cannot run, and say why."""
    for item in items:
        if item.get_closest_marker("gpu") and not _has_gpu():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
        if item.get_closest_marker("spark") and not (shutil.which("java") and find_spec("pyspark")):
            item.add_marker(pytest.mark.skip(reason="pyspark or java is missing"))


def _has_gpu() -> bool:
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


@pytest.fixture
def run_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Run a page's Python blocks in order, in one namespace and an empty folder."""

    def run(page: Path) -> None:
        text = page.read_text(encoding="utf-8")
        blocks = list(BLOCK.finditer(text))
        assert len(blocks) == text.count("```python"), f"{page} has a Python block that never ends"
        monkeypatch.chdir(tmp_path)
        namespace: dict[str, object] = {"__name__": "__main__"}
        for block in blocks:
            lines_above = text.count("\n", 0, block.start(2))
            code = "\n" * lines_above + textwrap.dedent(block[2])
            exec(compile(code, str(page), "exec"), namespace)  # noqa: S102  # the pages are our own

    return run
