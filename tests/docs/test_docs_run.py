"""Every Python block of every page runs, in order, one namespace a page."""

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_page_runs_as_printed(page: Path, run_page: Callable[[Path], None]) -> None:
    run_page(page)
