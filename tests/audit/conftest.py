"""Audits that cannot flake: secrets and noise are fixed for each test instead of drawn from the operating system."""

import hashlib
import warnings
from collections.abc import Callable, Generator

import numpy as np
import pytest

from privlib.noise.testing import InsecureNoise, fixed_key


@pytest.fixture
def fixed_bits(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """``fixed_bits(seed)`` restarts the secrets; one stream, whatever the size of the calls."""

    def restart(seed: int) -> None:
        generator = np.random.default_rng(seed)
        secrets = "privlib.audit.trials._secrets"
        monkeypatch.setattr(secrets, lambda count, worlds: (generator.random(count) * worlds).astype(np.int64))

    restart(0)
    return restart


@pytest.fixture(autouse=True)
def _fixed(request: pytest.FixtureRequest, fixed_bits: Callable[[int], None]) -> Generator[None]:
    """The same secrets and the same noise whenever this test runs."""
    key = hashlib.sha256(request.node.nodeid.encode()).digest()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        inside = fixed_key(key)
        inside.__enter__()
    try:
        yield
    finally:
        inside.__exit__(None, None, None)
