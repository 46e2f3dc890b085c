"""Attacks on membership: what they score, how that is measured, what is refused, and the worked audits in small."""

import importlib.util
import itertools
import json
import math
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from privlib.audit import Verdict, run
from privlib.audit.binomial import interval, lower_limit, upper_limit
from privlib.audit.membership import (
    Membership,
    Shadows,
    confidence_logit,
    leave_one_out,
    lira,
    most_tpr,
    one_run_of,
    quantile_attack,
    quantile_regression,
    rmia,
    secret_members,
    shadow_runs,
    tpr_at_fpr,
)
from privlib.audit.membership.rates import rate_at
from privlib.bounds import Bound
from privlib.errors import InvalidInput, TamperedRelease
from privlib.noise.testing import fixed_key

ROOT = Path(__file__).parents[2]
ONE = Bound.pure(1, neighbours="add_remove")


def worked(name: str) -> ModuleType:
    """A script of audits/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"audits.{name}", ROOT / "audits" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def gaussian_shadows(runs: int, examples: int, seed: int = 0, gap: float = 1.0) -> Shadows:
    """Scores that are normal, one higher on average where the example was in the training."""
    members = shadow_runs(lambda included: included * 1.0, examples, runs=runs, seed=seed).members
    return Shadows(np.random.default_rng(seed).normal(size=members.shape) + gap * members, members)


# the attacks


def test_lira_is_the_log_likelihood_ratio_of_two_fitted_normals() -> None:
    shadows, target = gaussian_shadows(40, 30), np.random.default_rng(1).normal(size=30)
    for example, score in enumerate(lira(target, shadows, spread="example")):
        sides = [shadows.scores[shadows.members[:, example] == inside, example] for inside in (True, False)]
        inside, outside = (norm(side.mean(), side.std(ddof=1)).logpdf(target[example]) for side in sides)
        assert score == pytest.approx(inside - outside, rel=1e-9, abs=1e-9)


def test_lira_comes_near_the_closed_form_of_gaussian_scores() -> None:
    """N(1, 1) against N(0, 1) has log-likelihood ratio x - 1/2; 4000 shadows know it to a few per cent."""
    target = np.array([-1.0, 0.0, 0.5, 2.0])
    found = lira(target, gaussian_shadows(4000, 4))
    assert np.abs(found - (target - 0.5)).max() < 0.25


def test_few_shadows_share_one_spread_on_each_side() -> None:
    shadows, target = gaussian_shadows(8, 50), np.zeros(50)
    pooled, auto = lira(target, shadows, spread="pooled"), lira(target, shadows)
    assert (pooled == auto).all()
    assert not np.allclose(pooled, lira(target, shadows, spread="example"))
    members = shadows.members
    inside, outside = (np.where(each, shadows.scores, 0).sum(axis=0) / 4 for each in (members, ~members))
    within = np.where(members, (shadows.scores - inside) ** 2, 0).sum() / (50 * 3)
    without = np.where(~members, (shadows.scores - outside) ** 2, 0).sum() / (50 * 3)
    closed = norm.logpdf(0, inside, math.sqrt(within)) - norm.logpdf(0, outside, math.sqrt(without))
    assert pooled == pytest.approx(closed)


def test_offline_lira_uses_no_model_trained_on_the_example() -> None:
    shadows, target = gaussian_shadows(20, 10), np.full(10, 0.7)
    spoilt = Shadows(np.where(shadows.members, 99.0, shadows.scores), shadows.members)
    assert (lira(target, spoilt, online=False) == lira(target, shadows, online=False)).all()
    outside = shadows.scores[~shadows.members[:, 3], 3]
    score = lira(target, shadows, online=False, spread="example")[3]
    assert score == pytest.approx((0.7 - outside.mean()) / outside.std(ddof=1))


def test_a_score_that_never_moves_still_has_a_likelihood() -> None:
    members = np.array([[True], [True], [False], [False]])
    shadows = Shadows(np.where(members, 1.0, 0.0), members)
    assert lira(np.array([1.0]), shadows)[0] > 1e9
    assert np.isfinite(lira(np.array([0.3]), shadows)).all()


def naive_rmia(target: np.ndarray, shadows: Shadows, points: np.ndarray, gamma: float) -> list[float]:
    """As the paper writes it, example by example and point by point."""
    p, shadow = 1 / (1 + np.exp(-target)), 1 / (1 + np.exp(-shadows.scores))
    ratios = []
    for column in range(target.size):
        used = shadows.members[:, column]
        without = shadow[~used, column].mean()
        ratios.append(p[column] / ((shadow[used, column].mean() + without) / 2 if used.any() else without))
    return [float(np.mean([ratio / ratios[z] >= gamma for z in np.flatnonzero(points)])) for ratio in ratios]


@pytest.mark.parametrize("gamma", [1, 2])
def test_rmia_is_the_share_of_the_population_that_is_beaten(gamma: int) -> None:
    generator = np.random.default_rng(3)
    shadows = shadow_runs(lambda included: generator.normal(size=30) + included, 30, runs=6, population=10)
    target, points = generator.normal(size=30), np.arange(30) >= 20
    assert rmia(target, shadows, points, gamma=gamma).tolist() == naive_rmia(target, shadows, points, gamma)


def test_offline_rmia_guesses_the_models_with_the_example_from_those_without() -> None:
    shadows = Shadows(np.array([[0.0, 1.0], [3.0, -1.0]]), np.array([[False, False], [True, False]]))
    points = np.array([False, True])
    p = 1 / (1 + np.exp([-0.4, -0.2]))
    outside = [1 / 2, (1 / (1 + math.exp(-1)) + 1 / (1 + math.exp(1))) / 2]
    ratios = [p[i] / ((1.3 * outside[i] + 0.7) / 2) for i in (0, 1)]
    assert rmia(np.array([0.4, 0.2]), shadows, points, offline="0.3")[0] == float(ratios[0] >= ratios[1])
    for share in (0, 1):
        assert np.isfinite(rmia(np.array([0.4, 0.2]), shadows, points, offline=share)).all()


def pinball(line: np.ndarray, features: np.ndarray, scores: np.ndarray, level: float) -> float:
    rest = scores - np.column_stack([np.ones(len(scores)), features]) @ line
    return float(np.maximum(level * rest, (level - 1) * rest).sum())


@pytest.mark.parametrize("level", ["0.1", "0.5", "0.9", "0.99"])
def test_no_other_line_has_a_smaller_pinball_loss(level: str) -> None:
    generator = np.random.default_rng(4)
    features = generator.normal(size=(200, 2)) * [1, 1000]
    scores = features @ [2, 0.003] + generator.normal(size=200)
    line = quantile_regression(features, scores, quantile=level)
    best = pinball(line, features, scores, float(level))
    for move in itertools.product((-1e-3, 0, 1e-3), (-1e-3, 0, 1e-3), (-1e-6, 0, 1e-6)):
        assert pinball(line + move, features, scores, float(level)) >= best - 1e-9
    below = np.mean(scores < np.column_stack([np.ones(200), features]) @ line)
    assert abs(below - float(level)) <= 3 / 200


def test_a_linear_program_that_fails_is_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scipy.optimize.linprog", lambda *_, **__: SimpleNamespace(status=4))
    with pytest.raises(InvalidInput, match="scale the features"):
        quantile_regression(np.arange(4.0)[:, None], np.arange(4.0), quantile="0.5")


def test_the_quantile_attack_judges_hard_and_easy_examples_by_their_own() -> None:
    """A member whose score is ordinary overall and high for its kind is seen by this attack and not by the bare score."""
    generator = np.random.default_rng(5)
    kind = generator.integers(0, 2, 3000).astype(float)
    members, known = np.arange(3000) < 1000, np.arange(3000) >= 2000
    scores = 10 * kind + generator.normal(size=3000) + 3 * members
    attack = quantile_attack(scores, kind[:, None], known)
    tested = ~known
    found, bare = (rate_at("0.01", each[tested], members[tested], confidence="0.95") for each in (attack, scores))
    assert found.tpr > 0.5
    assert bare.tpr < 0.4


def test_the_confidence_logit_is_that_of_the_softmax_and_never_overflows() -> None:
    logits, labels = np.random.default_rng(6).normal(size=(20, 3)), np.arange(20) % 3
    p = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))[np.arange(20), labels]
    assert confidence_logit(logits, labels) == pytest.approx(np.log(p / (1 - p)))
    assert confidence_logit(np.array([[1e4, -1e4]]), np.array([1]))[0] == -2e4


# the measure


@pytest.mark.parametrize(("right", "total"), [(0, 10), (3, 10), (10, 10), (250, 1000), (1, 10**6)])
@pytest.mark.parametrize("confidence", ["0.9", "0.95", "0.999"])
def test_the_interval_is_the_clopper_pearson_interval(right: int, total: int, confidence: str) -> None:
    limits = binomtest(right, total).proportion_ci(float(confidence), "exact")
    assert interval(right, total, confidence=confidence) == pytest.approx((limits.low, limits.high), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("few", "total"), [(0, 10), (14, 747_159_636), (9, 715_429_795), (1, 10**6), (300, 1000)])
@pytest.mark.parametrize("error", [Fraction(2, 5), Fraction(1, 20), Fraction(1, 10**12)])
def test_a_limit_is_never_nearer_than_its_tail_allows(few: int, total: int, error: Fraction) -> None:
    """Checked with balls: where few of very many succeed, the root finder alone is off by up to 1e-7, on either side."""
    ctx.prec = 200
    high, low = upper_limit(few, total, 1 - error), lower_limit(few, total, 1 - error)
    tail = (1 - arb(high)).beta_lower(total - few, few + 1, regularized=True)
    assert float(error) * (1 - 1e-5) <= float(tail.mid())
    assert tail <= float(error)
    assert (low == 0) == (few == 0)
    if few:
        tail = arb(low).beta_lower(few, total - few + 1, regularized=True)
        assert float(error) * (1 - 1e-5) <= float(tail.mid())
        assert tail <= float(error)


@given(st.lists(st.integers(-3, 3), min_size=40, max_size=40), st.integers(1, 9))
def test_the_threshold_lets_exactly_the_allowed_non_members_pass(values: list[int], allowed: int) -> None:
    scores, members = np.array(values, dtype=float), np.arange(40) >= 20
    rate = rate_at(Fraction(allowed, 20), scores, members, confidence="0.95")
    assert rate.false_positives == allowed
    outside, inside = scores[:20], scores[20:]
    assert np.count_nonzero(outside > rate.threshold) <= allowed <= np.count_nonzero(outside >= rate.threshold)
    assert np.count_nonzero(inside > rate.threshold) <= rate.true_positives <= np.count_nonzero(inside >= rate.threshold)


def test_members_like_non_members_beat_chance_no_more_often_than_stated() -> None:
    """Exact: for scores of one law every order of members and non-members is equally likely, and all orders are tried."""
    beaten = missed = total = 0
    for places in itertools.combinations(range(14), 5):
        members = np.isin(np.arange(14), places)
        rate = rate_at("0.34", np.arange(14.0), members, confidence="0.8")
        total, beaten = total + 1, beaten + rate.beats_chance()
        missed += rate.interval[0] > Fraction(1, 2)
    assert total == math.comb(14, 5)
    assert 0 < beaten / total <= 0.2
    assert missed > 0


def test_an_attack_on_noise_is_not_said_to_find_members() -> None:
    generator = np.random.default_rng(7)  # fixed, so it cannot flake
    found = [tpr_at_fpr(generator.normal(size=4000), np.arange(4000) < 2000) for _ in range(200)]
    claims = sum("finds members" in each.sentence() for each in found)
    assert claims <= 0.05 * 200
    assert "not shown to beat chance" in found[0].sentence()
    fitted = lira(generator.normal(size=600), gaussian_shadows(16, 600, gap=0.0))
    assert not tpr_at_fpr(fitted, np.arange(600) < 300).beaten


def test_looking_at_many_rates_does_not_raise_the_chance_of_a_false_finding() -> None:
    """A worthless attack at confidence 0.51: of 400, more than 256 are said to find members with probability below 1e-9."""
    generator, members = np.random.default_rng(12), np.arange(1040) < 40
    rates = [f"{1 / (1 + math.exp(-place)):.4f}" for place in np.linspace(-5, 4, 24)]
    attacks = (generator.normal(size=1040) for _ in range(400))
    found = [tpr_at_fpr(scores, members, fpr=rates, confidence="0.51") for scores in attacks]
    assert sum("finds members" in each.sentence() for each in found) <= 256
    assert sum(any(rate.beats_chance() for rate in each.rates) for each in found) > 256, "each rate by itself does not show it"


def test_the_finding_is_valid_over_all_rates_by_enumeration() -> None:
    """Exact: every order of members and non-members is equally likely, and all orders are tried."""
    findings = 0
    for places in itertools.combinations(range(14), 5):
        members = np.isin(np.arange(14), places)
        found = tpr_at_fpr(np.arange(14.0), members, fpr=("0.12", "0.34", "0.56"), confidence="0.55")
        assert len(found.resolved) == 3
        findings += bool(found.beaten)
    assert 0 < findings / math.comb(14, 5) <= 0.45


def test_a_finding_says_over_how_many_rates_it_holds() -> None:
    members = np.arange(4000) < 2000
    found = tpr_at_fpr(np.where(members, 1.0, 0.0), members)
    assert found.sentence().startswith("This attack finds members, with confidence 95 % over all 2 rates looked at.")
    assert "of the finding over all 2 rates looked at together (Bonferroni)" in found.summary()
    alone = tpr_at_fpr(np.where(members, 1.0, 0.0), members, fpr=("0.01",))
    assert "at the one rate looked at" in alone.sentence()
    assert "Bonferroni" not in alone.summary()


def test_equal_scores_are_chance_and_not_a_finding() -> None:
    found = tpr_at_fpr(np.zeros(20_000), np.arange(20_000) < 10_000)
    assert [rate.false_positives for rate in found.rates] == [100, 10, 1]
    assert not any(rate.beats_chance() for rate in found.rates)


def test_a_mechanism_that_publishes_its_members_is_caught() -> None:
    members = secret_members(6000)
    shadows = shadow_runs(lambda included: included * 5.0, 6000, runs=4)
    for scores in (np.where(members, np.inf, -np.inf), lira(members * 5.0, shadows)):
        found = tpr_at_fpr(scores, members)
        assert found.rates[0].tpr == found.rates[1].tpr == 1
        assert "finds members" in found.sentence()
    bounded = one_run_of(members * 1.0, members, guesses=600, claim=ONE)
    assert bounded.verdict is Verdict.VIOLATION
    assert bounded.correct == 600


def test_a_rate_that_the_non_members_cannot_resolve_is_said_to_be_so() -> None:
    found = tpr_at_fpr(np.arange(1998.0), np.arange(1998) >= 999)
    assert [rate.resolvable for rate in found.rates] == [True, False, False]
    assert "not resolvable with 999 non-members, at least 1000 are needed" in found.rates[1].sentence()
    assert math.isnan(found.rates[2].tpr)
    assert found.rates[2].interval == (0, 1)
    few = tpr_at_fpr(np.arange(20.0), np.arange(20) >= 10)
    assert "No rate is resolvable with 10 non-members" in few.sentence()


def test_the_report_says_what_is_not_shown_and_never_gives_an_area() -> None:
    text = tpr_at_fpr(np.arange(400.0), np.arange(400) >= 200, claim=ONE, notes=("invented",)).summary()
    assert "shows that this attack found nobody" in text
    assert "not resolvable" in text
    assert "There the claim allows" in text
    assert "invented" in text
    assert "AUC" not in text


def test_a_result_reads_back_and_an_edited_one_does_not() -> None:
    found = tpr_at_fpr(np.arange(4000.0), np.arange(4000) % 2 == 1, claim=ONE, title="a", attack="b", notes=("c",))
    assert Membership.replay(found.to_json()) == found
    record = json.loads(found.to_json())
    with pytest.raises(TamperedRelease):
        Membership.replay(found.to_json().replace(str(record["rates"][0]["true_positives"]), "1999"))


def sealed_again(found: Membership, change: Callable[[dict[str, Any]], None]) -> str:
    from privlib.certificate import open_sealed, seal

    record = open_sealed(found.to_json())
    change(record)
    return seal(record.pop("kind"), {name: record[name] for name in record if name not in ("format", "privlib")})


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["rates"][0].update(true_positives=5),
        lambda record: record["rates"][0].update(low="0.9"),
        lambda record: record["rates"][0].update(members=True),
        lambda record: record["rates"][0].update(true_positives=10**9),
        lambda record: record["rates"][0].update(threshold="nan"),
        lambda record: record.update(rates=[]),
        lambda record: record.pop("claim"),
    ],
)
def test_a_result_whose_figures_do_not_follow_is_refused_even_with_a_digest(change: Callable[[dict[str, Any]], None]) -> None:
    found = tpr_at_fpr(np.arange(4000.0), np.arange(4000) % 2 == 1)
    with pytest.raises(TamperedRelease):
        Membership.replay(sealed_again(found, change))


def test_what_a_claim_allows_is_its_trade_off_curve() -> None:
    assert most_tpr(ONE, "0.01") == pytest.approx(0.01 * math.e)
    assert most_tpr(ONE, "0.9") == pytest.approx(1 - 0.1 / math.e)
    assert most_tpr(Bound.pure(odds=3, neighbours="add_remove"), "0.1") == pytest.approx(0.3)
    assert most_tpr(Bound.approx(1, "1e-2", neighbours="add_remove"), "0.01") == pytest.approx(0.01 * math.e + 0.01)
    assert most_tpr(Bound.gdp(4, neighbours="add_remove"), "0.05") == pytest.approx(norm.cdf(norm.ppf(0.05) + 2))
    assert most_tpr(Bound.pure(2000, neighbours="add_remove"), "0.01") == 1


# from scores to verdicts


def test_secret_members_are_fair_bits_and_leave_the_population_out() -> None:
    members = secret_members(40_100, population=100)
    assert not members[40_000:].any()
    # 40,000 fair coins are more than 700 heads off with probability 2 exp(-2 * 700**2 / 40,000) = 5e-11 at most
    assert abs(int(members.sum()) - 20_000) <= 700


def test_scores_that_know_nothing_certify_nothing() -> None:
    generator = np.random.default_rng(8)
    found = one_run_of(generator.normal(size=2000), generator.random(2000) < 0.5, guesses=200, claim=ONE)
    assert found.certified == 0
    assert found.planned


def test_a_leave_one_out_pair_can_be_audited(fixed_bits: Callable[[int], None]) -> None:
    """The sum of a column, with noise for one person or for nearly none."""
    pair = leave_one_out(np.array([1, 0, 1, 1]), index=2, description="four people")
    assert pair.neighbours == "add_remove"
    assert [world.tolist() for world in pair.datasets] == [[1, 0, 1], [1, 0, 1, 1]]
    generator = np.random.default_rng(9)
    for scale, verdict in ((1.0, Verdict.NO_VIOLATION_FOUND), (0.2, Verdict.VIOLATION)):
        found = run(
            lambda rows, n, scale=scale: rows.sum() + generator.laplace(0, scale, n).round(3),
            claim=ONE, pair=pair, trials=8000, batch=True, confidence=1 - 1e-9,
        )  # fmt: skip
        assert found.verdict is verdict


def test_leave_one_out_keeps_the_kinds_of_its_columns() -> None:
    pair = leave_one_out((5, 8, 9), [1, 0, 1], np.eye(3), index=0)
    (times, events, table) = pair.first
    assert (times, events, table.shape) == ((8, 9), [0, 1], (2, 3))


# refusals

NAN = np.array([1.0, np.nan, 2.0, 3.0])
HALF = np.array([True, True, False, False])
FOUR = np.arange(4.0)
SHADOWS = gaussian_shadows(4, 4)


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda: tpr_at_fpr(NAN, HALF), "NaN"),
        (lambda: tpr_at_fpr(FOUR, np.ones(4, dtype=bool)), "all 4 examples are members"),
        (lambda: tpr_at_fpr(FOUR, np.zeros(4, dtype=bool)), "all 4 examples are non-members"),
        (lambda: tpr_at_fpr(FOUR, HALF[:3]), "4 booleans"),
        (lambda: tpr_at_fpr(FOUR, np.array([0, 1, 2, 0])), "0 and 1"),
        (lambda: tpr_at_fpr(np.array(["a", "b"]), HALF[1:3]), "array of numbers"),
        (lambda: tpr_at_fpr(FOUR[:, None], HALF), "one-dimensional"),
        (lambda: tpr_at_fpr(FOUR, HALF, fpr=()), "at least one"),
        (lambda: tpr_at_fpr(FOUR, HALF, fpr=(0,)), "strictly between"),
        (lambda: tpr_at_fpr(FOUR, HALF, confidence="0.05"), "0.95 means 95 %"),
        (lambda: tpr_at_fpr(FOUR, HALF, claim=Bound.pure(1, neighbours="replace")), "one record more or fewer"),
        (lambda: tpr_at_fpr(FOUR, HALF, claim=Bound.zcdp(1, neighbours="add_remove")), "pure, approx or gdp"),
        (lambda: lira(NAN, SHADOWS), "NaN"),
        (lambda: lira(FOUR[:3], SHADOWS), "3 scores, the shadows have 4"),
        (lambda: lira(FOUR, SHADOWS, spread="own"), "'auto'"),
        (lambda: lira(FOUR, Shadows(SHADOWS.scores[:2], SHADOWS.members[:2])), "too few shadows"),
        (lambda: Shadows(np.full((4, 4), np.nan), SHADOWS.members), "finite"),
        (lambda: Shadows(FOUR, HALF), "two-dimensional"),
        (lambda: Shadows(np.eye(4), np.eye(4)), "booleans"),
        (lambda: shadow_runs(lambda _: FOUR, 4, runs=5), "even"),
        (lambda: shadow_runs(lambda _: FOUR, 4, runs=2), "runs"),
        (lambda: shadow_runs(lambda _: FOUR[:2], 4, runs=4), "4 scores"),
        (lambda: rmia(FOUR, SHADOWS, HALF), "none that a shadow was trained on"),
        (lambda: rmia(FOUR, SHADOWS, FOUR), "booleans"),
        (lambda: rmia(FOUR, Shadows(np.eye(4), np.zeros((4, 4), dtype=bool)), HALF), "too few shadows"),
        (lambda: rmia(FOUR, Shadows(np.eye(4), np.zeros((4, 4), dtype=bool)), HALF, gamma="0.5"), "gamma"),
        (lambda: quantile_attack(FOUR, FOUR[:, None], HALF), "too few known non-members"),
        (lambda: quantile_attack(FOUR, FOUR, HALF), "shape"),
        (lambda: quantile_attack(FOUR, FOUR[:3, None], HALF), "4 rows"),
        (lambda: quantile_attack(FOUR, FOUR[:, None], HALF, middle="0.9", upper="0.5"), "below upper"),
        (lambda: quantile_regression(FOUR[:, None], np.array([1.0, 2, np.inf, 3]), quantile="0.5"), "finite"),
        (lambda: confidence_logit(FOUR, np.zeros(4, dtype=int)), "classes"),
        (lambda: confidence_logit(np.eye(2), np.array([0, 2])), "from 0 to 1"),
        (lambda: one_run_of(FOUR, HALF, guesses=2, claim=Bound.pure(1, neighbours="replace")), "adds a record"),
        (lambda: one_run_of(NAN, HALF, guesses=2, claim=ONE), "NaN"),
        (lambda: one_run_of(FOUR, HALF, guesses=6, claim=ONE), "guesses"),
        (lambda: leave_one_out(index=0), "columns"),
        (lambda: leave_one_out([1, 2], [1], index=0), "one length"),
        (lambda: leave_one_out([1, 2], index=2), "index"),
    ],
)  # fmt: skip
def test_what_cannot_be_attacked_is_refused_in_words(attempt: Callable[[], object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        attempt()


# the worked audits, in small


@pytest.mark.audit
def test_the_plain_training_gives_its_members_away_and_the_private_one_stays_within_its_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, coins = worked("opacus_membership"), np.random.default_rng(10)
    monkeypatch.setattr(
        module, "secret_members", lambda size, population: (coins.random(size) < 0.5) & (np.arange(size) < size - population)
    )
    with fixed_key(bytes(range(32))):  # coins, noise and first weights are fixed: this cannot flake
        found = module.audit(examples=840, population=240, runs=6, plain_steps=150, private_steps=8)
    (private, bounded), (plain, refuted) = found
    assert [each.attack.split(",")[0] for each in private] == ["LiRA", "RMIA", "quantile regression"]
    assert all(each.claim == bounded.claim for each in private)
    assert bounded.verdict is not Verdict.VIOLATION
    assert refuted.correct > 45, "of 60 guesses, a model that knows its labels by heart"
    assert refuted.certified > bounded.certified
    assert plain[0].claim is None


@pytest.mark.audit
def test_the_attack_on_the_survival_table_finds_what_the_claim_allows_and_no_more(fixed_bits: Callable[[int], None]) -> None:
    with fixed_key(bytes(range(32))):
        found = worked("survival_membership").audit(releases=1500, trials=1500)
    rates = [each.rates[0] for each, _ in found]
    assert [rate.tpr for rate in rates] == sorted(rate.tpr for rate in rates)
    assert rates[-1].beats_chance()
    for (each, audited), rate in zip(found, rates, strict=True):
        assert rate.interval[0] <= most_tpr(each.claim, rate.fpr_limit)
        assert audited.verdict is not Verdict.VIOLATION


@pytest.mark.audit
def test_counting_influential_points_says_the_opposite_of_the_real_attack() -> None:
    module = worked("influential_points")
    assert "diagnostic" in module.__doc__
    with fixed_key(bytes(range(32))):
        low, high = module.audit(people=60, releases=1000, epsilons=("1", "20"))
    assert low.influential > 2 * high.influential, "the count falls as protection weakens"
    assert high.membership.rates[0].interval[0] > low.membership.rates[0].interval[1], "while the attack finds more"
