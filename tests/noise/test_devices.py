"""What the public draws refuse about devices, with or without one."""

import numpy as np
import pytest

from privlib import noise
from privlib.errors import InvalidInput


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"dtype": "int32"}, "dtype is for a device"),
        ({"device": "cuda", "out": 1}, "out is for the processor"),
        ({"word_bits": 16}, "word_bits must be 64 or 32"),
        ({"word_bits": [32]}, "word_bits must be 64 or 32"),
        ({"device": "cuda", "dtype": "int32", "sigma2": 2**62}, "too wide for int32"),
    ],
    ids=range(5),
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        noise.discrete_gaussian(3, **{"sigma2": 100, **arguments})  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "out", [np.ma.masked_all(3, dtype=np.int64), np.zeros(3, np.int64).view(np.recarray), [0, 0, 0]], ids=range(3)
)
def test_an_array_that_might_swallow_the_noise_is_refused(out: object) -> None:
    with pytest.raises(InvalidInput, match="out must be an int64 array"):
        noise.discrete_gaussian(3, sigma2=100, out=out)  # type: ignore[call-overload]


def test_out_is_filled_and_returned() -> None:
    out = np.zeros(5000, dtype=np.int64)
    assert noise.rounded_gaussian(5000, sigma2=10**6, out=out) is out
    assert out.any()
