"""Writes the certificate of the scheme: ``python proofs/sharing/certificate.py OUT.json``, within two minutes on one core.

Shares are linear in the secret's digits s and the streams' digits r: the shares of a set of participants are A s + B r. For the
sets of participants below,

* k-1 participants learn nothing: rank [A|B] = rank B;
* k participants know the secret: rank [A|B] = rank B + l.

Every set of at most k <= 4 participants t <= 16 is looked at, for l <= 3, p in {2, 3}, four codes and both layouts, and samples
over GF(4), GF(8) and GF(9), with a code whose digits are the whole field. Two engines must agree on every set:

* *elimination*, our own: rows packed in Python's integers over GF(2) and GF(3), tables for the other fields;
* *galois*, by witnesses over GF(2) and GF(3): a matrix X with A = B X (the translation of sharing.t2) shows the first claim, a
  matrix R with R A = 1, R B = 0 (the divided difference of sharing.t1) the second; and by its own elimination on every 100th set
  and on every set over GF(4), GF(8) and GF(9).

The entries of A and B are what the shipped `privlib.sharing.ring.share` answers to unit digits; over the larger fields, which
the shipped code does not serve, they are powers of the codewords. `check_certificate.py` reads the file and trusts none of it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import galois
import numpy as np

from privlib.sharing import ring
from privlib.sharing.codes import Code, Delta, Gamma, Omega, Unary
from privlib.sharing.layouts import Layout, overlap, share_rows

CODES: tuple[Code, ...] = (Delta(), Gamma(), Omega(), Unary())
PARTICIPANTS = range(1, 17)
MODULI = {4: (2, (1, 1, 1)), 8: (2, (1, 1, 0, 1)), 9: (3, (2, 2, 1))}
"""Of each larger field: the prime and the polynomial that makes it, the lowest power first; galois has the same."""
SAMPLED = range(1, 7)
EVERY = 100
Row = Sequence[int]
Basis = dict[int, Any]


# --- fields ---


@cache
def tables(q: int) -> tuple[list[list[int]], list[list[int]]]:
    """Sums and products of a field whose elements are written in base p, as galois writes them."""
    p, modulus = MODULI.get(q, (q, (0, 1)))
    size = len(modulus) - 1

    def digits(a: int) -> list[int]:
        return [a // p**i % p for i in range(size)]

    def number(found: Sequence[int]) -> int:
        return sum(digit % p * p**i for i, digit in enumerate(found))

    def product(a: int, b: int) -> int:
        found = [0] * (2 * size)
        for i, one in enumerate(digits(a)):
            for j, two in enumerate(digits(b)):
                found[i + j] += one * two
        for top in reversed(range(size, 2 * size)):
            for i, digit in enumerate(modulus):
                found[top - size + i] -= found[top] * digit if i < size else 0
        return number(found[:size])

    sums = [[number([x + y for x, y in zip(digits(a), digits(b), strict=True)]) for b in range(q)] for a in range(q)]
    return sums, [[product(a, b) for b in range(q)] for a in range(q)]


def times(one: Row, two: Row, length: int, q: int) -> tuple[int, ...]:
    """one * two mod x^length over any field with a table."""
    sums, products = tables(q)
    found = [0] * length
    for i, a in enumerate(one[:length]):
        for place, b in enumerate(two[: length - i], start=i):
            found[place] = sums[found[place]][products[a][b]]
    return tuple(found)


# --- matrices ---


def responses(word: Row, threshold: int, length: int, q: int) -> list[tuple[int, ...]]:
    """What a share answers to the first digit of the secret, of r_1, ..., of r_(k-1); a later digit's answer is shifted."""
    if q in MODULI:
        found = [(1,) + (0,) * (length - 1)]
        for _ in range(threshold - 1):
            found.append(times(word, found[-1], length, q))
        return found[::-1]
    one, none = (1,) + (0,) * (length - 1), (0,) * length
    units = [tuple(one if i == j else none for i in range(threshold - 1)) for j in range(threshold - 1)]
    first = ring.share(one[:1], word, (none,) * (threshold - 1), length, p=q)
    return [first, *(ring.share(none[:1], word, streams, length, p=q) for streams in units)]


def rows_of(answers: Sequence[Row], rows: int, length: int, stride: int) -> list[list[int]]:
    """The rows of [A|B] that belong to one share: one per digit; A's columns first, then ``stride`` for each stream."""
    found = []
    for digit in range(length):
        row = [0] * (rows + stride * (len(answers) - 1))
        for block, answer in enumerate(answers):
            begin, size = (0, rows) if block == 0 else (rows + (block - 1) * stride, stride)
            for i in range(min(size, digit + 1)):
                row[begin + i] = answer[digit - i]
        found.append(row)
    return found


# --- our own elimination ---


def packed(row: Row, q: int) -> Any:
    """A row as the elimination over this field takes it: the last column leads."""
    if q == 2:
        return sum(digit << i for i, digit in enumerate(row))
    if q == 3:
        return tuple(sum((digit == each) << i for i, digit in enumerate(row)) for each in (1, 2))
    return row


