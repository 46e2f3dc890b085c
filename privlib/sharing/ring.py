"""The scheme over F_p[x] as it is written on paper: slow, short, and the reference that the fast lanes must equal.

Polynomials and power series are tuples of digits, the lowest power first. It serves every prime p; the lanes serve p = 2.
Nothing here is meant for large secrets, and no promise is made about its running time.
"""

from __future__ import annotations

from collections.abc import Sequence

from privlib.bounds import exact_int
from privlib.errors import InconsistentShares, InvalidInput
from privlib.proved import proved
from privlib.sharing.layouts import overlap

__all__ = ["difference", "elementary", "inverse", "multiply", "recover", "share", "unit_part", "valuation"]

_LARGEST_PRIME = 1 << 16
Digits = tuple[int, ...]


@proved("sharing.t2")
def share(secret: Sequence[int], word: Sequence[int], streams: Sequence[Sequence[int]], length: int, *, p: int = 2) -> Digits:
    """One participant's share: f(c_t) mod x^length for f(y) = s y^(k-1) + r_1 y^(k-2) + ... + r_(k-1).

    The secret leads; in the constant term, where Shamir has it, a codeword that begins with 0 would show its first digit.

    Parameters
    ----------
    secret : sequence of int, length l
        The digits of s.
    word : sequence of int
        The codeword c_t, the first digit first.
    streams : sequence of k-1 sequences of int
        r_1, ..., r_(k-1): uniform, independent digits, the same for all participants, each at least ``length`` long.
    length : int
        Rows of the share; `privlib.sharing.layouts.share_rows` says how many it takes.
    p : int
        A prime.

    Returns
    -------
    tuple of int, length ``length``

    Raises
    ------
    InvalidInput
        For digits outside F_p, no digits at all, or streams that are too short.

    Privacy
    -------
    The shares of any k-1 participants have the same law for every secret: theorem sharing.t2. That needs every digit of every
    stream, up to ``length``, uniform and drawn once.

    Examples
    --------
    >>> share((1,), (0, 1, 0, 0), [(1, 0, 1, 1)], 4)
    (1, 1, 1, 1)
    """
    _check(p, secret, word, *streams)
    length = exact_int(length, name="length of a share")
    if not streams or any(len(stream) < length for stream in streams):
        raise InvalidInput(f"a share of {length} rows needs streams that are at least as long")
    value: Sequence[int] = secret
    for stream in streams:
        product = multiply(word, value, length, p=p)
        value = tuple((a + b) % p for a, b in zip(product, stream[:length], strict=True))
    return tuple(value)


@proved("sharing.t1")
def recover(words: Sequence[Sequence[int]], shares: Sequence[Sequence[int]], rows: int, *, p: int = 2) -> Digits:
    """The secret of k shares: the divided difference of f at the k codewords, which is its leading coefficient.

    The denominators are no units. With prod_(j != i) (c_i - c_j) = x^(V_i) u_i, u_i a unit, and V = max V_i, this is
    x^-V sum_i x^(V - V_i) f(c_i) / u_i; the digits below x^V must come out zero.

    Parameters
    ----------
    words : sequence of k sequences of int
        The codewords of the participants.
    shares : sequence of k sequences of int
        Their shares, in the same order.
    rows : int
        l: digits of the secret.
    p : int
        A prime.

    Returns
    -------
    tuple of int, length ``rows``

    Raises
    ------
    InvalidInput
        For one participant twice, a code that is no prefix code, shares that are too short, or digits outside F_p.
    InconsistentShares
        When a digit that must be zero is not: the shares are not of one secret.

    Privacy
    -------
    Draws nothing. That k genuine shares give the secret: theorem sharing.t1.
    """
    _check(p, *words, *shares)
    _check_pairs(words, shares)
    rows = exact_int(rows, name="rows of the word")
    depths = [sum(overlap(one, two) for j, two in enumerate(words) if j != i) for i, one in enumerate(words)]
    deepest = max(depths)
    total = [0] * (deepest + rows)
    for i, (one, own, depth) in enumerate(zip(words, shares, depths, strict=True)):
        known = depth + rows
        if len(own) < known:
            raise InvalidInput("a share is too short for these participants")
        unit: Digits = (1,)
        for j, two in enumerate(words):
            if j != i:
                unit = multiply(unit_part(difference(one, two, p=p)), unit, known, p=p)
        for place, digit in enumerate(multiply(inverse(unit, known, p=p), own, known, p=p), start=deepest - depth):
            total[place] = (total[place] + digit) % p
    if any(total[:deepest]):
        raise InconsistentShares("these shares are not of one secret: digits that must be zero are not")
    return tuple(total[deepest:])


