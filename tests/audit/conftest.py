"""Audits that cannot flake: secret bits from a fixed generator instead of the operating system."""

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture
def fixed_bits(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """``fixed_bits(seed)`` restarts the secrets; one stream, whatever the size of the calls."""

    def restart(seed: int) -> None:
        generator = np.random.default_rng(seed)
        secrets = "privlib.audit.trials._secrets"
        monkeypatch.setattr(secrets, lambda count, worlds: (generator.random(count) * worlds).astype(np.int64))

    restart(0)
    return restart
