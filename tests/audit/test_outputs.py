"""What a rule can see of an output: everything that tells two outputs apart, and nothing of an exception's message."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit.features import AGGREGATES, Aggregate, Bits, Number, Whole, aggregates, bank
from privlib.audit.outputs import Look, Raised
from privlib.errors import InvalidInput

ANYTHING = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.lists(st.floats(), max_size=20),
    st.lists(st.text(max_size=2), min_size=1, max_size=3),
    st.builds(lambda: Raised(ValueError("7"))),
)


def test_none_nan_text_and_exceptions_are_symbols_of_their_own() -> None:
    outputs = [
        None,
        float("nan"),
        0.0,
        -0.0,
        "0",
        "",
        b"",
        [],
        [0.0],
        [[0.0]],
        Raised(ValueError("a")),
        Raised(KeyError("a")),
        np.inf,
    ]
    assert len(set(Look(outputs).symbols().tolist())) == len(outputs)
    assert Look([Raised(ValueError("one"))]).symbols() == Look([Raised(ValueError("other"))]).symbols()


@pytest.mark.parametrize("outputs", [[1, 2], [True, False], [1.0, 2.0]], ids=["int", "bool", "float"])
def test_types_and_shapes_tell_outputs_apart(outputs: list[float]) -> None:
    kinds = {
        float(Look([value]).kinds()[0])
        for value in (outputs[0], outputs, np.float32(outputs[0]), [outputs], str(outputs[0]), None)
    }
    assert len(kinds) == 6 - (outputs == [])


def test_the_message_of_an_exception_is_forgotten() -> None:
    assert "planted" not in repr(Raised(ValueError("planted")))
    assert not [name for name in Raised.__slots__ if "planted" in getattr(Raised(ValueError("planted")), name)]


def test_the_features_say_what_they_are() -> None:
    look = Look([np.array([3.0, 0.0, -1.0, np.inf])])
    row = dict(zip(AGGREGATES, aggregates(look, list(AGGREGATES))[0].tolist(), strict=True))
    assert Number(2).of(look) == row["the smallest number"] == -1
    assert row["the sum"] == row["the largest number"] == np.inf
    assert (row["the number of zeros"], row["how many numbers are not finite"], row["the place of the smallest number"]) == (
        1,
        1,
        2,
    )
    assert (row["the first place that is not zero"], row["the last place that is not zero"]) == (0, 3)
    assert np.isnan(Number(4).of(look))
    assert np.isnan(Aggregate("the sum").of(Look([None, "7"]))).all()


@pytest.mark.parametrize(
    ("value", "place", "zeros"), [(1.0, 0, 52), (0.75, -2, 51), (3.0, 0, 51), (2.0**-1074, -1126 + 52 - 52, 52), (0.1, -55, 1)]
)
def test_the_bits_of_a_float_are_read_as_they_are_stored(value: float, place: int, zeros: int) -> None:
    look = Look([value])
    if value > 1e-300:  # below, a float has no leading one, and the rule reads something else that depends on the float alone
        assert Bits(0, "the position of the lowest bit").of(look) == place
        assert Bits(0, "the trailing zeros").of(look) == zeros
    assert np.isnan(Bits(0, "the last 4 bits").of(Look([7]))), "an integer has no bits of a float"


@pytest.mark.parametrize("output", [object(), [object()], {1: object()}, (each for each in "ab")], ids=range(4))
def test_an_output_that_cannot_be_read_is_refused_with_the_cure(output: object) -> None:
    with pytest.raises(InvalidInput, match="observe="):
        Look([output])


@given(st.lists(ANYTHING, min_size=1, max_size=12), st.data())
def test_what_is_seen_of_an_output_depends_on_it_alone(outputs: list[object], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(outputs)))
    whole, parts = Look(outputs), [Look(outputs[:cut]), Look(outputs[cut:])]
    for feature in bank([whole]):
        np.testing.assert_array_equal(feature.of(whole), np.concatenate([feature.of(part) for part in parts]))
        np.testing.assert_array_equal(feature.of(whole), feature.of(Look.joined(parts)))


@given(st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=3, max_size=3), min_size=1, max_size=20))
def test_an_array_and_the_list_of_its_rows_look_the_same(rows: list[list[int]]) -> None:
    array = np.array(rows, dtype=np.int64)
    whole, listed = Look(array), Look(list(array))
    for feature in (Whole(), Number(1), Aggregate("the variance")):
        np.testing.assert_array_equal(feature.of(whole), feature.of(listed))
    assert len(set(whole.symbols().tolist())) == len({tuple(row) for row in rows})


def test_of_many_numbers_those_that_differ_are_found() -> None:
    generator = np.random.default_rng(7)
    worlds = [generator.normal(size=(3000, 500)) for _ in range(2)]
    worlds[1][:, [3, 400]] += 0.3  # more than ten standard errors
    places = {feature.place for feature in bank([Look(world) for world in worlds]) if isinstance(feature, Number)}
    assert {3, 400} <= places
    assert len(places) == 48
