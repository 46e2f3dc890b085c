"""The command-line session of the sharing tutorial, line by line, with real files."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "sharing.md"
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXIT = re.compile(r"\s+# exit (\d+)$")


def commands() -> list[tuple[str, int]]:
    """The commands, and the status that the page says each ends with; a command goes on over lines while a quote is open."""
    found, open_command = list[tuple[str, int]](), ""
    for line in "".join(BLOCK.findall(PAGE.read_text(encoding="utf-8"))).splitlines():
        open_command += line + "\n"
        if open_command.count('"') % 2:
            continue
        said = EXIT.search(open_command.rstrip("\n"))
        found.append((EXIT.sub("", open_command.rstrip("\n")), int(said[1]) if said else 0))
        open_command = ""
    assert not open_command, "a quote on the page is never closed"
    return found


def test_the_session_runs_as_printed(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    session = commands()
    assert len(session) > 15
    for command, status in session:
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "nothing.bin").exists(), "a refused combination left something behind"
    secret = (tmp_path / "key.bin").read_bytes()
    for share in tmp_path.rglob("*.share"):
        assert share.stat().st_mode & 0o077 == 0 or share.name == "forged.share", "others can read a share"
        assert secret not in share.read_bytes()
    assert (tmp_path / "again.bin").stat().st_mode & 0o077 == 0
