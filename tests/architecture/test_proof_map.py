"""The map of the proofs and the fingerprints of what they cover are up to date."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def proof_map(root: Path) -> ModuleType:
    file = root / "proofs" / "map.py"
    assert file.exists(), "proofs/map.py, which writes the map of the proofs, is missing"
    spec = spec_from_file_location("proof_map", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_map_names_every_theorem_as_it_stands(proof_map: ModuleType, root: Path) -> None:
    written = (root / "proofs" / "README.md").read_text(encoding="utf-8")
    assert proof_map.render() == written, "the map is stale: run python proofs/map.py"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="fingerprints are taken with Python 3.11")
def test_no_covered_function_changed_without_a_look_at_its_proof(proof_map: ModuleType, root: Path) -> None:
    written = (root / "proofs" / "fingerprints.toml").read_text(encoding="utf-8")
    assert proof_map.fingerprints() == written, "covered code changed: read the proofs again, run them, then python proofs/map.py"
