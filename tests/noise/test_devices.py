"""What the public draws refuse about devices, with or without one."""

import pytest

from privlib import noise
from privlib.errors import InvalidInput


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"dtype": "int32"}, "dtype is for a device"),
        ({"device": "cuda", "out": 1}, "out is for the processor"),
        ({"speed": "fast"}, "speed must be 'safe' or 'bulk'"),
        ({"speed": ["bulk"]}, "speed must be 'safe' or 'bulk'"),
        ({"device": "cuda", "dtype": "int32", "sigma2": 2**62}, "too wide for int32"),
    ],
    ids=range(5),
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        noise.discrete_gaussian(3, **{"sigma2": 100, **arguments})  # type: ignore[call-overload]