def insert2(basis: Basis, row: int) -> None:
    while row:
        lead = row.bit_length()
        other = basis.get(lead)
        if other is None:
            basis[lead] = row
            return
        row ^= other


def insert3(basis: Basis, row: tuple[int, int]) -> None:
    """Digits 1 in one integer, digits 2 in another; a basis vector leads with 1."""
    one, two = row
    while one or two:
        lead = max(one, two).bit_length()
        if two >> (lead - 1):
            one, two = two, one
        other = basis.get(lead)
        if other is None:
            basis[lead] = (one, two)
            return
        minus_two, minus_one = other
        mixed = (one | minus_two) ^ (two | minus_one)
        one, two = (two | minus_two) ^ mixed, (one | minus_one) ^ mixed


def insert_by_tables(basis: Basis, row: Row, q: int) -> None:
    sums, products = tables(q)
    own = list(row)
    for lead in range(len(own), 0, -1):
        if own[lead - 1] == 0:
            continue
        if lead not in basis:
            scale = products[own[lead - 1]].index(1)
            basis[lead] = [products[scale][digit] for digit in own]
            return
        minus = sums[own[lead - 1]].index(0)
        own = [sums[a][products[minus][b]] for a, b in zip(own, basis[lead], strict=True)]


def inserter(q: int) -> Callable[[Basis, Any], None]:
    """Adds a row to a basis in echelon form."""
    return {2: insert2, 3: insert3}.get(q) or (lambda basis, row: insert_by_tables(basis, row, q))


