"""Reports drawn by numpy from the law that a plan declares: quick, for statistics, and no secret of anybody's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privlib.ldp import Spec
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle, Subset, Unary
from privlib.ldp.parts import Scheme
from privlib.ldp.reports import Reports
from privlib.ldp.wire import Layout, symbols_of

Ints = NDArray[np.int64]


def zipf(rng: np.random.Generator, n: int, sizes: tuple[int, ...], s: float = 1.5) -> Ints:
    """Records whose values have Zipf's law, independent across attributes."""
    laws = [1 / np.arange(1, size + 1) ** s for size in sizes]
    return np.stack([rng.choice(law.size, n, p=law / law.sum()) for law in laws], axis=1)


def simulate(spec: Spec, records: Ints, rng: np.random.Generator) -> Reports:
    """One report of each record, shape (n, d)."""
    n, parts = len(records), spec.parts
    weights = np.array([float(part.weight) for part in parts])
    drawn = rng.choice(len(parts), n, p=weights / weights.sum()) if spec.scheme is not Scheme.SPL else None
    said: list[NDArray] = []
    for attribute, part in enumerate(parts):
        reports = randomised(part.oracle, records[:, attribute], rng)
        if spec.scheme is Scheme.RSFD:
            reports[drawn != attribute] = faked(part.oracle, part.fake, n, rng)[drawn != attribute]
        said.append(reports)
    return Reports(spec, packed(Layout(spec.scheme, parts), said, drawn if spec.scheme is Scheme.SMP else None))


def faked(oracle: Oracle, fake: tuple | None, n: int, rng: np.random.Generator) -> NDArray:
    law = None if fake is None else np.array([float(chance) for chance in fake])
    values = None if law is None else rng.choice(oracle.size, n, p=law / law.sum())
    if isinstance(oracle, Grr):
        return values
    if values is None:
        return rng.random((n, oracle.size)) < float(oracle.miss)
    return randomised(oracle, values, rng)


def randomised(oracle: Oracle, values: Ints, rng: np.random.Generator) -> NDArray:
    """Symbols, shape (n,), or bits, shape (n, k)."""
    n, k = len(values), oracle.size
    hit = rng.random(n) < float(oracle.hit)
    match oracle:
        case Grr():
            return np.where(hit, values, (values + rng.integers(1, k, n)) % k)
        case Unary():
            held = np.arange(k) == values[:, None]
            return rng.random((n, k)) < np.where(held, float(oracle.hit), float(oracle.miss))
        case Subset():
            order = rng.random((n, k))
            order[np.arange(n), values] = np.where(hit, -1, 2)
            return order.argsort(axis=1).argsort(axis=1) < oracle.chosen
        case LocalHash():
            g = oracle.buckets
            coefficients = rng.integers(0, g**oracle.digits, n)
            own = sum((coefficients // g**i % g) * (values // g**i % g) for i in range(oracle.digits)) % g
            return coefficients * g + np.where(hit, own, (own + rng.integers(1, g, n)) % g)
        case Hadamard():
            columns = rng.integers(0, oracle.columns, n)
            plus = np.bitwise_count((values + 1) & columns) % 2 == 0
            flip = (values + 1) & -(values + 1)  # one bit of the row: changes the sign of the entry
            return np.where(plus == hit, columns, columns ^ flip)


def packed(layout: Layout, said: list[NDArray], told: Ints | None) -> NDArray[np.uint8]:
    n = len(said[0])
    columns: list[NDArray[np.uint8]] = []
    for number in layout.numbers:
        value = np.zeros(n, dtype=np.uint64)
        if told is not None:
            for attribute, reports in enumerate(said):
                code = reports if symbols_of(layout.parts[attribute].oracle) else np.zeros(n, dtype=np.int64)
                value[told == attribute] = (layout.offsets[attribute] + code[told == attribute]).astype(np.uint64)
        else:
            for attribute, radix in reversed(list(zip(number.attributes, number.radices, strict=True))):
                value = value * np.uint64(radix) + said[attribute].astype(np.uint64)
        columns.append(value.astype("<u8").view(np.uint8).reshape(n, 8)[:, : number.stop - number.start])
    bits = np.zeros((n, layout.bits), dtype=np.bool_)
    for attribute, part in enumerate(layout.parts):
        if not symbols_of(part.oracle):
            rows = slice(None) if told is None else told == attribute
            bits[rows, layout.bit_offsets[attribute] : layout.bit_offsets[attribute] + part.size] = said[attribute][rows]
    return np.concatenate([*columns, np.packbits(bits, axis=1, bitorder="little")], axis=1)