def multiply(one: Sequence[int], two: Sequence[int], length: int, *, p: int = 2) -> Digits:
    """The product mod x^length, written with ``length`` digits; ``one`` should be the public factor, its zeros are skipped."""
    product = [0] * length
    for i, a in enumerate(one[:length]):
        if a:
            for place, b in enumerate(two[: length - i], start=i):
                product[place] = (product[place] + a * b) % p
    return tuple(product)


def difference(one: Sequence[int], two: Sequence[int], *, p: int = 2) -> Digits:
    """The first less the second, with as many digits as the longer."""
    length = max(len(one), len(two))
    padded = [(*each, *(0,) * (length - len(each))) for each in (one, two)]
    return tuple((a - b) % p for a, b in zip(*padded, strict=True))


def valuation(digits: Sequence[int]) -> int:
    """The highest power of x that divides a polynomial.

    Raises
    ------
    InvalidInput
        For zero, which every power divides.
    """
    for place, digit in enumerate(digits):
        if digit:
            return place
    raise InvalidInput("zero has no valuation")


def unit_part(digits: Sequence[int]) -> Digits:
    """A polynomial divided by the highest power of x that divides it."""
    return tuple(digits[valuation(digits) :])


def inverse(unit: Sequence[int], length: int, *, p: int = 2) -> Digits:
    """1 / unit mod x^length; the first digit of a unit is not zero."""
    first = pow(unit[0], -1, p)
    found: list[int] = []
    for place in range(length):
        rest = sum(unit[i] * found[place - i] for i in range(1, min(place + 1, len(unit))))
        found.append(first * ((place == 0) - rest) % p)
    return tuple(found)


def elementary(words: Sequence[Sequence[int]], length: int, *, p: int = 2) -> tuple[Digits, ...]:
    """The elementary symmetric polynomials e_0, ..., e_n of n codewords, mod x^length."""
    found: list[Digits] = [multiply((1,), (1,), length, p=p)]
    for word in words:
        products = [(0,) * length, *(multiply(word, each, length, p=p) for each in found)]
        kept = [*found, (0,) * length]
        found = [tuple((a + b) % p for a, b in zip(one, two, strict=True)) for one, two in zip(kept, products, strict=True)]
    return tuple(found)


def _check_pairs(words: Sequence[Sequence[int]], shares: Sequence[Sequence[int]]) -> None:
    if len(words) != len(shares) or len(words) < 2:
        raise InvalidInput("as many codewords as shares are needed, and at least two")


def _check(p: int, *polynomials: Sequence[int]) -> None:
    """Refuse what is not made of digits of a prime field."""
    p = exact_int(p, name="p", least=2, most=_LARGEST_PRIME)
    if any(p % divisor == 0 for divisor in range(2, int(p**0.5) + 1)):
        raise InvalidInput(f"p must be a prime, got {p}")
    for digits in polynomials:
        if len(digits) == 0 or not all(isinstance(digit, int) and 0 <= digit < p for digit in digits):
            raise InvalidInput(f"digits must be integers from 0 to {p - 1}, at least one")
