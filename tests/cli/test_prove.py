"""Proofs side by side: the same results in the same order, and every way in which a worker can end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from privlib import prove

Call = Callable[..., Result]
HOLDS = '''"""{title}."""
import time
from privlib.prove import rewritten
covers = ["privlib.prove.theorem_id"]
def prove():
    from pathlib import Path
    from privlib.prove import theorem_id
    assert theorem_id(Path("a/t1_b.py")) == "a.t1"
def mutants():
    return {{
        "no room": rewritten("privlib.prove.theorem_id", "file.parent.name", "file.name"),
        "no number": rewritten("privlib.prove.theorem_id", "file.stem", "file.suffix"),
    }}
{more}
'''


def checkout(folder: Path, bodies: list[str]) -> list[Path]:
    """Proof files, which hold unless what is added to them says otherwise."""
    (folder / "toy").mkdir(parents=True)
    files = []
    for number, more in enumerate(bodies, start=1):
        file = folder / "toy" / f"t{number}_it.py"
        file.write_text(HOLDS.format(title=f"Theorem {number}", more=more))
        files.append(file)
    return files


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], list[Path]]:
    """A checkout with proofs of its own."""

    def make(bodies: list[str]) -> list[Path]:
        monkeypatch.setattr(prove, "_ROOT", tmp_path / "proofs")
        return checkout(tmp_path / "proofs", bodies)

    return make


FALSE = "def prove(): assert False, 'one and one are three'"
DIES = "def prove():\n    import os, signal, time\n    time.sleep(0.5)\n    os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_results_come_in_the_order_of_the_theorems_whatever_ran_beside_what(
    privlib: Call, toys: Callable[[list[str]], list[Path]], jobs: int
) -> None:
    toys(["time.sleep(0.3)", FALSE, "", "#" * 4000])
    result = privlib("prove", "--json", "--jobs", jobs)
    assert result.exit_code == 1, "a theorem that does not hold fails the command"
    found = json.loads(result.stdout)
    assert [proof["theorem"] for proof in found] == ["toy.t1", "toy.t2", "toy.t3", "toy.t4"]
    assert [proof["holds"] for proof in found] == [True, False, True, True]
    assert found[1]["failure"] == "one and one are three"
    assert result.stderr == ""


def test_each_process_has_a_mutant_of_its_own(toys: Callable[[list[str]], list[Path]]) -> None:
    files = toys([""] * 3)
    assert all(result.holds and result.mutants == 2 for result in prove.run_all(files, jobs=2))
    assert prove.theorem_id(files[0]) == "toy.t1"


def test_a_process_that_is_killed_is_told(privlib: Call, toys: Callable[[list[str]], list[Path]]) -> None:
    toys(["", DIES, "", ""])
    result = privlib("prove", "--jobs", 2)
    assert result.exit_code == 1
    assert "a process ended before its proof did" in result.stderr
    assert "toy.t2" in result.stderr
    assert "--jobs 1" in result.stderr


def test_a_package_that_is_missing_is_told_from_any_process(privlib: Call, toys: Callable[[list[str]], list[Path]]) -> None:
    toys(["import surely_not_installed", "", ""])
    for jobs in (1, 2):
        result = privlib("prove", "--jobs", jobs)
        assert result.exit_code == 3
        assert "pip install 'privlib[proofs]'" in result.stderr


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_a_number_of_processes_is_at_least_one(privlib: Call, jobs: str) -> None:
    assert privlib("prove", "--jobs", jobs).exit_code == 2


def test_all_cpus_of_this_process_are_used_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert prove.cpus() == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # macOS has none
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert prove.cpus() == 4


PROGRAM = """
import sys
from pathlib import Path
if __name__ == "__main__":
    from privlib import prove
    from privlib.cli import main
    prove._ROOT = Path(sys.argv.pop(1))
    main()
"""


@pytest.mark.parametrize(("signals", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_no_process_is_left_when_the_program_is_stopped(tmp_path: Path, signals: int, code: int) -> None:
    """Ctrl-C reaches the whole group of processes, a kill only the first."""
    body = "def prove():\n    import os, time\n    open(f'{__file__}.{os.getpid()}', 'w').close()\n    time.sleep(60)"
    checkout(tmp_path / "proofs", [body] * 3)
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "proofs"), "prove", "--jobs", "2"]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    workers = waited_for(lambda: [int(mark.suffix[1:]) for mark in (tmp_path / "proofs" / "toy").glob("*.py.*")], 2)
    if signals == signal.SIGINT:
        os.killpg(program.pid, signals)
    else:
        program.kill()
    said = program.communicate(timeout=30)[1]
    assert program.returncode == code
    assert code != 130 or said == "privlib: interrupted\n"
    waited_for(lambda: [worker for worker in workers if not lives(worker)], 2)


def waited_for(found: Callable[[], list[int]], number: int) -> list[int]:
    for _ in range(600):
        if len(found()) == number:
            return found()
        time.sleep(0.05)
    raise AssertionError("this never happens")


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
