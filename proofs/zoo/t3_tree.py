"""A binary tree over T = 2**L steps is private with noise of scale (L+1) / epsilon, while it grows too, and not with L / epsilon.

Statement
    ``binary_tree`` releases, for a stream of T = 2**L whole numbers, the sums over all 2T - 1 dyadic intervals, each with
    independent discrete Laplace noise of scale (L+1) / epsilon, clamped to 15 bits. Neighbours differ by at most 1 in one step.
    It is pure epsilon differentially private, and for no smaller epsilon. The same holds where each node is
    shown as soon as its interval is over and an adversary chooses every later step, for both streams, knowing all nodes so far.
    The sum of each prefix is that of at most L+1 nodes that are over by then. With noise of scale L / epsilon, L >= 1, the loss
    is epsilon (L+1) / L.

Proof
    On each of the L+1 levels the intervals divide the stream, so a step lies in exactly L+1 of them, and neighbours' sums
    differ in L1 norm by at most L+1. Let y be an outcome. Whatever the adversary does, given y all steps are numbers s(y), and
    in the other world s'(y), neighbours; the probability of y is the product over the nodes of the noise's at y - sum, since
    each node's noise is independent of all that is known when the node is shown. So the logarithm of the ratio is the sum over
    the nodes of (abs(y - sum') - abs(y - sum)) / scale, within +- (L+1) / scale = +- epsilon, and it is attained where y is at
    most both sums on all the L+1 nodes. Clamping is a function of the release, and leaves such
    outcomes near zero alone. Prefix sums are functions of the nodes; the binary digits of t name the intervals.

Checked against the shipped code
    The sums of all unit streams for T to 1024: L+1 ones, the rest zeros; linear in the stream. Prefixes for T to 64. Given
    distinct noise: each node has a draw of its own, in blocks of any size, and is clamped. The loss, for all neighbours among
    the streams of two steps and all outcomes around them, over the scale that the code asked for: exactly epsilon, and for all
    64 adaptive adversaries of two steps at most that. For T to 1024 the loss of the worst outcome is epsilon.

Covers not
    Streams with sums beyond 2**62. The sampler is noise.t4.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib import noise
from privlib.audit.zoo import reference
from privlib.errors import InvalidInput
from privlib.noise.testing import fixed_key
from privlib.prove import replaced, rewritten

covers = [
    "privlib.audit.zoo.reference.binary_tree",
    "privlib.audit.zoo.reference._blocks",
    "privlib.audit.zoo.reference.tree_sums",
    "privlib.audit.zoo.reference._budget",
]

EPSILON = Fraction(2, 3)
LENGTHS = [2**level for level in range(11)]
FAR = 2**40
KEY = bytes(range(32))


def released(stream: list[int], n: int, draws: np.ndarray) -> tuple[np.ndarray, Fraction]:
    """What the shipped tree shows under given noise, used up in order, and the one scale that it asked for."""
    asked, left = set[Fraction](), [draws]

    def spy(size: int, *, scale: Fraction) -> np.ndarray:
        asked.add(Fraction(scale))
        given_, left[0] = left[0][:size], left[0][size:]
        assert given_.size == size, "more is drawn than one number for each node"
        return given_

    with replaced(reference, "discrete_laplace", spy):
        nodes = reference.binary_tree(stream, n, epsilon=EPSILON)
    assert not left[0].size, "a node has no noise of its own"
    assert len(asked) == 1, "nodes have noise of several scales"
    return nodes.astype(np.int64), asked.pop()


def scale_for(length: int) -> Fraction:
    return released([0] * length, 1, np.zeros(2 * length - 1, dtype=np.int64))[1]


def a_step_lies_in_one_node_of_each_level() -> None:
    for length in LENGTHS:
        units = np.eye(length, dtype=np.int64)
        sums = np.array([reference.tree_sums(unit) for unit in units])
        assert sums.shape == (length, 2 * length - 1), "the tree has not 2T - 1 nodes"
        assert np.isin(sums, (0, 1)).all(), "a step counts more than once in a node"
        assert (sums.sum(axis=1) == length.bit_length()).all(), "a step does not lie in L+1 nodes"
        stream = (np.arange(length) * 7919 % 101) - 50
        assert np.array_equal(reference.tree_sums(stream), stream @ sums), "the sums are not linear"
    for length in (0, 3, 12):
        try:
            reference.tree_sums([0] * length)
        except InvalidInput:
            continue
        raise AssertionError("a length that is no power of two is served")


def prefixes_are_sums_of_few_nodes_in_time() -> None:
    for length in LENGTHS[:7]:
        intervals = np.array([reference.tree_sums(unit) for unit in np.eye(length, dtype=np.int64)]).T
        over = {(int(row.argmax()), int(row.sum())) for row in intervals}
        for end in range(1, length + 1):
            start, used = 0, 0
            while start < end:
                width = max(size for begin, size in over if begin == start and begin + size <= end)
                start, used = start + width, used + 1
            assert used <= length.bit_length(), "a prefix needs more nodes than there are levels"


def every_node_has_noise_of_its_own() -> None:
    for length, n, block in itertools.product((1, 2, 4, 16), (1, 5), (1, 40, 2**20)):
        size = n * (2 * length - 1)
        draws = np.arange(1, size + 1) * (-1) ** np.arange(size)
        stream = [step % 3 for step in range(length)]
        with replaced(reference, "_NODES", block):
            nodes, _ = released(stream, n, draws)
        added = nodes - reference.tree_sums(stream)
        assert np.array_equal(added.ravel(), draws), "what is released is not the sums and a draw for each"
    nodes, _ = released([0, 1], 2, np.array([FAR, -FAR, 0, 5, -5, FAR]))
    assert reference.binary_tree([0, 1], 0, epsilon=1).shape == (0, 3)
    assert nodes.tolist() == [[2**15 - 1, 1 - 2**15, 1], [5, -4, 2**15 - 1]], "a node is not clamped, or wraps around"


def neighbours(stream: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [(*stream[:step], stream[step] + change, *stream[step + 1 :]) for step in range(len(stream)) for change in (-1, 1)]


def exponents(outcomes: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What the ratio of the two worlds' probabilities is the power of, for exp(1/scale)."""
    return (np.abs(outcomes - second) - np.abs(outcomes - first)).sum(axis=-1)


