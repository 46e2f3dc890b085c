"""Checks a certificate of the sharing scheme: ``python check_certificate.py OUT.json``. Needs Python, and nothing of privlib.

Writes the codes, the fields and the shares f(c_t) = s c^(k-1) + r_1 c^(k-2) + ... + r_(k-1) mod x^L anew from their definitions,
eliminates from the other end of the rows, and compares every rank. Exit status 0: all claims hold and nothing is missing.
"""

import json
import sys
from functools import cache
from itertools import product
from pathlib import Path

CODES, ORDERS = ("delta", "gamma", "omega", "unary"), (2, 3)
SAMPLES = {4: (2, (1, 1, 1)), 8: (2, (1, 1, 0, 1)), 9: (3, (2, 2, 1))}


def need(holds, message):
    """Say what is wrong, and stop."""
    if not holds:
        sys.exit(f"the certificate does not hold: {message}")


def codeword(code, t, q):
    """The digits of a codeword, that of x^0 first."""
    if code == "unary":
        return [1] * (t - 1) + [0]
    if code == "escape":
        return [q - 1] * ((t - 1) // (q - 1)) + [(t - 1) % (q - 1)]
    word, binary = "0", bin(t)[2:]
    while code == "omega" and t > 1:
        word, t = bin(t)[2:] + word, len(bin(t)) - 3
    if code == "delta":
        return codeword("gamma", len(binary), q) + list(map(int, binary[1:]))
    return list(map(int, word if code == "omega" else "0" * (len(binary) - 1) + binary))


@cache
def field(q):
    """Tables of sums and products; elements are numbers in base p."""
    p, modulus = SAMPLES.get(q, (q, (0, 1)))
    size = len(modulus) - 1
    elements = [digits[::-1] for digits in product(range(p), repeat=size)]
    where = {digits: i for i, digits in enumerate(elements)}

    def times(a, b):
        total = (0,) * size
        for digit in b:
            total = tuple((x + digit * y) % p for x, y in zip(total, a, strict=True))
            a = tuple((low - a[-1] * m) % p for low, m in zip((0, *a[:-1]), modulus[:-1], strict=True))  # times x
        return where[total]

    sums = [[where[tuple((x + y) % p for x, y in zip(a, b, strict=True))] for b in elements] for a in elements]
    return sums, [[times(a, b) for b in elements] for a in elements]


def powers(word, count, length, q):
    """1, c, c^2, ... mod x^length."""
    (sums, products), found = field(q), [[1] + [0] * (length - 1)]
    for _ in range(count - 1):
        found.append([0] * length)
        for i, a in enumerate(word[:length]):
            for j in range(length - i):
                found[-1][i + j] = sums[found[-1][i + j]][products[a][found[-2][j]]]
    return found


def share(word, k, rows, length, *, stride, q):
    """One row for each digit of the share: the streams' columns, r_1 first, then the secret's."""
    blocks = [(power, stride) for power in powers(word, k, length, q)[-2::-1]] + [(powers(word, k, length, q)[-1], rows)]
    return [[power[d - i] if i <= d else 0 for power, size in blocks for i in range(size)] for d in range(length)]


def pack(row, q):
    """GF(2): one number. GF(3): the ones in one, the twos in another. Else the row itself."""
    if q > 3:
        return row
    ones, twos = (sum(1 << i for i, digit in enumerate(row) if digit == each) for each in (1, 2))
    return ones if q == 2 else (ones, twos)


def insert(basis, row, q):
    """Reduce a row by the basis, from its first column; what is left joins the basis."""
    if q == 2:
        while row and row & -row in basis:
            row ^= basis[row & -row]
        if row:
            basis[row & -row] = row
    elif q == 3:
        ones, twos = row
        while (first := (ones | twos) & -(ones | twos)) in basis:
            a, b = basis[first] if bool(ones & first) != bool(basis[first][0] & first) else basis[first][::-1]
            mixed = (ones | b) ^ (twos | a)
            ones, twos = (twos | b) ^ mixed, (ones | a) ^ mixed
        if first:
            basis[first] = (ones, twos)
    else:
        sums, products = field(q)
        for i in range(len(row)):
            if row[i]:
                other = basis.setdefault(1 << i, row)  # a row that joins takes itself away, and nothing is left
                scale = next(s for s in range(q) if sums[row[i]][products[s][other[i]]] == 0)
                row = [sums[x][products[scale][y]] for x, y in zip(row, other, strict=True)]


def ranks(shares, size, streams, q, *, basis=(), after=-1):
    """Of every set, in lexical order: rank B and how much A adds to it."""
    if size == 0:
        own = sum(first < 1 << streams for first in basis)
        yield own, len(basis) - own
        return
    for t in range(after + 1, len(shares)):
        more = dict(basis)
        for row in shares[t]:
            insert(more, row, q)
        yield from ranks(shares, size - 1, streams, q, basis=more, after=t)


def check(entry):
    """One configuration: how many sets it has."""
    code, q, k, rows = entry["code"], entry["q"], entry["threshold"], entry["rows"]
    words = [codeword(code, t, q) for t in range(1, 17 if q in ORDERS else 7)]
    paper, lengths = [(k - 1) * (len(word) - 1) + rows for word in words], entry["lengths"]
    need(lengths == paper if entry["layout"] == "paper" else all(a <= b for a, b in zip(lengths, paper, strict=True)), "lengths")
    stride = max(lengths)
    tables = [share(word, k, rows, n, stride=stride, q=q) for word, n in zip(words, lengths, strict=True)]
    shares = [[pack(row, q) for row in table] for table in tables]
    for size, wanted in ((k - 1, 0), (k, rows)):
        found = list(ranks(shares, size, stride * (k - 1), q))
        need(found == [(rank, wanted) for rank in entry[f"ranks of {size}"]], f"{size} shares of {code}, k={k}, l={rows}, q={q}")
    return sum(len(entry[f"ranks of {size}"]) for size in (k - 1, k))


def main(path):
    """Check everything, and that nothing is missing."""
    certificate = json.loads(Path(path).read_text(encoding="utf-8"))
    need(certificate["format"] == "privlib sharing certificate 1", "another format")
    entries = certificate["configurations"]
    heads = {(e["code"], e["q"], e["threshold"], e["rows"], e["layout"]) for e in entries}
    wanted = set(product(CODES, ORDERS, (2, 3, 4), (1, 2, 3), ("paper",)))
    wanted |= set(product(("delta", "gamma"), ORDERS, (3, 4), (1, 2, 3), ("compact",)))
    wanted |= set(product(("delta", "escape"), SAMPLES, (2, 3, 4), (2,), ("paper",)))
    need(wanted <= heads, f"configurations are missing: {sorted(wanted - heads)[:3]}")
    sets = sum(map(check, entries))
    need(sets == certificate["sets"], "another number of sets")
    print(f"{sets} sets in {len(entries)} configurations: every claim holds")


if __name__ == "__main__":
    main(sys.argv[1])
