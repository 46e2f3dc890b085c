"""What a learned rule looks at, and how rules are fixed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit.features import FEATURES, Raised, encode
from privlib.audit.rules import Learned, LikelihoodRatio, _bins, _cuts
from privlib.errors import InvalidInput

ANYTHING = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.lists(st.floats(), max_size=20),
    st.builds(lambda: Raised(ValueError("7"))),
)


def test_none_nan_text_and_exceptions_are_symbols_of_their_own() -> None:
    outputs = [None, float("nan"), 0.0, "0", "", b"", [], [0.0], Raised(ValueError("a")), Raised(KeyError("a")), np.inf]
    names = encode(outputs)[:, 0]
    assert len(set(names.tolist())) == len(outputs)
    assert encode([Raised(ValueError("one"))])[0, 0] == encode([Raised(ValueError("other"))])[0, 0]


def test_the_message_of_an_exception_is_forgotten() -> None:
    assert "planted" not in repr(Raised(ValueError("planted")))
    assert not [name for name in Raised.__slots__ if "planted" in getattr(Raised(ValueError("planted")), name)]


def test_the_features_say_what_they_are() -> None:
    row = dict(zip(FEATURES, encode([np.array([3.0, 0.0, -1.0, np.inf])])[0].tolist(), strict=True))
    assert row["number 3 of the output"] == row["the smallest number"] == -1
    assert row["the last number"] == row["the sum"] == np.inf
    assert (row["the number of zeros"], row["how many numbers there are"], row["how many of them are not finite"]) == (1, 4, 1)
    assert np.isnan(row["number 5 of the output"])


def test_an_output_that_cannot_be_read_is_refused_with_the_cure() -> None:
    with pytest.raises(InvalidInput, match="observe="):
        encode([object()])


@given(st.lists(ANYTHING, max_size=12), st.data())
def test_a_row_of_features_depends_on_its_own_output_alone(outputs: list[object], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(outputs)))
    split = np.concatenate([encode(outputs[:cut]), encode(outputs[cut:])])
    np.testing.assert_array_equal(encode(outputs), split)


@given(st.lists(st.floats(), min_size=1, max_size=600))
def test_every_value_has_a_bin_and_missing_values_their_own(values: list[float]) -> None:
    column = np.array(values)
    cuts = _cuts(column, symbols=False)
    assert cuts is not None
    bins = _bins(column, cuts, symbols=False)
    assert ((bins >= 0) & (bins <= cuts.size + 1)).all()
    assert ((bins == cuts.size + 1) == np.isnan(column)).all()


def test_tails_have_bins_of_their_own() -> None:
    values = np.arange(40_000, dtype=float)
    cuts = _cuts(values, symbols=False)
    assert cuts is not None
    sizes = np.bincount(_bins(values, cuts, symbols=False))
    assert 0 < sizes[1:4].max() < 40, "the lowest bins are equal masses"
    assert sizes.max() <= 40_000 / 128 + 2


def test_a_rule_may_guess_everywhere() -> None:
    generator = np.random.default_rng(1)
    secrets = generator.integers(0, 2, 4000, dtype=np.int8)
    lies = generator.random(4000) < 0.3
    scores = encode((secrets ^ lies).tolist())
    rule = Learned().fix(scores, secrets, tested=10_000, confidence=0.999, order=generator.permutation(4000))
    assert set(rule.guess(scores).tolist()) == {0, 1}


def test_a_threshold_leaves_ties_and_missing_ratios_alone() -> None:
    ratios = np.array([1.0, -1.0, 0.0, np.nan, np.inf, -np.inf, 0.5] * 100)
    secrets = np.array([1, 0, 1, 0, 1, 0, 0] * 100, dtype=np.int8)
    rule = LikelihoodRatio(lambda outputs: np.asarray(outputs, dtype=float))
    scores = rule.score(ratios.tolist())
    fixed = rule.fix(scores, secrets, tested=700, confidence=0.999, order=np.arange(700))
    assert fixed.guess(scores)[:7].tolist() == [1, 0, -1, -1, 1, 0, -1]


def test_an_exception_beside_a_known_law_speaks_for_its_world() -> None:
    rule = LikelihoodRatio(lambda outputs: np.zeros(len(outputs)))
    outputs = [Raised(ValueError()), 0, 0, 0] * 50
    secrets = np.array([1, 0, 1, 0] * 50, dtype=np.int8)
    scores = rule.score(outputs)
    fixed = rule.fix(scores, secrets, tested=200, confidence=0.999, order=np.arange(200))
    assert fixed.guess(scores)[:4].tolist() == [1, -1, -1, -1]


def test_a_likelihood_ratio_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(InvalidInput, match="llr"):
        LikelihoodRatio(lambda _: np.zeros(3)).score([1, 2])
