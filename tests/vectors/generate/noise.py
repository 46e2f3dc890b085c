"""Known answers for tests/vectors/noise: ChaCha20 written from RFC 8439 in plain integers, the law by mpmath.

Shares no code with privlib. Run ``python tests/vectors/generate/noise.py`` to write the files again.
"""

import json
from fractions import Fraction
from math import isqrt
from pathlib import Path

import mpmath

FOLDER = Path(__file__).parents[1] / "noise"
DIGITS = 120
ONE_SIDED = {"geometric", "negative_binomial"}
LAWS: dict[str, list[dict[str, str]]] = {
    "discrete_laplace": [
        {"scale": scale} for scale in ("1", "10", "1/2", "0.1", "1/1000", "2", "7/3", "46", "100", "1000.5", "2147483648")
    ],
    "discrete_gaussian": [
        {"sigma2": sigma2} for sigma2 in ("1", "1/4", "0.01", "7/3", "100", "4096", "4097", "1e6", "1e12", "18446744073709551616")
    ],
    "rounded_gaussian": [
        {"sigma2": sigma2} for sigma2 in ("1", "1/4", "0.01", "4", "100", "4097", "1e6", "1e12", "18446744073709551616")
    ],
    "geometric": [{"scale": scale} for scale in ("1", "1/2", "10", "46", "47", "1e6", "2147483648")],
    "negative_binomial": [
        {"shape": shape, "scale": scale}
        for shape, scale in (("1/5", "10"), ("1", "10"), ("21/2", "3"), ("2", "1/3"), ("0.01", "100"))
    ],
}
WRONG: dict[str, list[dict[str, object]]] = {
    "discrete_laplace": [
        {"scale": scale} for scale in ("0", "-1", "nan", "inf", "2147483648.0000001", "1e-999", "1/0", "", True)
    ],
    "discrete_gaussian": [{"sigma2": sigma2} for sigma2 in ("0", "-1", "nan", "inf", "18446744073709551617", "", False, None)],
    "rounded_gaussian": [{"sigma2": sigma2} for sigma2 in ("0", "-1/3", "nan", "-inf", "18446744073709551616.5", [], "ten")],
    "geometric": [{"scale": scale} for scale in ("0", "-1", "nan", "2147483649", {})],
    "negative_binomial": [
        {"shape": shape, "scale": scale}
        for shape, scale in (("0", "1"), ("-1", "1"), ("1", "0"), ("1", "8193"), ("8193", "1"), ("1", -1))
    ],
}


