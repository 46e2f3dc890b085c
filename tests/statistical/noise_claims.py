"""The long checks of the noise, by hand: ``python tests/statistical/noise_claims.py [draws]``, 20 million draws a law by default.

Prints a line a law with the least p-value of each check under a fixed key, then the rank correlation of a draw's size and its
time over 20,000 scalar calls, which depends on the machine and on what else runs there. The exit status is 1 when a p-value
falls below the false-alarm rate.
"""

import os
import sys
import time
import warnings

os.environ["PRIVLIB_INSECURE_TEST"] = "1"

import numpy as np  # the environment comes first
from scipy import stats
from test_noise_frequencies import FALSE_ALARM, LAWS, SMOOTH, fit, lags, low_bits, low_bits_against_size, sample, signs

DRAWS = 20_000_000
CALLS = 20_000
TARGET = 0.03


def frequencies(draws: int) -> bool:
    met = True
    print(f"{draws} draws a law, fixed keys: p-values, each to exceed {FALSE_ALARM}")
    for place, (law, _) in enumerate(LAWS):
        began = time.perf_counter()
        drawn = sample(place, draws)
        found = {"fit": min(fit(law, drawn)), "lags": lags(drawn)}
        if law.two_sided:
            found["signs"] = signs(drawn)
        if place in SMOOTH:
            found |= {"low bits": low_bits(drawn), "low bits by size": low_bits_against_size(drawn)}
        met &= min(found.values()) > FALSE_ALARM
        figures = "  ".join(f"{name} {value:.3g}" for name, value in found.items())
        print(f"{law!s:<75} {figures}  ({time.perf_counter() - began:.1f} s)", flush=True)
    return met


def timing() -> None:
    print(f"rank correlation of size and time over {CALLS} scalar draws, target within {TARGET}")
    for law, draw in LAWS:
        for _ in range(200):
            draw(1)
        sizes, times = np.empty(CALLS), np.empty(CALLS)
        for i in range(CALLS):
            began = time.perf_counter_ns()
            (value,) = draw(1)
            times[i], sizes[i] = time.perf_counter_ns() - began, abs(value)
        found = stats.spearmanr(sizes, times)
        verdict = "met" if abs(found.statistic) <= TARGET else "MISSED"
        print(f"{law!s:<75} {found.statistic:+.4f} (p = {found.pvalue:.2g})  {verdict}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    holds = frequencies(int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS)
    timing()
    sys.exit(not holds)
