"""What the README tells people to type works."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


def commands(readme: str, program: str) -> Iterator[str]:
    """The commands in ``bash`` blocks that start with a program, without its name."""
    for block in re.findall(r"^```bash\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            found = re.match(rf"(?:\$ )?(?:\.venv/bin/)?{program}(?: +|$)([^#]*)", line)
            if found:
                yield found[1].strip()


def test_every_make_command_has_a_target(root: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    wanted = {
        word
        for command in commands((root / "README.md").read_text(encoding="utf-8"), "make")
        for word in command.split()
        if "=" not in word and not word.startswith("-")
    }
    assert wanted <= targets, f"the Makefile has no target {sorted(wanted - targets)}"


def test_every_privlib_command_exists(root: Path) -> None:
    for command in sorted(set(commands((root / "README.md").read_text(encoding="utf-8"), "privlib"))):
        verbs = re.match(r"(?:[a-z][a-z-]*(?: +|$))*", command)[0].split()
        finished = subprocess.run(
            [sys.executable, "-c", "from privlib.cli import main; main()", *verbs, "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, f"privlib {command}\n{finished.stderr}"


def test_the_python_blocks_run(root: Path, run_page: Callable[[Path], None]) -> None:
    run_page(root / "README.md")
