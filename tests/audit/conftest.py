"""Audits that cannot flake: secret bits from a fixed generator instead of the operating system."""

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture
def fixed_bits(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """``fixed_bits(seed)`` restarts the secret bits; one stream, whatever the size of the calls."""

    def restart(seed: int) -> None:
        generator = np.random.default_rng(seed)
        bits = "privlib.audit.trials._secret_bits"
        monkeypatch.setattr(bits, lambda count: (generator.random(count) < 0.5).astype(np.int8))

    restart(0)
    return restart