def block(key: bytes, counter: int, nonce: bytes) -> bytes:
    """One block of RFC 8439, section 2.3."""

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for target, other, mixed, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[target] = (state[target] + state[other]) % 2**32
            value = state[mixed] ^ state[target]
            state[mixed] = (value << turn | value >> (32 - turn)) % 2**32

    words = [key[i : i + 4] for i in range(0, 32, 4)] + [nonce[i : i + 4] for i in range(0, 12, 4)]
    numbers = [int.from_bytes(word, "little") for word in words]
    constants = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    start = [*constants, *numbers[:8], counter, *numbers[8:]]
    state = start.copy()
    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for column in range(4):
            quarter(column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
    return b"".join(((a + b) % 2**32).to_bytes(4, "little") for a, b in zip(state, start, strict=True))


def nonce(domain: int, stream: int) -> bytes:
    return domain.to_bytes(4, "little") + stream.to_bytes(8, "little")


def main_word(key: bytes, stream: int, output: int) -> int:
    data = block(key, output // 8, nonce(0, stream))
    return int.from_bytes(data[8 * (output % 8) :][:8], "little")


def refinement(key: bytes, stream: int, output: int, use: int, chunk: int) -> int:
    data = block(key, output, nonce(2**31 + 2**16 * use + chunk // 8, stream))
    return int.from_bytes(data[8 * (chunk % 8) :][:8], "little")


def retry_word(key: bytes, stream: int, output: int, attempt: int) -> int:
    data = block(key, output, nonce(1 + (attempt - 1) // 8, stream))
    return int.from_bytes(data[8 * ((attempt - 1) % 8) :][:8], "little")


def real(value: Fraction) -> mpmath.mpf:
    return mpmath.mpf(value.numerator) / value.denominator


def probability(law: str, given: dict[str, Fraction], k: int) -> mpmath.mpf:
    if law == "discrete_gaussian":
        sigma2 = real(given["sigma2"])
        return mpmath.exp(-mpmath.mpf(k * k) / (2 * sigma2)) / mpmath.jtheta(3, 0, mpmath.exp(-1 / (2 * sigma2)))
    if law == "rounded_gaussian":
        root = mpmath.sqrt(2 * real(given["sigma2"]))
        half = mpmath.mpf(1) / 2
        return (mpmath.erfc((k - half) / root) - mpmath.erfc((k + half) / root)) / 2
    q = mpmath.exp(-1 / real(given["scale"]))
    if law == "discrete_laplace":
        return (1 - q) / (1 + q) * q**k
    if law == "geometric":
        return (1 - q) * q**k
    shape = real(given["shape"])
    return (1 - q) ** shape * q**k * mpmath.rf(shape, k) / mpmath.factorial(k)


def height(law: str, given: dict[str, Fraction], y: int) -> mpmath.mpf:
    """f of the histogram's contract."""
    if law == "discrete_gaussian":
        return mpmath.exp(-mpmath.mpf(y * y) / (2 * real(given["sigma2"])))
    if law == "rounded_gaussian":
        return probability(law, given, abs(y)) * mpmath.sqrt(2 * mpmath.pi * real(given["sigma2"]))
    return mpmath.exp(-abs(y) / real(given["scale"]))


def weights(law: str, given: dict[str, Fraction]) -> dict[int, int]:
    """``floor(2**64 P(k))`` in the order of the contract's symbols."""
    found, k = {}, 0
    while (weight := int(mpmath.floor(2**64 * probability(law, given, k)))) > 0:
        if law not in ONE_SIDED:
            found[-k] = weight
        found[k] = weight
        k += 1
    return found


def alias(values: list[int], columns: int, room: int) -> list[tuple[int, int]]:
    """Step 3 of the table's contract, one symbol after the other: (own part, alias) of each column."""
    rest = values + [0] * (columns - len(values))
    table = [(room, i) for i in range(columns)]
    heavy = iter([i for i, weight in enumerate(rest) if weight > room])
    giver = next(heavy, None)
    for light in [i for i, weight in enumerate(rest) if weight < room]:
        table[light] = (rest[light], giver)
        rest[giver] -= room - rest[light]
        while giver is not None and rest[giver] <= room:
            after = next(heavy, None)
            table[giver] = (rest[giver], giver if after is None or rest[giver] == room else after)
            if after is not None:
                rest[after] -= room - rest[giver]
            giver = after
    return table


def from_table(key: bytes, stream: int, law: str, given: dict[str, Fraction], size: int) -> list[int]:
    known = weights(law, given)
    left = 2**64 - sum(known.values())
    columns = 1 << len(known).bit_length()
    room = 2**64 // columns
    table = alias([*known.values(), left], columns, room)
    symbols, out = list(known), []
    for output in range(size):
        column, low = divmod(main_word(key, stream, output), room)
        cut, other = table[column]
        symbol = column if low < cut else other
        assert symbol < len(symbols), "choose another key: this one draws the residual symbol"
        out.append(symbols[symbol])
    return out


def up(value: mpmath.mpf) -> int:
    return int(mpmath.ceil(value))


def upper_heights(law: str, given: dict[str, Fraction], step: int, count: int) -> list[int]:
    """Step 2 of the histogram's contract: products of numbers rounded up to 128 bits."""
    one = 2**128
    if law in {"discrete_laplace", "geometric"}:
        q = up(one * mpmath.exp(-step / real(given["scale"])))
        found = [one]
        while len(found) < count:
            found.append(-(-found[-1] * q // one))
        return found
    sigma2 = given["sigma2"]
    if law == "rounded_gaussian":
        sigma2 = 1 / (1 / sigma2 - 1 / (12 * sigma2**2))
    slope = up(one * mpmath.exp(-real(Fraction(step**2) / (2 * sigma2))))
    fall = up(one * mpmath.exp(-real(Fraction(step**2) / sigma2)))
    found = [one]
    while len(found) < count:
        found.append(-(-found[-1] * slope // one))
        slope = -(-slope * fall // one)
    return found


def from_histogram(key: bytes, stream: int, law: str, given: dict[str, Fraction], size: int) -> list[int]:
    signed = law not in ONE_SIDED
    reach = isqrt(int(34 * given["sigma2"])) + 1 if "sigma2" in given else -int(-19 * given["scale"] // 1)
    j = 0
    while -(-reach // 2**j) > 2**11 - 1:
        j += 1
    width, blocks, one = 2**j, -(-reach // 2**j), 2**128
    bounds = upper_heights(law, given, width, blocks + 1)
    decay = Fraction(blocks * width) / given["sigma2"] if "sigma2" in given else 1 / given["scale"]
    mass = -(-bounds[-1] * one // (width * (one - up(one * mpmath.exp(-real(decay))))))
    unit = (2**26 - blocks - 2) * one // (sum(bounds[:-1]) + mass)
    heavy = [-(-unit * bound // one) for bound in (*bounds[:-1], mass)]
    heavy[0] += 2**26 - sum(heavy)
    table = alias(heavy, 2**11, 2**15)
    t = 64 - 26 - signed - j
    out = []
    for output in range(size):
        for attempt in range(9):
            word = retry_word(key, stream, output, attempt) if attempt else main_word(key, stream, output)
            column, cut = word >> 53, word >> 38 & 0x7FFF
            symbol = column if cut < table[column][0] else table[column][1]
            assert symbol < blocks, "choose another key: this one draws from the tail"
            y = symbol * width + (word >> t) % width
            x = -1 - y if signed and word >> (t + j) & 1 else y
            edge = 2**t * unit * height(law, given, x) / heavy[symbol]
            assert int(edge) != word % 2**t, "choose another key: this one needs refinement bits"
            if word % 2**t < edge:
                out.append(x)
                break
        else:
            raise AssertionError("nine rejections")
    return out


def drawn(key: bytes, stream: int, law: str, spelt: dict[str, str], size: int) -> list[int]:
    given = {name: Fraction(value) for name, value in spelt.items()}
    narrow = given["sigma2"] <= 4096 if "sigma2" in given else "shape" in given or given["scale"] <= 46
    with mpmath.workdps(DIGITS):
        return (from_table if narrow else from_histogram)(key, stream, law, given, size)


def bernoulli_exp(key: bytes, stream: int, r: Fraction, size: int) -> list[int]:
    with mpmath.workdps(DIGITS):
        return [int(main_word(key, stream, output) < 2**64 * mpmath.exp(-real(r))) for output in range(size)]


def integers(key: bytes, stream: int, below: int, size: int) -> list[int]:
    return [main_word(key, stream, output) * below >> 64 for output in range(size)]


def bernoulli(key: bytes, stream: int, p: Fraction, size: int) -> list[int]:
    return [int(Fraction(main_word(key, stream, output), 2**64) < p) for output in range(size)]


def write(topic: str, source: str, groups: list[dict[str, object]]) -> None:
    record = {"topic": topic, "generator": "tests/vectors/generate/noise.py", "source": source, "groups": groups}
    (FOLDER / f"{topic}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def refused(inputs: list[dict[str, object]], comment: str) -> list[dict[str, object]]:
    return [{"id": f"refused-{i}", "comment": comment, "input": given, "result": "invalid"} for i, given in enumerate(inputs)]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    keys = [bytes(range(32)), bytes(32), bytes(range(200, 232))]
    rfc = block(keys[0], 1, bytes.fromhex("000000090000004a00000000"))
    assert rfc.hex().startswith("10f1e7e4d13b5915"), "RFC 8439, section 2.3.2"
    assert block(keys[1], 0, bytes(12)).hex().startswith("76b8e0ada0f13d90"), "RFC 8439, appendix A.1"
    words = [
        {
            "id": f"main-{i}-{stream}",
            "comment": "the main words of outputs start to start + 9",
            "input": {"key": key.hex(), "stream": stream, "start": start},
            "result": "valid",
            "expected": [str(main_word(key, stream, start + j)) for j in range(10)],
        }
        for i, key in enumerate(keys)
        for stream, start in ((0, 0), (1, 13), (2**64 - 1, 2**32 - 10))
    ] + [
        {
            "id": f"refine-{output}-{use}-{chunk}",
            "comment": "refinement bits by output, use and chunk",
            "input": {"key": keys[0].hex(), "stream": 7, "output": output, "use": use, "chunk": chunk},
            "result": "valid",
            "expected": str(refinement(keys[0], 7, output, use, chunk)),
        }
        for output, use, chunk in ((0, 0, 0), (5, 0, 7), (5, 0, 8), (2**32 - 1, 3, 17), (1, 2**15 - 1, 2**19 - 1))
    ]
    words += [
        {
            "id": f"retry-{output}-{attempt}",
            "comment": "the word of a further attempt by output and attempt",
            "input": {"key": keys[0].hex(), "stream": 7, "output": output, "attempt": attempt},
            "result": "valid",
            "expected": str(retry_word(keys[0], 7, output, attempt)),
        }
        for output, attempt in ((0, 1), (3, 8), (3, 9), (2**32 - 1, 504))
    ]
    beyond = [(-1, 1), (2**32, 1), (2**32 - 3, 4), (0, 2**32 + 1), (5, -6), (2**40, 0), (-5, 0), (2**32 + 1, 0), (2**64, 1)]
    words += refused(
        [{"key": keys[0].hex(), "stream": 0, "start": start, "count": count} for start, count in beyond],
        "outputs outside 0 to 2**32",
    )
    write("words", "RFC 8439, sections 2.3 and 2.4", [{"parameters": {"word_bits": 64}, "cases": words}])

    for law, parameters in LAWS.items():
        cases = [
            {
                "id": "-".join(f"{name}-{value}" for name, value in given.items()).replace("/", "-"),
                "comment": "the first outputs of a stream",
                "input": {"key": keys[2].hex(), "stream": stream, **given, "size": 40},
                "result": "valid",
                "expected": drawn(keys[2], stream, law, given, 40),
            }
            for stream, given in enumerate(parameters)
        ]
        wrong = [{**given, "size": 1} for given in WRONG[law]]
        wrong += [{**parameters[0], "size": size} for size in (-1, 2**32 + 1, 1.0, True, None, "3")]
        write(
            law,
            "the byte contracts in privlib/noise/table.py and wide.py, by integers and 120 digits of mpmath",
            [{"parameters": {}, "cases": cases + refused(wrong, "a parameter or size out of range")}],
        )
    coins = [
        {
            "id": f"p-{p.replace('/', '-')}",
            "comment": "the first outputs of a stream",
            "input": {"key": keys[2].hex(), "stream": stream, "p": p, "size": 60},
            "result": "valid",
            "expected": bernoulli(keys[2], stream, Fraction(p), 60),
        }
        for stream, p in enumerate(["1/3", "1/2", "0.99", "0", "1", "1/7", "1e-30"])
    ]
    wrong = [{"p": p, "size": 1} for p in ("-1e-30", "1.0000001", "nan", "2", True)]
    write(
        "bernoulli",
        "a 64-bit word as a fraction against p, in rationals",
        [{"parameters": {}, "cases": coins + refused(wrong, "a probability out of range")}],
    )

    cases = [
        {
            "id": f"r-{r.replace('/', '-')}",
            "comment": "the first outputs of a stream",
            "input": {"key": keys[2].hex(), "stream": stream, "r": r, "size": 60},
            "result": "valid",
            "expected": bernoulli_exp(keys[2], stream, Fraction(r), 60),
        }
        for stream, r in enumerate(["0", "1", "1/3", "0.001", "4", "1000"])
    ]
    wrong = [{"r": r, "size": 1} for r in ("-1e-30", "-1", "nan", True)]
    write(
        "bernoulli_exp",
        "a 64-bit word as a fraction against exp(-r), by 120 digits of mpmath",
        [{"parameters": {}, "cases": cases + refused(wrong, "an exponent out of range")}],
    )
    cases = [
        {
            "id": f"below-{below}",
            "comment": "the first outputs of a stream",
            "input": {"key": keys[2].hex(), "stream": stream, "below": below, "size": 60},
            "result": "valid",
            "expected": integers(keys[2], stream, below, 60),
        }
        for stream, below in enumerate([1, 2, 3, 6, 10**6 + 3, 2**31, 2**32 - 1, 2**32])
    ]
    wrong = [{"below": below, "size": 1} for below in (0, -1, 2**32 + 1, True, 2.0, "3")]
    write(
        "integers",
        "floor(n u / 2**64) of a 64-bit word u",
        [{"parameters": {}, "cases": cases + refused(wrong, "a number of values out of range")}],
    )


if __name__ == "__main__":
    main()
