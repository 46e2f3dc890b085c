"""Assertions about privacy: audits that a test suite runs, with what repeats them in the message."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from privlib.bounds import Bound, Real, checked_bound, exact_share
from privlib.errors import InvalidInput, extra

if TYPE_CHECKING:
    from privlib.audit import Audit, Pair

__all__ = ["assert_dp", "assert_not_dp", "pairs"]


def assert_dp(
    mechanism: Callable[..., Any],
    claim: Bound,
    pairs: Pair | Sequence[Pair] | None = None,
    *,
    trials: int = 100_000,
    alpha: Real = "0.001",
    batch: bool = False,
    **options: Any,
) -> Audit:
    """Assert that an audit finds no violation of a privacy claim.

    It is no proof: it fails when a bug is found, and passes when none is found. A mechanism that keeps its claim fails it
    with probability at most alpha, so a test that fails is not to be run again until it passes.

    Parameters
    ----------
    mechanism : callable
        ``f(dataset) -> output`` or, with ``batch=True``, ``f(dataset, n) -> n independent outputs``. It draws its own
        randomness.
    claim : Bound
        What the mechanism says of itself.
    pairs : Pair or sequence of Pair
        Data sets that are neighbours. Of several, a pilot chooses one, which is then audited on fresh trials.
    trials : int
        Runs over both data sets.
    alpha : rational
        The probability of failing for a mechanism that keeps its claim; below 1/2.
    batch : bool
        Whether the mechanism takes ``n``.
    **options
        Further arguments of `privlib.audit.run`, such as ``llr``, ``observe`` or ``anytime``.

    Returns
    -------
    Audit
        What was found, for further assertions.

    Raises
    ------
    AssertionError
        When the claim is refuted, or when so few guesses were made that nothing could have refuted it. The message ends in
        a line that runs the audit again.
    MechanismFailed
        When the mechanism raised in every trial.

    Examples
    --------
    >>> import secrets
    >>> from privlib import Bound
    >>> from privlib.audit import Pair
    >>> def randomised_response(bit):  # tells the truth with probability 3/4, so epsilon is log 3
    ...     return bit if secrets.randbelow(4) else 1 - bit
    >>> found = assert_dp(
    ...     randomised_response,
    ...     Bound.pure(odds=3, neighbours="record"),
    ...     Pair(0, 1, "record", "one bit"),
    ...     trials=4000,
    ...     alpha="1e-9",
    ... )
    >>> str(found.verdict)
    'no violation found'
    """
    found = audited(mechanism, claim, pairs, trials=trials, alpha=alpha, batch=batch, **options)
    if found.verdict != "no violation found":
        raise AssertionError(_report(found))
    return found


def assert_not_dp(
    mechanism: Callable[..., Any],
    claim: Bound,
    pairs: Pair | Sequence[Pair] | None = None,
    *,
    trials: int = 100_000,
    alpha: Real = "0.001",
    batch: bool = False,
    **options: Any,
) -> Audit:
    """Assert that an audit refutes a privacy claim: for tests of known bugs, and of audits themselves.

    Parameters
    ----------
    mechanism, claim, pairs, trials, alpha, batch, **options
        As for `assert_dp`.

    Returns
    -------
    Audit
        What was found.

    Raises
    ------
    AssertionError
        When no violation was found.

    Examples
    --------
    >>> from privlib import Bound
    >>> from privlib.audit import Pair
    >>> claim = Bound.pure(1, neighbours="record")
    >>> found = assert_not_dp(lambda bit: bit, claim, Pair(0, 1, "record", "one bit"), trials=2000)
    >>> found.certified > 4
    True
    """
    found = audited(mechanism, claim, pairs, trials=trials, alpha=alpha, batch=batch, **options)
    if found.verdict != "violation":
        raise AssertionError(_report(found))
    return found


def audited(
    mechanism: Callable[..., Any],
    claim: Bound,
    pairs: Pair | Sequence[Pair] | None,
    *,
    trials: int = 100_000,
    alpha: Real = "0.001",
    **options: Any,
) -> Audit:
    """Audit a mechanism, named after its function and with the command that runs the present test again."""
    from privlib.audit import Pair, run

    if not callable(mechanism):
        raise InvalidInput(f"the mechanism must be callable, not {type(mechanism).__name__}")
    if not pairs:
        raise InvalidInput("give pairs: a privlib.audit.Pair of data sets that are neighbours, or several to choose from")
    confidence = 1 - exact_share(alpha, name="alpha")
    chosen: dict[str, Any] = {"pair": pairs} if isinstance(pairs, Pair) else {"pairs": tuple(pairs)}
    given: dict[str, Any] = {"title": _title(mechanism), "reproduce": _again(), **chosen, **options}
    return run(mechanism, claim=checked_bound(claim, name="claim"), trials=trials, confidence=confidence, **given)


def _report(found: Audit) -> str:
    return f"{found.sentence()}\n\n{found.summary()}"


def _title(mechanism: Callable[..., Any]) -> str:
    return str(getattr(mechanism, "__qualname__", type(mechanism).__name__))


def _again() -> str:
    """The command that runs the present test again, where pytest runs one."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
    return f"pytest {shlex.quote(test)}" if test else ""


def pairs(cases: Mapping[str, tuple[Any, Any]] | Iterable[Pair], *, neighbours: str | None = None) -> list[Any]:
    """Give pairs of data sets to ``pytest.mark.parametrize``, each with its description as the test's name.

    Parameters
    ----------
    cases : mapping or iterable of Pair
        From descriptions to two data sets each, or pairs that describe themselves.
    neighbours : str, optional
        The relation of all of them; required for a mapping, and only for it.

    Returns
    -------
    list of pytest parameters
        The value of each is a `privlib.audit.Pair`.

    Raises
    ------
    InvalidInput
        For a mapping without ``neighbours``, or the other way round.

    Examples
    --------
    >>> cases = pairs({"nobody and one": ([], [1]), "one more zero": ([0], [0, 0])}, neighbours="add_remove")
    >>> [case.id for case in cases]
    ['nobody and one', 'one more zero']

    ``@pytest.mark.parametrize("pair", cases)`` then calls a test with each, and ``pytest -k "one more zero"`` with one.
    """
    from privlib.audit import Pair

    pytest = extra("pytest", name="dev", purpose="a list of test parameters")
    if isinstance(cases, Mapping) != (neighbours is not None):
        raise InvalidInput("give neighbours with a mapping of data sets, and only then: a Pair has its own")
    if isinstance(cases, Mapping):
        cases = [Pair(first, second, str(neighbours), words) for words, (first, second) in cases.items()]  # type: ignore[arg-type]
    return [pytest.param(pair, id=pair.description) for pair in cases]
