"""Known answers for tests/vectors/accounting: golden-section minima, error functions and plain sums, by mpmath.

Shares no code with privlib. Run ``python tests/vectors/generate/accounting.py`` to write the files again.
"""

import json
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import mpmath
from mpmath import mpf

FOLDER = Path(__file__).parents[1] / "accounting"
DIGITS = 60
SHOWN = 30
mpmath.mp.dps = DIGITS


def number(text: str) -> mpf:
    value = Fraction(text)
    return mpf(value.numerator) / value.denominator


def shown(value: mpf) -> str:
    return mpmath.nstr(value, SHOWN, min_fixed=-9, max_fixed=9, strip_zeros=False)


def least(function: Callable[[mpf], mpf], low: mpf, high: mpf) -> mpf:
    """The minimum of a function with one valley, by golden section."""
    ratio = (mpmath.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(180):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return min(at_left, at_right)


def zcdp_epsilon(rho: mpf, delta: mpf) -> mpf:
    def epsilon(log_beta: mpf) -> mpf:
        beta = mpmath.exp(log_beta)
        alpha = 1 + beta
        return alpha * rho + (mpmath.log(1 / (alpha * delta)) + beta * mpmath.log(beta / alpha)) / beta

    return max(mpf(0), least(epsilon, mpf(-40), mpf(40)))


def zcdp_delta(rho: mpf, epsilon: mpf) -> mpf:
    def log_delta(log_beta: mpf) -> mpf:
        beta = mpmath.exp(log_beta)
        alpha = 1 + beta
        return beta * (alpha * rho - epsilon) + alpha * mpmath.log(beta / alpha) - mpmath.log(beta)

    return mpmath.exp(least(log_delta, mpf(-40), mpf(40)))


def gdp_delta(mu2: mpf, epsilon: mpf) -> mpf:
    mu = mpmath.sqrt(mu2)
    tail = lambda x: mpmath.erfc(x / mpmath.sqrt(2)) / 2  # noqa: E731
    return tail(epsilon / mu - mu / 2) - mpmath.exp(epsilon) * tail(epsilon / mu + mu / 2)


def pure_delta(odds: mpf, epsilon: mpf) -> mpf:
    return max(mpf(0), (odds - mpmath.exp(epsilon)) / (1 + odds))


def falling_root(function: Callable[[mpf], mpf], target: mpf, high: mpf) -> mpf:
    """Where a falling function reaches a target, by bisection."""
    low = mpf(0)
    if function(low) <= target:
        return low
    while function(high) > target:
        high *= 2
    for _ in range(190):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > target else (low, middle)
    return high


def masses(sigma2: mpf) -> dict[int, mpf]:
    """The discrete Gaussian, as far as it counts."""
    far = int(mpmath.sqrt(2 * sigma2 * DIGITS * 2.4)) + 2
    g = {x: mpmath.exp(-mpf(x * x) / (2 * sigma2)) for x in range(-far, far + 1)}
    total = sum(g.values())
    return {x: value / total for x, value in g.items()}


def composed(sigma2: mpf, k: int) -> dict[int, mpf]:
    """The law of the sum of k noises: by convolution, or for wide noise by the one law that it equals to 1e-35."""
    if sigma2 >= 9 and k > 1:
        return masses(k * sigma2)
    law = {0: mpf(1)}
    one = masses(sigma2)
    for _ in range(k):
        after: dict[int, mpf] = {}
        for x, p in law.items():
            for y, q in one.items():
                after[x + y] = after.get(x + y, mpf(0)) + p * q
        law = after
    return law


def hockey_stick(law: dict[int, mpf], shift: int, epsilon: mpf) -> mpf:
    """Straight from the definition: the positive parts of ``P[S = s] - exp(epsilon) P[S + shift = s]`` and its mirror."""
    factor = mpmath.exp(epsilon)
    return sum((max(mpf(0), p - factor * law.get(s + shift, mpf(0))) for s, p in law.items()), mpf(0))


def conversion() -> list[dict[str, object]]:
    cases: list[dict[str, object]] = []
    for rho, delta in (
        ("1/2", "1e-6"),
        ("1/10", "1e-5"),
        ("263/100", "1e-10"),
        ("1e-9", "1e-12"),
        ("40", "1e-30"),
        ("3", "9/10"),
    ):
        value = zcdp_epsilon(number(rho), number(delta))
        cases.append(case(f"zcdp-{rho}-{delta}", {"bound": {"kind": "zcdp", "rho": rho}, "delta": delta}, shown(value)))
    for mu2, delta in (("1", "1e-6"), ("1/100", "1e-5"), ("100", "1e-10"), ("1e-8", "1e-9"), ("9", "1/2"), ("10000", "1e-12")):
        value = falling_root(partial(gdp_delta, number(mu2)), number(delta), mpf(1))
        cases.append(case(f"gdp-{mu2}-{delta}", {"bound": {"kind": "gdp", "mu2": mu2}, "delta": delta}, shown(value)))
    for epsilon, odds, delta in (("1", "1", "1e-6"), ("1/10", "3", "1/1000"), ("0", "7/2", "1/4"), ("12", "1", "1/3")):
        total = mpmath.exp(number(epsilon)) * number(odds)
        value = max(mpf(0), mpmath.log(total - number(delta) * (1 + total)))
        fields = {"kind": "pure", "epsilon": epsilon, "odds": odds}
        cases.append(case(f"pure-{epsilon}-{odds}-{delta}", {"bound": fields, "delta": delta}, shown(value)))
    approx = {"kind": "approx", "epsilon": "1", "delta": "1e-6"}
    cases.append(case("approx-same-delta", {"bound": approx, "delta": "1e-6"}, "1"))
    left = (number("1e-3") - number("1e-6")) / (1 - number("1e-6"))
    value = mpmath.log(mpmath.e - left * (1 + mpmath.e))
    cases.append(case("approx-more-delta", {"bound": approx, "delta": "1e-3"}, shown(value)))
    zcdp = {"kind": "zcdp", "rho": "1/2"}
    for wrong in ("0", "1", "-1e-6", "2", "nan", "1/0", ""):
        cases.append(case(f"delta-{wrong}", {"bound": zcdp, "delta": wrong}, None))
    cases.append(case("below-its-delta", {"bound": approx, "delta": "1e-7"}, None))
    for kind in ("gdp", "pure"):
        field = {"gdp": "mu2", "pure": "epsilon"}[kind]
        cases.append(case(f"delta-zero-{kind}", {"bound": {"kind": kind, field: "1"}, "delta": "0"}, None))
    return cases


def deltas() -> list[dict[str, object]]:
    cases: list[dict[str, object]] = []
    for rho, epsilon in (("1/2", "1"), ("1/10", "2"), ("3", "0"), ("1/100", "3")):
        value = zcdp_delta(number(rho), number(epsilon))
        cases.append(case(f"zcdp-{rho}-{epsilon}", {"bound": {"kind": "zcdp", "rho": rho}, "epsilon": epsilon}, shown(value)))
    for mu2, epsilon in (("1", "1"), ("1/4", "0"), ("16", "3"), ("1/100", "1")):
        value = gdp_delta(number(mu2), number(epsilon))
        cases.append(case(f"gdp-{mu2}-{epsilon}", {"bound": {"kind": "gdp", "mu2": mu2}, "epsilon": epsilon}, shown(value)))
    for odds, epsilon in (("3", "1/2"), ("3", "2"), ("1", "0")):
        value = pure_delta(number(odds), number(epsilon))
        cases.append(case(f"pure-{odds}-{epsilon}", {"bound": {"kind": "pure", "odds": odds}, "epsilon": epsilon}, shown(value)))
    for wrong in ("-1", "inf", "-1/1000", "1/0", "x", ""):
        cases.append(case(f"epsilon-{wrong}", {"bound": {"kind": "zcdp", "rho": "1/2"}, "epsilon": wrong}, None))
    return cases


def discrete_gaussian_deltas() -> list[dict[str, object]]:
    cases: list[dict[str, object]] = []
    for sigma2, epsilon, shift, k in (
        ("1", "1", 1, 1),
        ("100", "1/2", 1, 1),
        ("1/4", "3", 1, 1),
        ("1/50", "2", 1, 1),
        ("7/3", "1/10", 4, 1),
        ("200", "0", 3, 1),
        ("5000", "1/10", 7, 1),
        ("4", "2", 1, 3),
        ("4", "1", 2, 2),
        ("9", "30", 1, 200),
        ("100", "5", 1, 300),
    ):
        law = composed(number(sigma2), k)
        value = hockey_stick(law, k * shift, number(epsilon))
        given = {"sigma2": sigma2, "epsilon": epsilon, "sensitivity": shift, "k": k}
        cases.append(case(f"{sigma2}-{epsilon}-{shift}-{k}", given, shown(value)))
    good = {"sigma2": "1", "epsilon": "1", "sensitivity": 1, "k": 1}
    for wrong in (
        {"sigma2": "0"},
        {"sigma2": "-1"},
        {"sigma2": "6/25", "k": 2},
        {"epsilon": "-1/2"},
        {"sensitivity": 0},
        {"sensitivity": 1.5},
        {"sensitivity": [1, 1]},
        {"k": 0},
        {"k": True},
        {"sigma2": "nan"},
    ):
        cases.append(case("-".join(f"{name}={value}" for name, value in wrong.items()), {**good, **wrong}, None))
    return cases


def discrete_gaussian_epsilons() -> list[dict[str, object]]:
    cases: list[dict[str, object]] = []
    for sigma2, delta, shift, k in (
        ("9", "1e-6", 1, 1000),
        ("100", "1e-6", 1, 1000),
        ("10000", "1e-6", 1, 1000),
        ("100", "1e-6", 1, 1),
        ("1", "1e-3", 2, 1),
        ("16", "1/100", 3, 5),
    ):
        variance = number(sigma2) * k if number(sigma2) >= 9 else None
        far = composed(number(sigma2), k) if variance is None or variance < 2000 else None
        function = (lambda e, law=far, d=k * shift: hockey_stick(law, d, e)) if far else wide(number(sigma2), shift, k)
        value = falling_root(function, number(delta), mpf(1))
        given = {"sigma2": sigma2, "delta": delta, "sensitivity": shift, "k": k}
        cases.append(case(f"{sigma2}-{delta}-{shift}-{k}", given, shown(value)))
    for wrong in ({"delta": "0"}, {"delta": "1"}, {"delta": "-1"}, {"sigma2": "1/5"}, {"k": -3}, {"sensitivity": "1"}):
        given = {"sigma2": "9", "delta": "1e-6", "sensitivity": 1, "k": 10, **wrong}
        cases.append(case("-".join(f"{name}={value}" for name, value in wrong.items()), given, None))
    return cases


def wide(sigma2: mpf, shift: int, k: int) -> Callable[[mpf], mpf]:
    """The delta of wide noise by the integral that the sum of its bell equals, corrected as Euler and Maclaurin say."""
    variance = sigma2 * k
    root = mpmath.sqrt(2 * mpmath.pi * variance)

    def tail(a: int) -> mpf:
        g = lambda x: mpmath.exp(-x * x / (2 * variance))  # noqa: E731
        corrections = sum(
            (mpmath.bernoulli(2 * j) / mpmath.factorial(2 * j) * derivative(a, 2 * j - 1, variance) for j in range(1, 12)), mpf(0)
        )
        return (root * mpmath.erfc(a / mpmath.sqrt(2 * variance)) / 2 + g(mpf(a)) * (mpf(1) / 2 + corrections)) / root

    def derivative(a: int, n: int, v: mpf) -> mpf:
        """Minus the n-th derivative of the bell over the bell, n odd: a Hermite polynomial."""
        before, now = mpf(1), mpf(a) / v
        for i in range(1, n):
            before, now = now, mpf(a) / v * now - i / v * before
        return now

    def delta(epsilon: mpf) -> mpf:
        a = int(mpmath.floor((2 * sigma2 * epsilon - k * shift * shift) / (2 * shift))) + 1
        near = tail(a) if a >= 0 else 1 - tail(1 - a)
        return near - mpmath.exp(epsilon) * tail(a + k * shift)

    return delta


def case(name: str, given: dict[str, object], expected: str | None) -> dict[str, object]:
    outcome = {"result": "invalid"} if expected is None else {"result": "valid", "expected": expected}
    return {"id": name, "comment": "", "input": given, **outcome}


def write(topic: str, source: str, cases: list[dict[str, object]]) -> None:
    record = {
        "topic": topic,
        "generator": "tests/vectors/generate/accounting.py",
        "source": source,
        "groups": [{"parameters": {}, "cases": cases}],
    }
    (FOLDER / f"{topic}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write("convert", "golden-section minimum over alpha, and bisection, at 60 digits", conversion())
    write("delta_at", "the formulas at 60 digits", deltas())
    write("discrete_gaussian_delta", "the positive parts summed over outcomes, at 60 digits", discrete_gaussian_deltas())
    write("discrete_gaussian_epsilon", "bisection of the same, or of its integral with corrections", discrete_gaussian_epsilons())
