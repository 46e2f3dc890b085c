"""A scale of 1 / (epsilon n) for n people at risk keeps no epsilon at all, and among a hundred no audit by trials can show it.

Statement
    ``scale_from_number_at_risk`` releases the hazard of n people at risk, in thousandths and rounded down, plus discrete Laplace
    noise of scale 1000/n, and claims epsilon = 1; neighbours have one person more or fewer. (1) Between any data set and any of
    its neighbours the loss is infinite: the ratio of probabilities passes every bound far out in the tail. (2) For 100 people
    and 101, with no event or one, the ratio is above e only at releases that have probability below 1e-39 in either world.
    (3) On these pairs an auditor of N trials that refutes true claims with probability at most alpha refutes this one with
    probability at most alpha + N / 10**36. So sampling does not show it: for N = 10**12 that is 1e-24. (4) Between one person
    and two the ratio is above e with probability above 0.18 on one of them: there sampling does show it.

Proof
    With r = n/1000 the release is k with probability tanh(r/2) exp(-r |k - h|), h the hazard. (1) For n and m = n + 1 people the
    logarithm of the ratio P_n(k)/P_m(k) is log(tanh(n/2000)/tanh(m/2000)) - n|k-h|/1000 + m|k-h'|/1000; it grows with |k| by
    1/1000 a step once |k| is above both hazards. (2) So the releases with a ratio above e are two tails, whose probability is
    geometric; the other direction is bounded everywhere. (3) Clamp the release to an interval [-c, 1000 + c] whose inner points
    and two ends have ratios within [1/e, e]: that mechanism is private on the pair with epsilon = 1. Both show the same N
    outputs unless one of them is beyond the interval, which has a probability p in each trial; so the auditor's probabilities of
    refuting differ by at most N p. (4) is a sum of two tails.

Checked against the shipped code
    The hazard and the scale that is asked for, for all data sets of up to 8 people and for 100 and 101; (1) by the slopes in
    Fractions for all neighbours of up to 7 people; (2) to (4) by ball arithmetic, c being 850.

Covers not
    Which numbers of people between one and a hundred sampling tells apart. The sampler is noise.t4.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
from flint import arb, ctx, fmpq

from privlib.audit.zoo import counts
from privlib.audit.zoo import entry as named
from privlib.prove import replaced, rewritten

covers = ["privlib.audit.zoo.counts.scale_from_number_at_risk"]

STEPS = 1000  # the theorem's, not the code's
BEYOND = 850
MANY = [((0,) * 100, (0,) * 101), ((1, *(0,) * 99), (1, *(0,) * 100))]
Law = tuple[int, Fraction]
"""The hazard, and the rate of the noise: one over its scale."""


def law_of(people: tuple[int, ...]) -> Law:
    """What the shipped code adds to which noise."""
    asked = list[Fraction]()

    def spy(size: int, *, scale: Fraction) -> np.ndarray:
        asked.append(Fraction(scale))
        return np.arange(size) - 2

    with replaced(counts, "discrete_laplace", spy):
        shown = counts.scale_from_number_at_risk(people, 5)
    [scale] = asked
    hazard = int(shown[2])
    assert (shown == hazard + np.arange(5) - 2).all(), "the release is not the hazard plus its noise"
    return hazard, 1 / scale


def ball(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def log_chance(law: Law, k: int) -> arb:
    hazard, rate = law
    return (ball(rate) / 2).tanh().log() - ball(rate) * abs(k - hazard)


def beyond(law: Law, steps: int) -> arb:
    """The chance of noise of that many steps or more to one side."""
    rate = ball(law[1])
    return (-rate * steps).exp() / (1 + (-rate).exp())


def neighbours(most: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """All data sets, with all that have one person more; who comes first does not matter."""
    sets = [people for size in range(1, most) for people in itertools.combinations_with_replacement((0, 1), size)]
    return [(people, (*people, one)) for people in sets for one in (0, 1)]


def the_law_is_as_stated() -> None:
    for people in [each for pair in [*neighbours(8), *MANY] for each in pair]:
        hazard, rate = law_of(people)
        assert hazard == STEPS * sum(people) // len(people), "another hazard"
        assert rate == Fraction(len(people), STEPS), "another scale"


def no_epsilon_holds() -> None:
    """Beyond both hazards the log ratio grows by the difference of the rates with each step."""
    for few, more in neighbours(8) + MANY:
        (_, rate), (_, other) = law_of(few), law_of(more)
        assert other - rate == Fraction(1, STEPS), "the ratio does not grow without end"
    assert named("scale-from-number-at-risk").true_epsilon == "inf"


def among_a_hundred_it_is_hidden() -> None:
    ctx.prec = 200
    for few, more in MANY:
        first, second = law_of(few), law_of(more)
        telling = [k for k in range(-1500, 1501) if abs(log_chance(first, k) - log_chance(second, k)) > 1]
        assert telling, "the claim holds where it must not"
        low, high = max(k for k in telling if k < 0), min(k for k in telling if k > 0)
        assert telling == [*range(-1500, low + 1), *range(high, 1501)], "what tells is not two tails"
        assert not any(log_chance(second, k) - log_chance(first, k) > arb("0.2") for k in range(-1500, 1501))
        for law in (first, second):
            assert beyond(law, high - law[0]) + beyond(law, law[0] - low) < arb("1e-39"), "a release that tells is not so rare"
        clamped_it_is_private(first, second)


def clamped_it_is_private(first: Law, second: Law) -> None:
    """Clamped to the interval both worlds are within a factor e, and that changes hardly anything."""
    ends = -BEYOND, BEYOND
    for k in range(ends[0] + 1, ends[1]):
        assert abs(log_chance(first, k) - log_chance(second, k)) < 1, "inside the interval the claim fails"
    for k in ends:
        tails = [beyond(law, abs(k - law[0])) for law in (first, second)]
        assert abs((tails[0] / tails[1]).log()) < 1, "at the ends of the interval the claim fails"
    for law in (first, second):
        assert sum((beyond(law, abs(k - law[0]) + 1) for k in ends), arb(0)) < arb("1e-36") / 2, "clamping is seen"


def between_one_and_two_it_shows() -> None:
    ctx.prec = 120
    first, second = law_of((0,)), law_of((0, 0))
    telling = min(k for k in range(3000) if log_chance(first, k) - log_chance(second, k) > 1)
    assert 2 * beyond(first, telling) > arb("0.18"), "sampling would not show it either"


def prove() -> None:
    the_law_is_as_stated()
    no_epsilon_holds()
    between_one_and_two_it_shows()
    among_a_hundred_it_is_hidden()


def mutants() -> dict[str, object]:
    [release] = covers
    scale = "Fraction(HAZARD_STEPS, len(at_risk))"
    return {
        "the scale is public": rewritten(release, scale, "Fraction(HAZARD_STEPS, 100)"),
        "the scale is that of one person more": rewritten(release, scale, "Fraction(HAZARD_STEPS, len(at_risk) + 1)"),
        "the scale is its inverse": rewritten(release, scale, "Fraction(len(at_risk), HAZARD_STEPS)"),
        "the scale is that of the events": rewritten(release, scale, "Fraction(HAZARD_STEPS, 1 + sum(at_risk))"),
        "the hazard is rounded up": rewritten(
            release, "HAZARD_STEPS * sum(at_risk) // len(at_risk)", "-(-HAZARD_STEPS * sum(at_risk) // len(at_risk))"
        ),
        "the number is released": rewritten(release, "HAZARD_STEPS * sum(at_risk) // len(at_risk)", "len(at_risk)"),
        "the noise is not added": rewritten(release, "hazard + discrete", "hazard + 0 * discrete"),
    }
