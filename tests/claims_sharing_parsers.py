"""Acceptance 6 of secret sharing: fuzz the parsers of shares for a number of minutes.

``python tests/claims_sharing_parsers.py 10 [START]`` changes shares, their text and their words in every way that it can think
of, most of the time with checks computed anew, so that what comes after the checks is reached. It counts what raises anything
else than `BadShare`, what is taken in two spellings, and what takes long. The exit status is 1 if there is any. START, a number,
is printed, and gives the same inputs again.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from claims import failed, say  # beside this file

from privlib.errors import BadShare, InvalidInput
from privlib.sharing import signing, text, wire
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec

MINUTES = 10.0
LONG = 5.0
TELLING = (0, 1, 2, 3, 4, 5, 8, 15, 16, 31, 32, 64, 127, 128, 254, 255)


class Fuzzer:
    """Makes inputs, and remembers what went wrong."""

    def __init__(self, start: int) -> None:
        self.random = random.Random(start)  # noqa: S311 - inputs that can be made again; nothing is secret
        self.shares = [self.share() for _ in range(200)]
        self.inputs, self.taken = Counter[str](), Counter[str]()
        self.foreign, self.twice, self.slow = list[str](), list[str](), list[str]()

    def share(self) -> Share:
        r = self.random
        while True:
            code, layout = r.choice(["delta", "gamma", "omega", "unary", "fixed-64"]), r.choice(["paper", "compact"])
            spec = Spec(
                r.choice([2, 3, 5, r.randint(2, 40)]),
                r.choice([1, 2, 3, 16, 16, 32, 32, 64, r.randint(1, 1500)]),
                code=code,
                layout=layout,
                width=r.choice([None, 1, 3, 64]),
                integrity=r.choice(["amd", "none", "signed"]),
            )
            t = r.randint(1, r.choice([3, 40, 2**64] if code != "unary" else [3, 40]))
            if spec.share_bytes(t) < 20_000:
                break
        extents = sorted(r.sample(range(1, 500), r.randint(0, 3)))
        share = Share(
            spec=spec,
            dealer=r.randbytes(16),
            epoch=r.choice([0, 1, r.getrandbits(64)]),
            t=t,
            lineage=tuple((extent, r.randbytes(16)) for extent in extents),
            kind=r.choice(["perfect", "seeded"]),
            secure=r.random() < 0.5,
            payload=r.randbytes(spec.share_bytes(t)),
        )
        return signing.sign(share, r.randbytes(32)) if r.random() < 0.3 else share

    def changed(self, data: bytes) -> bytes:
        """A few edits, most of them near the beginning, where the structure is."""
        r, out = self.random, bytearray(data)
        for _ in range(r.choice([1, 1, 1, 2, 3, 8])):
            place = r.randrange(len(out) + 1) if r.random() < 0.3 else min(len(out), int(r.expovariate(1 / 25)))
            match r.randrange(6):
                case 0:
                    out[place : place + 1] = bytes([r.choice(TELLING)])
                case 1:
                    out[place : place + 1] = bytes([r.randrange(256)])
                case 2:
                    out[place:place] = r.randbytes(r.randint(1, 4))
                case 3:
                    del out[place : place + r.randint(1, 20)]
                case 4:
                    other = r.choice(self.shares).to_bytes()
                    out[place:] = other[min(len(other), place + r.randint(-2, 2)) :] if r.random() < 0.7 else b""
                case _:
                    out[place:place] = out[place : place + r.randint(1, 20)]
        return bytes(out)

    def binary(self) -> bytes:
        r, data = self.random, self.random.choice(self.shares).to_bytes()
        if r.random() < 0.02:
            return r.randbytes(r.randrange(200))
        body = self.changed(data[: -wire.CHECKSUM])
        return body + (wire.checksum(body) if r.random() < 0.9 else r.randbytes(r.randint(0, 5)))

    def text(self) -> str:
        r = self.random
        data = self.binary() if r.random() < 0.5 else r.choice(self.shares).to_bytes()
        lines = text.write(data or b"\0").split("\n")
        if r.random() < 0.6:  # other symbols, with the checks that belong to them
            place = r.randrange(len(lines))
            symbols = [text._VALUES[letter] for letter in lines[place].replace("-", "")][: -text._LETTERS.checks]
            for _ in range(r.randint(1, 3)):
                where = r.randrange(len(symbols)) if r.random() < 0.5 else r.choice([0, 5, 6, 7, 8, 9, len(symbols) - 1])
                symbols[where % len(symbols) : where % len(symbols) + r.choice([1, 1, 1, 0, 2])] = [r.randrange(32)]
            coded = text._shifted(text._LETTERS.extend(symbols))
            lines[place] = text._grouped("".join(text._ALPHABET[symbol] for symbol in coded))
        if r.random() < 0.2:
            r.shuffle(lines)
        return self.misspelt("\n".join(lines))

    def words(self) -> str:
        r = self.random
        data = self.binary() if r.random() < 0.5 else r.choice(self.shares).to_bytes()
        words = text.write_words(data[: 2**16 - 1] or b"\0").split("-")
        if r.random() < 0.6:
            numbers = [text._number(word) for word in words[: -text._WORDS.checks]]
            place = r.choice([0, -1, r.randrange(len(numbers))]) % len(numbers)
            numbers[place : place + r.choice([0, 1, 1, 1, 2])] = [r.choice([0, 1, r.getrandbits(16), numbers[place] ^ 1])]
            words = [text._word(number) for number in text._WORDS.extend(numbers)]
        return self.misspelt("-".join(words))

    def misspelt(self, written: str) -> str:
        r = self.random
        if r.random() < 0.5:
            return written
        letters = list(written)
        for _ in range(r.choice([1, 1, 2, 5, 12])):
            place = r.randrange(len(letters) + 1)
            letters[place : place + r.randint(0, 2)] = r.choice(
                ["", "q", "p", "-", "\n", " ", "b", "é", "İ", "\ud800", "٣", "a" * 5]
            )
        return r.choice([str.upper, str.title, str.strip])("".join(letters)) if r.random() < 0.1 else "".join(letters)

    def plan(self) -> str:
        r = self.random
        record = r.choice(self.shares).spec.to_dict()
        values = [None, True, -1, 0, 1, 2.0, 10**30, "", "delta", "fixed-9", [], {}, "compact", float("nan")]
        for _ in range(r.randint(0, 2)):
            record[r.choice([*record, "more"])] = r.choice(values)
        return json.dumps(record, sort_keys=True)

    def try_one(self, kind: str, given: Any, read: Callable[[Any], Any], write: Callable[[Any], Any]) -> None:
        self.inputs[kind] += 1
        began = time.perf_counter()
        try:
            again = write(read(given))
        except Exception as error:  # whatever it is, it is what is looked for
            if not isinstance(error, BadShare if kind != "plans" else InvalidInput):
                self.foreign.append(f"{kind}: {error!r} of {given!r}")
        else:
            self.taken[kind] += 1
            if again != given:
                self.twice.append(f"{kind}: {given!r}")
        if time.perf_counter() - began > LONG:
            self.slow.append(f"{kind}: {given!r}")

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(100):  # text takes many times as long as bytes
                self.try_one("bytes", self.binary(), Share.from_bytes, Share.to_bytes)
            self.try_one("text", self.text(), Share.from_text, Share.to_text)
            self.try_one("tidied text", text.tidy(self.text()), Share.from_text, Share.to_text)
            self.try_one("words", self.words(), Share.from_words, Share.to_words)
            self.try_one("tidied words", text.tidy_words(self.words()), Share.from_words, Share.to_words)
            self.try_one("plans", self.plan(), lambda plan: Spec.from_dict(json.loads(plan)), plan_text)


def plan_text(spec: Spec) -> str:
    return json.dumps(spec.to_dict(), sort_keys=True)


def main(minutes: float, start: int) -> None:
    fuzzer = Fuzzer(start)
    fuzzer.run(60 * minutes)
    counts = ", ".join(f"{count} {kind} ({fuzzer.taken[kind]} taken)" for kind, count in fuzzer.inputs.items())
    print(f"6. fuzzing the parsers of shares for {minutes:g} minutes, start {start}: {counts}")
    for line, found in (
        ("     exceptions outside the error family", fuzzer.foreign),
        ("     two encodings of one share taken", fuzzer.twice),
        (f"     inputs that took longer than {LONG:g} s", fuzzer.slow),
    ):
        say(line, str(len(found)), "0", met=not found, blocks=True)
        for each in found[:3]:
            print(f"       {each[:300]}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(float(given[0]) if given else MINUTES, int(given[1]) if len(given) > 1 else time.time_ns() % 2**32)
    sys.exit(bool(failed))
