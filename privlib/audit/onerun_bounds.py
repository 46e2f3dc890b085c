"""What the guesses about one run prove. Read beside proofs/audit/t4_one_run.py and t5_one_run_fdp.py.

One output depends on all coins, so right guesses are not independent and no binomial limit applies by itself. What holds is a
relation between the runs with k + 1 right guesses and those with k: turning one coin over turns a right guess into a wrong one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc, expit, ndtr, ndtri

from privlib.audit.anytime import log_mean_likelihood_ratio
from privlib.audit.bounds import guess_bound

__all__ = ["approx_tail", "gdp_refuted", "one_run_approx_bound", "one_run_gdp_bound"]

_SPARE = 1e-9  # of a probability: far more than its rounding error, far less than anyone reads
_LARGEST_MU, _AT_ONCE, _ROUNDS = 40.0, 64, 4


def one_run_approx_bound(correct: int, guesses: int, canaries: int, error: float, *, delta: float) -> float:
    """Certify an epsilon at a delta from the guesses about one run, their number being fixed beforehand.

    Parameters
    ----------
    correct, guesses, canaries : int
        Right guesses, guesses made and fair coins hidden.
    error : float
        The chance of certifying more than the truth, below 1/2.
    delta : float
        Of the claim, at least 0.

    Returns
    -------
    float
        At least 0. If the mechanism is (epsilon, delta)-private, it exceeds epsilon with probability at most
        ``error``.

    References
    ----------
    Theorem: audit.t4.

    Examples
    --------
    >>> round(one_run_approx_bound(280, 300, 1000, 0.001, delta=1e-5), 3), round(guess_bound(280, 300, 0.999), 3)
    (1.96, 1.964)
    """
    low, high = 0.0, guess_bound(correct, guesses, 1 - error)
    for _ in range(50):
        middle = (low + high) / 2
        refuted = approx_tail(correct, guesses, canaries, middle, delta) <= error
        low, high = (middle, high) if refuted else (low, middle)
    return low


def approx_tail(correct: int, guesses: int, canaries: int, epsilon: float, delta: float) -> float:
    """The largest probability of so many right guesses under an (epsilon, delta) mechanism, rounded up.

    With ``b = P(Bin(r, q) >= v)`` and ``q = e^epsilon / (1 + e^epsilon)`` it is ``b + (1-b) m delta b / (v P(Bin(r, q) = v))``,
    which some mechanism attains unless delta is large.

    Parameters
    ----------
    correct, guesses, canaries : int
        v, r and m.
    epsilon, delta : float
        What the mechanism is supposed to keep.

    Returns
    -------
    float
        At most 1.

    References
    ----------
    Theorem: audit.t4.
    """
    if correct == 0:
        return 1.0
    chance_wrong = float(expit(-epsilon)) * (1 - 1e-15)
    tail = float(betaincc(guesses - correct + 1, correct, chance_wrong))
    ratio = log_mean_likelihood_ratio(guesses - correct, correct - 1, chance_wrong)
    leaked = canaries * delta * math.exp(min(ratio, 700.0))  # beyond that the tail is 1
    return min(1.0, (tail + (1 - tail) * leaked) * (1 + _SPARE))


def one_run_gdp_bound(correct: int, guesses: int, canaries: int, error: float) -> float:
    """Find the largest mu whose Gaussian privacy the guesses about one run refute, their number being fixed beforehand.

    Parameters
    ----------
    correct, guesses, canaries : int
        Right guesses, guesses made and fair coins hidden.
    error : float
        The chance of certifying more than the truth, below 1/2.

    Returns
    -------
    float
        At least 0, to about six digits. If the mechanism is mu-GDP, it exceeds mu with probability at most ``error``.

    References
    ----------
    Theorem: audit.t5.

    Examples
    --------
    >>> round(one_run_gdp_bound(280, 300, 1000, 0.001), 3), round(one_run_gdp_bound(280, 300, 300, 0.001), 3)
    (0.618, 0.678)
    """
    low, width = 0.0, _LARGEST_MU
    for _ in range(_ROUNDS):
        grid = low + width * np.arange(_AT_ONCE + 1) / _AT_ONCE
        refuted = int(np.count_nonzero(gdp_refuted(correct, guesses, canaries, error, grid)))
        if refuted == 0:
            return 0.0
        low, width = float(grid[refuted - 1]), width / _AT_ONCE
    return low


def gdp_refuted(correct: int, guesses: int, canaries: int, error: float, mu: NDArray[np.float64]) -> NDArray[np.bool_]:
    """For each mu, whether so many right guesses have a probability below ``error`` under every mu-GDP mechanism.

    Suppose they had that probability. Then the guesses that are right in runs with at least k right ones have a certain mass, the
    trade-off curve asks for as much mass of wrong ones, and so on down to k = 0; refuted is what asks for more than there is.

    Parameters
    ----------
    correct, guesses, canaries : int
        Right guesses, guesses made and fair coins hidden.
    error : float
        A probability below 1/2.
    mu : float array, shape (n,)
        Each at least 0.

    Returns
    -------
    bool array, shape (n,)
        Everything refuted stands before everything that is not, if the values of mu rise.

    References
    ----------
    Theorem: audit.t5.
    """
    if 2 * correct <= guesses:
        return np.zeros(mu.shape, dtype=np.bool_)
    right = np.full(mu.shape, error * correct / canaries * (1 - 1e-14))
    wrong = np.full(mu.shape, error * (guesses - correct) / canaries)
    for k in range(correct - 1, -1, -1):
        needed = ndtr(ndtri(np.minimum(right, 1.0)) - mu) * (1 - _SPARE)
        more = np.maximum(needed - wrong, 0.0)
        if not more.any():
            break
        wrong = wrong + more
        right = (right + k / (guesses - k) * more) * (1 - 1e-15)
    return np.asarray((right + wrong) * (1 - 1e-14) > guesses / canaries)