def the_loss_is_epsilon() -> None:
    for length in LENGTHS[1:]:
        quiet, event = [0] * length, [*[0] * (length - 1), 1]
        worst = exponents(np.zeros(2 * length - 1), reference.tree_sums(quiet), reference.tree_sums(event))
        assert Fraction(int(worst)) / scale_for(length) == EPSILON, "the loss is not epsilon"
        levels = length.bit_length() - 1
        assert int(worst) / (levels / EPSILON) == EPSILON * (levels + 1) / levels > EPSILON, "L levels would do"
    scale = scale_for(2)
    outcomes = np.array(list(itertools.product(range(-3, 5), repeat=3)))
    attained = set[Fraction]()
    for first in itertools.product(range(2), repeat=2):
        for second in neighbours(first):
            sums = reference.tree_sums(first), reference.tree_sums(second)
            attained.add(Fraction(int(exponents(outcomes, *sums).max())) / scale)
    assert attained == {EPSILON}, "the loss is not epsilon"


def an_adversary_who_reacts_learns_no_more() -> None:
    """Two steps, the second chosen by all functions of the first node's outcome, which is told apart in six cases."""
    scale = scale_for(2)
    shown = np.arange(-2, 4)
    outcomes = np.array(list(itertools.product(shown, repeat=3)))
    for chosen in itertools.product((0, 1), repeat=shown.size):
        reaction = np.array(chosen)[outcomes[:, 0] - shown[0]]
        for step, change in itertools.product((0, 1), (-1, 1)):
            worlds = []
            for moved in (0, change):
                steps = [np.zeros_like(reaction) + moved * (step == 0), reaction + moved * (step == 1)]
                worlds.append(np.array([reference.tree_sums(each) for each in np.stack(steps, axis=1)]))
            worst = int(np.abs(exponents(outcomes, *worlds)).max())
            assert Fraction(worst) / scale <= EPSILON, "an adversary who reacts learns more"


def the_sampler_itself_is_called() -> None:
    stream = [3, 1, 0, 2]
    with fixed_key(KEY):
        nodes = reference.binary_tree(stream, 9, epsilon=EPSILON)
    with fixed_key(KEY):
        drawn = noise.discrete_laplace(9 * 7, scale=3 / EPSILON).reshape(9, 7)
    assert np.array_equal(nodes, reference.tree_sums(stream) + drawn), "what is added is not the sampler's noise"


def prove() -> None:
    a_step_lies_in_one_node_of_each_level()
    prefixes_are_sums_of_few_nodes_in_time()
    every_node_has_noise_of_its_own()
    the_loss_is_epsilon()
    an_adversary_who_reacts_learns_no_more()
    the_sampler_itself_is_called()


def mutants() -> dict[str, object]:
    room = "privlib.audit.zoo.reference"
    tree, sums = f"{room}.binary_tree", f"{room}.tree_sums"
    return {
        "L levels pay for L+1": rewritten(tree, "len(stream).bit_length()", "max(1, len(stream).bit_length() - 1)"),
        "the scale is its inverse": rewritten(tree, "levels / _budget(epsilon)", "_budget(epsilon) / levels"),
        "one draw serves all rows of a block": rewritten(tree, ".reshape(part.shape)", ".reshape(part.shape)[:1]"),
        "a node wraps around": rewritten(tree, "np.clip(sums + noise, -_LARGEST_NODE, _LARGEST_NODE)", "sums + noise"),
        "the noise is clamped and not the node": rewritten(
            tree, "np.clip(sums + noise, -_LARGEST_NODE, _LARGEST_NODE)", "sums + np.clip(noise, -_LARGEST_NODE, _LARGEST_NODE)"
        ),
        "the noise is clamped at zero": rewritten(tree, "-_LARGEST_NODE, _LARGEST_NODE", "0, _LARGEST_NODE"),
        "the single steps have no noise": rewritten(tree, "sums + noise", "sums + noise * (np.arange(sums.size) >= len(stream))"),
        "pairs overlap": rewritten(sums, "level[::2] + level[1::2]", "level[::2] + level[1::2] + np.roll(level[1::2], 1)"),
        "a step is left out above": rewritten(sums, "level[::2] + level[1::2]", "level[1::2]"),
        "the leaves count twice": rewritten(sums, "levels = [level]", "levels = [2 * level]"),
        "any length is served": rewritten(sums, "level.size & (level.size - 1)", "False"),
    }


@given(st.integers(0, 6), st.data())
def test_no_outcome_of_a_longer_stream_loses_more(level: int, data: st.DataObject) -> None:
    length = 2**level
    stream = tuple(data.draw(st.lists(st.integers(0, 3), min_size=length, max_size=length)))
    step, change = data.draw(st.integers(0, length - 1)), data.draw(st.sampled_from([-1, 1]))
    other = (*stream[:step], stream[step] + change, *stream[step + 1 :])
    outcome = np.array(data.draw(st.lists(st.integers(-9, 9), min_size=2 * length - 1, max_size=2 * length - 1)))
    assert abs(int(exponents(outcome, reference.tree_sums(stream), reference.tree_sums(other)))) <= level + 1
