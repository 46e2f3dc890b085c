"""Known answers for tests/vectors/noise: ChaCha20 written from RFC 8439 in plain integers, the law by mpmath.

Shares no code with privlib. Run ``python tests/vectors/generate/noise.py`` to write the files again.
"""

import json
from fractions import Fraction
from pathlib import Path

import mpmath

FOLDER = Path(__file__).parents[1] / "noise"
DIGITS = 120


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


def weights(scale: Fraction) -> dict[int, int]:
    """``floor(2**64 P(k))`` in the order of the contract's symbols."""
    with mpmath.workdps(DIGITS):
        q = mpmath.exp(-mpmath.mpf(scale.denominator) / scale.numerator)
        found, k = {}, 0
        while (weight := int(mpmath.floor(2**64 * (1 - q) / (1 + q) * q**k))) > 0:
            found[-k] = found[k] = weight
            k += 1
    return dict(sorted(found.items(), key=lambda item: (abs(item[0]), item[0])))


def alias(values: list[int]) -> tuple[int, list[tuple[int, int]]]:
    """Step 3 of the contract, one symbol after the other: (own part, alias) of each column."""
    columns = 1 << (len(values) - 1).bit_length()
    room = 2**64 // columns
    rest = values + [0] * (columns - len(values))
    table = [(0, 0)] * columns
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
    for i, weight in enumerate(values):
        if weight == room:
            table[i] = (room, i)
    return room, table


def laplace(key: bytes, stream: int, scale: Fraction, size: int) -> list[int]:
    known = weights(scale)
    left = 2**64 - sum(known.values())
    room, table = alias([*known.values(), left])
    symbols, out = list(known), []
    for output in range(size):
        column, low = divmod(main_word(key, stream, output), room)
        cut, other = table[column]
        symbol = column if low < cut else other
        assert symbol < len(symbols), "choose another key: this one draws the residual symbol"
        out.append(symbols[symbol])
    return out


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
    beyond = [(-1, 1), (2**32, 1), (2**32 - 3, 4), (0, 2**32 + 1), (5, -6), (2**40, 0), (-5, 0)]
    words += refused(
        [{"key": keys[0].hex(), "stream": 0, "start": start, "count": count} for start, count in beyond],
        "outputs outside 0 to 2**32",
    )
    write("words", "RFC 8439, sections 2.3 and 2.4", [{"parameters": {"word_bits": 64}, "cases": words}])

    cases = [
        {
            "id": f"scale-{scale.replace('/', '-')}",
            "comment": "the first outputs of a stream",
            "input": {"key": keys[2].hex(), "stream": stream, "scale": scale, "size": 40},
            "result": "valid",
            "expected": laplace(keys[2], stream, Fraction(scale), 40),
        }
        for stream, scale in enumerate(["1", "10", "1/2", "0.1", "1/1000", "2", "7/3", "100", "1000"])
    ]
    wrong = [{"scale": scale, "size": 1} for scale in ("0", "-1", "nan", "inf", "10000.0000001", "1e-999", "1/0", "", True)] + [
        {"scale": "1", "size": size} for size in (-1, 2**32 + 1, 1.0, True, None, "3")
    ]
    write(
        "discrete_laplace",
        "the byte contract in privlib/noise/table.py, by integers and 120 digits of mpmath",
        [{"parameters": {}, "cases": cases + refused(wrong, "a scale or size out of range")}],
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


if __name__ == "__main__":
    main()
