"""Many secret coins in one run: no (epsilon, delta) mechanism betrays more of them than the shipped tail, which is attained.

Statement
    m independent fair coins S decide which canaries are in the data; data sets that differ in one coin are neighbours; M is
    (epsilon, delta)-private and runs once. From its output, and independent randomness, r coins are guessed, W rightly; E =
    exp(epsilon), q = E/(1+E), b_k = P(Bin(r, q) = k), B = b_v + ... + b_r. (1) If delta = 0, then P(W >= v | r guesses) <= B,
    also where r depends on the output: ``guess_bound`` holds as it does for independent trials. (2) If r is fixed beforehand,
    then P(W >= v) <= B + m delta B (1-B) / (v b_v) = ``approx_tail``, and for every r <= m, v and E there is a mechanism that
    attains it, for delta up to a positive one. (3) The verdict of ``one_run`` refutes a true claim with probability at most
    alpha; where the number of guesses is not planned and delta > 0, half of alpha pays for its dependence on the output.
    (4) ``guess_by_rank`` guesses from the ranks of scores; equal scores, whose place in a file may tell the coins, are in each
    order equally likely, whatever their place.

Proof
    Lemma. Put a(r, k) = P(r guesses, k right). For each canary i and coins s let B_k(s) be the outputs that guess i rightly
    and k others rightly, of r guesses. With coin i turned over the same outputs guess i wrongly, k others rightly. So
    P_s(B_k) - E P_s'(B_k), summed over the k and r where it is positive, is at most delta (privacy for one union of outputs).
    Average over s, whose coins are fair: positive parts are convex. Sum over i: a run with k + 1 right guesses is counted k +
    1 times as "i rightly, k others", one with k right guesses r - k times as "i wrongly, k others":
        sum over r and k of [(k+1) a(r, k+1) - E (r-k) a(r, k)]+ <= m delta.                                             (*)
    (1) As (k+1) b_(k+1) = E (r-k) b_k, delta = 0 says that y_k = a(r, k)/b_k does not rise in k, for each r; then the mass of
    k >= v is at most its share B of what r has. (2) With w_k = (k+1) b_(k+1), (*) is sum of w_k [y_(k+1) - y_k]+ <= m delta.
    Summing by parts, P(W >= v) - B = Cov_b(1[k >= v], y) = sum over j of (y_(j+1) - y_j) c_j, c_j = B_max (1 - B_min), the
    tails at the larger and at the smaller of v and j + 1. So it is at most m delta max c_j / w_j. For j + 1 >= v that ratio
    falls in j, because (tail at j+1)/b_(j+1) falls (b is log-concave); for j + 1 <= v it rises, because (k+1) b_(k+1) = E
    (r-k) b_k and the mass up to j over b_j rises. The maximum is at j = v - 1. Attained: y = x below v and y = z from v on,
    in a mechanism that treats all canaries alike. (3) Planned: (2) and monotony, for 1 - tail = (1-B)(1 - m delta B/(v b_v))
    falls in epsilon while it is positive. Not planned: by (*) the deltas d_r of each r sum to m delta, so the probability of
    a violation is at most sum over r of P(r) B_r + d_r c_r/w_r, at most the largest B plus the largest m delta c/w, each at
    most alpha/2.

Checked against the shipped code
    (*) and (2) in Fractions for random mechanisms on two coins with all outputs enumerated, abstentions included, counted by
    the shipped ``one_run``; (2) for random laws and for the extremal ones with up to 12 guesses, whose formula is first
    checked by an enumerated mechanism on three coins; the maximum over j in Fractions; the tail against ball arithmetic up to
    10**6 guesses; verdicts in Fractions. The inequality itself is proved in prose, above, for all sizes.

Covers not
    Coins that are not independent and fair, such as exactly m/2 canaries chosen in. Guesses that saw the coins. zCDP claims.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
from flint import arb, ctx, fmpq

from privlib.audit import onerun, onerun_bounds
from privlib.audit.bounds import Verdict
from privlib.audit.onerun import OneRun
from privlib.bounds import Bound
from privlib.errors import InvalidInput
from privlib.prove import replaced, rewritten

covers = [
    "privlib.audit.onerun.one_run",
    "privlib.audit.onerun.OneRun.certified",
    "privlib.audit.onerun.OneRun.verdict",
    "privlib.audit.onerun.OneRun._limit",
    "privlib.audit.onerun.guess_by_rank",
    "privlib.audit.onerun_bounds.approx_tail",
    "privlib.audit.onerun_bounds.one_run_approx_bound",
]

ODDS = [Fraction(1), Fraction(3, 2), Fraction(3), Fraction(20)]
PURE = Bound.pure(1, neighbours="add_remove")
Mechanism = dict[tuple[int, ...], dict[tuple[int, ...], Fraction]]
LARGE = [(280, 300, 1000), (900, 1000, 1000), (1000, 1000, 10**5), (69_300, 100_000, 100_000), (999_990, 10**6, 10**6)]


def shipped_tail(correct: int, guesses: int, canaries: int, odds: Fraction, delta: Fraction) -> Fraction:
    epsilon = math.log(odds)
    return Fraction(onerun_bounds.approx_tail(correct, guesses, canaries, epsilon, float(delta)))


def positive(values: Iterator[Fraction]) -> Fraction:
    return sum((value for value in values if value > 0), Fraction(0))


def delta_of(mechanism: Mechanism, odds: Fraction) -> Fraction:
    """The smallest delta at these odds, over all pairs of coins that differ in one."""
    pairs = ((s, t) for s, t in itertools.permutations(mechanism, 2) if sum(a != b for a, b in zip(s, t, strict=True)) == 1)
    return max(positive(mechanism[s][out] - odds * mechanism[t][out] for out in mechanism[s]) for s, t in pairs)


def law_of(mechanism: Mechanism) -> Counter[tuple[int, int]]:
    """The joint law of guesses made and right ones, counted by the shipped code."""
    law: Counter[tuple[int, int]] = Counter()
    for coins, outputs in mechanism.items():
        for output, chance in outputs.items():
            found = onerun.one_run(np.array(output), np.array(coins), claim=PURE)
            law[found.guesses, found.correct] += chance / len(mechanism)  # type: ignore[assignment]
    return law


def random_mechanisms(outputs: list[tuple[int, ...]], generator: random.Random, count: int) -> Iterator[Mechanism]:
    """Two coins; each law has weights that are now and then far apart, or zero."""
    for _ in range(count):
        mechanism: Mechanism = {}
        for coins in itertools.product((0, 1), repeat=2):
            weights = [generator.choice((0, 1, 1, 2, 3, 30)) + 1 for _ in outputs]
            for place, output in enumerate(outputs):
                right = sum(guess == coin for guess, coin in zip(output, coins, strict=True))
                weights[place] *= generator.choice((1, 1, 4)) ** right
            mechanism[coins] = {out: Fraction(weight, sum(weights)) for out, weight in zip(outputs, weights, strict=True)}
        yield mechanism


def every_mechanism_keeps_the_lemma() -> None:
    generator = random.Random(4)  # noqa: S311 - chooses examples
    every = list(itertools.product((-1, 0, 1), repeat=2))
    for mechanism in random_mechanisms(every, generator, 25):
        law = law_of(mechanism)
        assert sum(law.values()) == 1
        for odds in ODDS:
            excess = positive(
                (k + 1) * law[r, k + 1] - odds * (r - k) * law[r, k]
                for r in range(3)
                for k in range(r)  # type: ignore[misc]
            )
            assert excess <= 2 * delta_of(mechanism, odds), "the lemma fails: guesses are counted wrongly"


def no_mechanism_with_planned_guesses_beats_the_tail() -> None:
    generator = random.Random(5)  # noqa: S311 - chooses examples
    for planned in (1, 2):
        outputs = [out for out in itertools.product((-1, 0, 1), repeat=2) if out.count(-1) == 2 - planned]
        for mechanism in random_mechanisms(outputs, generator, 40):
            law = law_of(mechanism)
            for odds, correct in itertools.product(ODDS, range(1, planned + 1)):
                reached = sum(law[planned, k] for k in range(correct, planned + 1))
                assert reached <= shipped_tail(correct, planned, 2, odds, delta_of(mechanism, odds)), "a mechanism beats the tail"


def alike(law: list[Fraction], canaries: int, odds: Fraction) -> Fraction:
    """The delta of the mechanism that treats all canaries alike and has this law of right guesses."""
    r = len(law) - 1
    up = positive((k + 1) * law[k + 1] - odds * (r - k) * law[k] for k in range(r))
    down = positive((r - k) * law[k] - odds * (k + 1) * law[k + 1] for k in range(r))
    return max(up, down) / canaries


def that_delta_is_right() -> None:
    """Enumerated: three coins, two guesses, all outputs."""
    law = [Fraction(1, 7), Fraction(2, 7), Fraction(4, 7)]
    mechanism: Mechanism = {}
    for coins in itertools.product((0, 1), repeat=3):
        mechanism[coins] = {}
        for output in itertools.product((-1, 0, 1), repeat=3):
            if output.count(-1) == 1:
                right = sum(guess == coin for guess, coin in zip(output, coins, strict=True))
                mechanism[coins][output] = law[right] / (3 * math.comb(2, right))
    assert law_of(mechanism) == {(2, k): chance for k, chance in enumerate(law)}
    for odds in ODDS:
        assert delta_of(mechanism, odds) == alike(law, 3, odds)


def binomial(r: int, odds: Fraction) -> list[Fraction]:
    return [math.comb(r, k) * odds**k / (1 + odds) ** r for k in range(r + 1)]


def extremal(r: int, correct: int, odds: Fraction, low: Fraction) -> list[Fraction]:
    """``low`` times the binomial below ``correct``, more from there on."""
    law = binomial(r, odds)
    tail = sum(law[correct:], Fraction(0))
    high = (1 - low * (1 - tail)) / tail
    return [(low if k < correct else high) * chance for k, chance in enumerate(law)]


def the_tail_is_attained() -> None:
    for r, odds, low in itertools.product((1, 2, 5, 12), ODDS, (Fraction(1), Fraction(9, 10), Fraction(0))):
        for correct, canaries in itertools.product(range(1, r + 1), (r, 3 * r)):
            law = extremal(r, correct, odds, low)
            reached, delta = sum(law[correct:], Fraction(0)), alike(law, canaries, odds)
            shipped = shipped_tail(correct, r, canaries, odds, delta)
            assert shipped >= reached or shipped == 1, "a mechanism has more right guesses than the tail allows"
            assert shipped <= reached * (1 + Fraction(3, 10**9)), "the tail is larger than any mechanism needs"


def no_law_beats_the_tail() -> None:
    generator = random.Random(6)  # noqa: S311 - chooses examples
    for _ in range(150):
        r, odds = generator.randint(1, 12), generator.choice(ODDS)
        likelihood, law = Fraction(1), []
        for chance in binomial(r, odds):
            likelihood *= Fraction(generator.choice((1, 1, 1, 2, 3, 9)), generator.choice((1, 1, 2, 4)))
            law.append(chance * likelihood)
        law = [chance / sum(law) for chance in law]
        canaries = r + generator.randint(0, 5)
        delta = alike(law, canaries, odds)
        for correct in range(1, r + 1):
            reached = sum(law[correct:], Fraction(0))
            assert reached <= shipped_tail(correct, r, canaries, odds, delta) or delta > 1, "a law beats the tail"


def the_worst_place_to_leak_is_the_threshold() -> None:
    """c_j / w_j of the proof is largest at j = v - 1."""
    for r, odds in itertools.product(range(1, 13), ODDS):
        law = binomial(r, odds)
        tails = [sum(law[k:], Fraction(0)) for k in range(r + 1)]
        for v in range(1, r + 1):
            ratios = [tails[max(v, j + 1)] * (1 - tails[min(v, j + 1)]) / ((j + 1) * law[j + 1]) for j in range(r)]
            assert max(ratios) == ratios[v - 1] == tails[v] * (1 - tails[v]) / (v * law[v])


def large_counts_round_upwards() -> None:
    ctx.prec = 160
    for (correct, guesses, canaries), epsilon, delta in itertools.product(LARGE, (0.0, 0.5, 3.0), (0.0, 1e-9, 1e-5)):
        odds = arb(epsilon).exp()
        q = odds / (1 + odds)
        if correct < guesses * float(q):
            tail = 1 - (1 - q).beta_lower(guesses - correct + 1, correct, regularized=True)
        else:
            tail = q.beta_lower(correct, guesses - correct + 1, regularized=True)
        choose = arb(guesses + 1).lgamma() - arb(correct + 1).lgamma() - arb(guesses - correct + 1).lgamma()
        mills = (tail.log() - choose - correct * q.log() - (guesses - correct) * (1 - q).log()).exp()
        truth = tail + (1 - tail) * canaries * arb(fmpq(*Fraction(delta).as_integer_ratio())) * mills / correct
        shipped = onerun_bounds.approx_tail(correct, guesses, canaries, epsilon, delta)
        if shipped < 1e-290:
            continue  # no confidence asks for it
        words = f"{correct} of {guesses}, {canaries} canaries"
        assert shipped == 1 or (arb(shipped) >= truth and arb(shipped) <= truth * (1 + arb(3e-9))), f"{words}: another tail"


def bounds_are_roots() -> None:
    for (correct, guesses, canaries), delta, error in itertools.product(LARGE[:4], (1e-9, 1e-6), (0.05, 0.001)):
        bound = onerun_bounds.one_run_approx_bound(correct, guesses, canaries, error, delta=delta)
        reached = onerun_bounds.approx_tail(correct, guesses, canaries, bound, delta)
        assert bound == 0 or error * (1 - 1e-6) <= reached <= error, "the bound is not the root"
        assert bound > 0 or onerun_bounds.approx_tail(correct, guesses, canaries, 0.0, delta) > error, "a bound is missing"


def verdicts_refute_true_claims_rarely() -> None:
    three, alpha = Fraction(3), Fraction(1, 20)
    for r, canaries, low in itertools.product((20, 40), (40, 200), (Fraction(1), Fraction(99, 100), Fraction(95, 100))):
        correct = next(v for v in range(r + 1) if sum(binomial(r, three)[v:], Fraction(0)) <= alpha / 2)
        law = extremal(r, correct, three, low)
        delta = alike(law, canaries, three)
        assert 0 <= delta < 1
        true = Bound.approx("1.0986123", delta, neighbours="add_remove")  # the logarithm of 3, rounded up
        claims = [(true, True), (true, False)] + ([(Bound.pure(odds=3, neighbours="add_remove"), False)] if low == 1 else [])
        for claim, planned in claims:
            shown = [OneRun(**counts(canaries, r, k, planned), claim=claim, confidence=0.95, title="") for k in range(r + 1)]
            refuted = sum((law[k] for k, found in enumerate(shown) if found.verdict is Verdict.VIOLATION), Fraction(0))
            assert refuted <= alpha, "a true claim is refuted too often"
            assert [found.certified for found in shown] == sorted(found.certified for found in shown)
        if low == 1:
            assert refuted > 0, "nothing is ever refuted"
    for planned, spent in ((True, 0.05), (False, 0.025)):  # what a number of guesses that depends on the output costs
        found = OneRun(**counts(50, 40, 39, planned), claim=true, confidence=0.95, title="")
        wanted = onerun_bounds.one_run_approx_bound(39, 40, 50, spent, delta=float(true.delta))
        assert abs(found.certified - wanted) < 1e-9, "the wrong error is spent"
    few = OneRun(**counts(50, 2, 2, True), claim=true, confidence=0.95, title="")
    assert few.verdict is Verdict.INCONCLUSIVE


def counts(canaries: int, guesses: int, correct: int, planned: bool) -> dict[str, int]:
    return {"canaries": canaries, "guesses": guesses, "correct": correct, "planned": planned}


def ranks_are_guessed_from_both_ends() -> None:
    for order in itertools.permutations(range(5)):
        for number in range(1, 6):
            made = onerun.guess_by_rank(np.array(order, dtype=np.float64), guesses=number)
            wanted = [0 if rank < number // 2 else 1 if rank >= 5 - (number + 1) // 2 else -1 for rank in order]
            assert made.tolist() == wanted, "the ranks are guessed otherwise"


def equal_scores_are_ranked_at_random() -> None:
    """Over all orders that the generator may give: each of three equal scores is guessed, or not, equally often."""
    for scores, number in (([7.0, 7.0, 7.0, 9.0], 3), ([7.0, 7.0, 1.0, 7.0], 2), ([0.0] * 4, 2)):
        tied = [place for place, score in enumerate(scores) if scores.count(score) > 1]
        found: Counter[tuple[int, ...]] = Counter()
        for order in itertools.permutations(range(4)):
            generator = SimpleNamespace(permutation=lambda size, order=order: np.array(order[:size]))
            with replaced(np.random, "default_rng", lambda _, generator=generator: generator):
                made = onerun.guess_by_rank(scores, guesses=number)
            found[tuple(made[tied].tolist())] += 1
        kind = next(iter(found))
        assert set(found) == set(itertools.permutations(kind)), "of equal scores the place tells which are guessed"
        assert len(set(found.values())) == 1, "of equal scores some are guessed more often than others"
    seeds = list[object]()
    with replaced(np.random, "default_rng", lambda seed, real=np.random.default_rng: seeds.append(seed) or real(seed)):
        onerun.guess_by_rank([1.0, 1.0])
        onerun.guess_by_rank([1.0, 1.0], seed=5)
    assert seeds == [None, 5], "the order of equal scores is always the same"


def only_who_planned_is_free() -> None:
    coins = np.arange(60) % 2
    for claim in (PURE, Bound.approx(1, "1e-5", neighbours="add_remove"), Bound.gdp(1, neighbours="add_remove")):
        for planned in (None, 60):
            found = onerun.one_run(coins, coins, claim=claim, planned=planned)
            assert found.planned is (planned is not None), "a plan is assumed, or forgotten"
    for planned in (59, 61):
        try:
            onerun.one_run(coins, coins, claim=PURE, planned=planned)
        except InvalidInput:
            continue
        raise AssertionError("another number of guesses than planned is taken for planned")


def prove() -> None:
    ranks_are_guessed_from_both_ends()
    equal_scores_are_ranked_at_random()
    only_who_planned_is_free()
    every_mechanism_keeps_the_lemma()
    no_mechanism_with_planned_guesses_beats_the_tail()
    that_delta_is_right()
    the_tail_is_attained()
    no_law_beats_the_tail()
    the_worst_place_to_leak_is_the_threshold()
    large_counts_round_upwards()
    bounds_are_roots()
    verdicts_refute_true_claims_rarely()


def mutants() -> dict[str, object]:
    tail, bound = "privlib.audit.onerun_bounds.approx_tail", "privlib.audit.onerun_bounds.one_run_approx_bound"
    run, limit, rank = (f"privlib.audit.onerun.{name}" for name in ("one_run", "OneRun._limit", "guess_by_rank"))
    whole = "(tail + (1 - tail) * leaked)"
    return {
        "delta is ignored": rewritten(tail, whole, "tail"),
        "delta counts once for all canaries": rewritten(tail, "canaries * delta", "delta"),
        "delta counts for guesses only": rewritten(tail, "canaries * delta", "guesses * delta"),
        "delta is halved": rewritten(tail, "canaries * delta", "canaries * delta / 2"),
        "delta counts twice, as published": rewritten(tail, "canaries * delta", "canaries * delta * 2"),
        "the leak is not less for a larger tail": rewritten(tail, whole, "(tail + leaked)"),
        "one wrong guess more": rewritten(tail, "guesses - correct, correct - 1", "guesses - correct + 1, correct - 1"),
        "one right guess too many": rewritten(tail, "guesses - correct + 1, correct,", "guesses - correct + 2, correct,"),
        "the tail is rounded down": rewritten(tail, "(1 + _SPARE)", "(1 - _SPARE)"),
        "the error is spent twice": rewritten(bound, "middle, delta) <= error", "middle, delta) <= 2 * error"),
        "half the error is thrown away": rewritten(bound, "middle, delta) <= error", "middle, delta) <= error / 2"),
        "the bound is not refuted": rewritten(bound, "return low", "return high + 1e-6"),
        "an unplanned number of guesses is free": rewritten(limit, "if self.planned else 2", "if self.planned else 1"),
        "approximate claims are judged as pure": rewritten(limit, "is Kind.PURE", "is not Kind.GDP"),
        "abstentions are guesses": rewritten(run, "np.count_nonzero(made != _ABSTAIN)", "made.size"),
        "abstentions are right": rewritten(run, "np.count_nonzero(made == coins)", "np.count_nonzero(made * coins != made - 1)"),
        "few guesses are an acquittal": rewritten(
            "privlib.audit.onerun.OneRun.verdict", "self._limit(self.guesses) > self.claimed", "True"
        ),
        "a plan is always assumed": rewritten(run, "planned=planned is not None", "planned=True"),
        "a plan is always forgotten": rewritten(run, "planned=planned is not None", "planned=False"),
        "a plan is not compared with the guesses": rewritten(run, "most=made.size) != number", "most=made.size) < 0"),
        "equal scores are ranked by their place": rewritten(
            rank, "np.lexsort((np.random.default_rng(seed).permutation(size), ranked))", "np.argsort(ranked, kind='stable')"
        ),
        "equal scores have the same order in each audit": rewritten(rank, "default_rng(seed)", "default_rng(seed or 0)"),
        "low scores are guessed to be in": rewritten(rank, "order[: number // 2]] = 0", "order[: number // 2]] = 1"),
        "the top is one guess short": rewritten(rank, "(number + 1) // 2", "number // 2"),
    }  # fmt: skip