def ranks(shares: dict[int, list[Any]], size: int, rows: int, q: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Of every set of ``size`` participants, in lexical order: the set, rank B and rank [A|B] - rank B."""
    insert = inserter(q)

    def walk(chosen: tuple[int, ...], basis: Basis) -> Iterator[tuple[tuple[int, ...], int, int]]:
        if len(chosen) == size:
            known = sum(lead <= rows for lead in basis)
            yield chosen, len(basis) - known, known
            return
        for t, own in shares.items():
            if not chosen or t > chosen[-1]:
                larger = dict(basis)
                for row in own:
                    insert(larger, row)
                yield from walk((*chosen, t), larger)

    return walk((), {})


# --- galois ---


def toeplitz(first: Row, height: int, width: int) -> Any:
    """The matrix of a multiplication by a series."""
    padded = np.zeros(height + width, dtype=np.uint8)
    padded[width : width + min(len(first), height)] = first[:height]
    places = width + np.arange(height)[:, None] - np.arange(width)[None, :]
    return np.where(places >= width, padded[places], 0).astype(np.uint8)


def translation(words: Sequence[Row], rows: int, stride: int, p: int) -> Any:
    """X of the theorem: the streams that look to these k-1 participants like the secret's digits."""
    found = symmetric(tuple(map(tuple, words)), stride, p)
    return np.vstack([toeplitz([(-1) ** (j + 1) * digit % p for digit in found[j]], stride, rows) for j in range(1, len(found))])


@cache
def symmetric(words: tuple[tuple[int, ...], ...], length: int, p: int) -> tuple[tuple[int, ...], ...]:
    return ring.elementary(words, length, p=p)


@cache
def quotients(words: tuple[tuple[int, ...], ...], most: int, p: int) -> list[tuple[int, tuple[int, ...]]]:
    """Of each of k codewords: V_i, and 1 / u_i mod x^(V_i + most)."""
    found = []
    for i, one in enumerate(words):
        others = [two for j, two in enumerate(words) if j != i]
        depth = sum(overlap(one, two) for two in others)
        unit: tuple[int, ...] = (1,)
        for two in others:
            unit = ring.multiply(ring.unit_part(ring.difference(one, two, p=p)), unit, depth + most, p=p)
        found.append((depth, ring.inverse(unit, depth + most, p=p)))
    return found


def recovery(words: Sequence[Row], lengths: Sequence[int], rows: int, p: int) -> Any:
    """R of the theorem: the digits of the secret as sums of digits of k shares."""
    blocks = []
    for (depth, series), length in zip(quotients(tuple(map(tuple, words)), 3, p), lengths, strict=True):
        block = np.zeros((rows, length), dtype=np.uint8)
        for m in range(rows):
            block[m, : depth + m + 1] = series[depth + m :: -1]
        blocks.append(block)
    return np.hstack(blocks)


def galois_agrees(field: Any, matrix: Any, rows: int, rank: int, known: int) -> None:
    """Galois's own elimination gives the same ranks; a row of R or X could not hide a fault that both engines share."""
    both, streams = field(matrix), field(matrix[:, rows:])
    found = np.linalg.matrix_rank(streams)
    assert (found, np.linalg.matrix_rank(both) - found) == (rank, known), "two engines find different ranks"


# --- the certificate ---


def configuration(
    code: Code, threshold: int, rows: int, *, p: int, layout: Layout, participants: Sequence[int] = PARTICIPANTS
) -> dict[str, Any]:
    """All sets of some participants in one configuration."""
    field: Any = galois.GF(p)
    words = {t: code.encode(t) for t in participants}
    lengths = {t: share_rows(code, t, threshold, rows, layout) for t in participants}
    stride = max(lengths.values())
    own = {t: rows_of(responses(words[t], threshold, lengths[t], p), rows, lengths[t], stride) for t in participants}
    arrays = {t: np.array(own[t], dtype=np.uint8) for t in participants}
    found: dict[str, Any] = {"lengths": list(lengths.values())}
    shares = {t: [packed(row, p) for row in own[t]] for t in participants}
    for size in (threshold - 1, threshold):
        listed = []
        for number, (chosen, rank, known) in enumerate(ranks(shares, size, rows, p)):
            assert known == (rows if size == threshold else 0), f"{code.name}, k={threshold}, l={rows}, {chosen}: {known} digits"
            listed.append(rank)
            of_them = [words[t] for t in chosen]
            matrix = np.vstack([arrays[t] for t in chosen])
            secret, streams = matrix[:, :rows].copy().view(field), matrix[:, rows:].copy().view(field)
            if size < threshold:
                witness = translation(of_them, rows, stride, p).view(field)
                assert np.array_equal(streams @ witness, secret), "the translation is no witness of secrecy"
            else:
                witness = recovery(of_them, [lengths[t] for t in chosen], rows, p).view(field)
                assert not np.any(witness @ streams), "the divided difference depends on the streams"
                assert np.array_equal(witness @ secret, np.eye(rows, dtype=np.uint8)), "the divided difference is not the secret"
            if number % EVERY == 0:
                galois_agrees(field, matrix, rows, rank, known)
        found[f"ranks of {size}"] = listed
    return found


def escape(t: int, q: int) -> tuple[int, ...]:
    """A prefix code over the whole field: one digit up to q - 1, and the last digit leads on."""
    return (t - 1,) if t < q else (q - 1, *escape(t - q + 1, q))


def sample(q: int, name: str, threshold: int, rows: int, participants: Sequence[int] = SAMPLED) -> dict[str, Any]:
    """All sets of a few participants over one of the larger fields."""
    field: Any = galois.GF(q)
    words = {t: Delta().encode(t) if name == "delta" else escape(t, q) for t in participants}
    lengths = {t: (threshold - 1) * (len(word) - 1) + rows for t, word in words.items()}
    stride = max(lengths.values())
    own = {t: rows_of(responses(words[t], threshold, lengths[t], q), rows, lengths[t], stride) for t in participants}
    found: dict[str, Any] = {"lengths": list(lengths.values())}
    for size in (threshold - 1, threshold):
        listed = []
        for chosen, rank, known in ranks(own, size, rows, q):
            assert known == (rows if size == threshold else 0), f"GF({q}), {name}, k={threshold}, {chosen}: {known} digits"
            galois_agrees(field, np.array([row for t in chosen for row in own[t]], dtype=np.uint8), rows, rank, known)
            listed.append(rank)
        found[f"ranks of {size}"] = listed
    return found


def certificate() -> dict[str, Any]:
    """Look at everything; AssertionError where a set learns too much or too little, or the engines disagree."""
    began, found = time.perf_counter(), []
    for code in CODES:
        for threshold, rows, p in ((k, rows, p) for k in (2, 3, 4) for rows in (1, 2, 3) for p in (2, 3)):
            for layout in Layout:
                head = {"code": code.name, "q": p, "threshold": threshold, "rows": rows, "layout": layout.value}
                shorter = [share_rows(code, t, threshold, rows, layout) for t in PARTICIPANTS]
                if layout is Layout.PAPER or shorter != found[-1]["lengths"]:
                    found.append({**head, **configuration(code, threshold, rows, p=p, layout=layout)})
    for q, name, threshold in ((q, name, k) for q in MODULI for name in ("delta", "escape") for k in (2, 3, 4)):
        head = {"code": name, "q": q, "threshold": threshold, "rows": 2, "layout": "paper"}
        found.append({**head, **sample(q, name, threshold, 2)})
    sets = sum(len(each[key]) for each in found for key in each if key.startswith("ranks"))
    return {
        "format": "privlib sharing certificate 1",
        "claims": "k-1 shares: rank [A|B] = rank B; k shares: rank [A|B] = rank B + rows; listed: rank B, sets in lexical order",
        "moduli": {str(q): [p, list(modulus)] for q, (p, modulus) in MODULI.items()},
        "engines": ["elimination", "galois"],
        "sets": sets,
        "seconds": round(time.perf_counter() - began, 1),
        "configurations": found,
    }


if __name__ == "__main__":
    made = certificate()
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        json.dump(made, out, separators=(",", ":"))
    print(f"{made['sets']} sets in {made['seconds']} s: {sys.argv[1]}")
