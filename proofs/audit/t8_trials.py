"""The trials of an audit are what its limits assume: fair independent secrets, and every trial an output of the world it names.

Statement
    Let the bytes of the operating system be independent and uniform. (1) ``_secrets(n, h)`` are n independent uniform worlds
    of h, independent of those of other calls. (2) ``Trials.draw(n)`` runs n trials: trial i runs the mechanism on the data
    set that its secret names, and what is seen of its output stands once, among the outputs of that world, in the order in
    which they were made. An exception is an output too, and nothing is dropped. For a mechanism whose batches are independent
    outputs that never raise, a batch is what as many single trials are; a batch that raises is run again one by one, as is
    all that follows. (3) ``chunks(n)`` is n trials, in pieces whose sizes do not change what is counted.

Proof
    (1) For two worlds each secret is a bit of the bytes, and no bit serves twice. Otherwise words are uniform on 2**32; those
    below the largest multiple of h are kept, so a kept word is uniform below a multiple of h, and its remainder on h worlds.
    Which words are kept says nothing of their remainders. (2) and (3) are what the code does, seen below from outside.

Checked against the shipped code
    (1) All tapes of one byte and all that is used of two. For h worlds: all tapes of four words, with words of three bits in
    place of 32, and the words around each edge for h up to 2**31 + 1; words that are all refused are followed by more. (2)
    All secrets of up to four trials on two and three worlds, each trial raising or not, one by one, as a list and as an
    array, observed or not, by a mechanism that writes to its own outputs later. (3) Several sizes of pieces.

Covers not
    That the mechanism's trials are independent: an alarm may notice when they are not, ``refuse_if_changed`` notices some that
    write to their data set. That the operating system's bytes are uniform. What becomes of a batch that raised: audit.t9.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from privlib.audit import trials
from privlib.audit.outputs import Raised
from privlib.audit.trials import Trials
from privlib.errors import InvalidInput
from privlib.prove import replaced, rewritten

covers = [
    "privlib.audit.trials._secrets",
    "privlib.audit.trials._whole",
    "privlib.audit.trials.Trials.draw",
    "privlib.audit.trials.Trials.chunks",
    "privlib.audit.trials.Trials._once",
    "privlib.audit.trials.Trials._many",
    "privlib.audit.trials.Trials._observed",
    "privlib.audit.trials.Trials._noted",
    "privlib.audit.trials.Trials._seen",
]

WORD = 2**32  # the theorem's, not the code's
WORLDS = [3, 5, 20, 100, 2**16 + 1, 2**31 + 1]


# --- (1) secrets ---


@contextmanager
def tape(*calls: bytes) -> Generator[list[int]]:
    """The operating system's bytes, given for each call, then zeros; the lengths that were asked for."""
    asked: list[int] = []

    def urandom(size: int) -> bytes:
        given = calls[len(asked)] if len(asked) < len(calls) else b""
        asked.append(size)
        return given[:size].ljust(size, b"\0")

    with replaced(trials, "os", SimpleNamespace(urandom=urandom)):
        yield asked


def words(values: Sequence[int]) -> bytes:
    return np.array(values, dtype=np.uint32).tobytes()


def secrets(count: int, worlds: int) -> tuple[int, ...]:
    drawn = trials._secrets(count, worlds)
    assert drawn.shape == (count,), "not as many secrets as trials"
    return tuple(map(int, drawn))


def equally_often(found: Counter[Any], possible: int) -> None:
    assert len(found) == possible, "some secrets never come"
    assert len(set(found.values())) == 1, "some secrets come more often than others"


def bits_are_fair() -> None:
    for count in (1, 2, 3, 7, 8):
        found: Counter[Any] = Counter()
        for byte in range(256):
            with tape(bytes([byte])) as asked:
                found[secrets(count, 2)] += 1
            assert asked == [1]
        equally_often(found, 2**count)
    found = Counter()
    for first, second in itertools.product(range(256), range(0, 256, 32)):  # the third bit of the second byte is the last used
        with tape(bytes([first, second])):
            found[secrets(11, 2)] += 1
    equally_often(found, 2**11)
    found = Counter()
    for first, second in itertools.product(range(0, 256, 16), repeat=2):
        with tape(bytes([first]), bytes([second])):
            found[secrets(3, 2), secrets(4, 2)] += 1
    equally_often(found, 2**7)


def words_are_fair() -> None:
    with replaced(trials, "_WORD", 8):
        for worlds in (3, 5, 8):
            found: Counter[Any] = Counter()
            for drawn in itertools.product(range(8), repeat=4):
                kept = [word % worlds for word in drawn if word < 8 - 8 % worlds]
                if len(kept) >= 3:
                    with tape(words(drawn)):
                        found[secrets(3, worlds)] += 1
            equally_often(found, worlds**3)


def words_are_refused_above_the_largest_multiple() -> None:
    for worlds in WORLDS:
        multiple = WORD // worlds * worlds
        edges = [0, 1, worlds - 1, worlds, multiple - 1, multiple, multiple + 1, WORD - 1, 123_456_789]
        drawn = [word for word in edges if word < WORD]
        for given in (drawn, drawn[::-1]):
            kept = [word % worlds for word in given if word < multiple]
            with tape(words(given)) as asked:
                assert secrets(len(kept), worlds) == tuple(kept), "a word is not taken at its remainder, or not refused"
            assert len(asked) == 1
        if multiple < WORD:
            for first in ([], [5]):
                with tape(words(first + [multiple] * 40), words([7, multiple, 8])) as asked:
                    found = secrets(2 + len(first), worlds)
                assert sorted(found) == sorted(word % worlds for word in (*first, 7, 8)), (
                    "what follows refused words is not taken"
                )
                assert len(asked) == 2


# --- (2) and (3) trials ---


class Mechanism:
    """Numbers its outputs within each world, raises at some, and writes over what it gave before."""

    def __init__(self, worlds: int, raising: Callable[[int, int], bool] = lambda world, number: False) -> None:
        self.made: list[list[Any]] = [[] for _ in range(worlds)]
        self.raising, self.given, self.calls, self.alone = raising, list[np.ndarray](), list[int](), False

    def one(self, world: int) -> np.ndarray:
        self.calls.append(world)
        number = len(self.made[world])
        self.made[world].append(None if self.raising(world, number) else [world, number])
        if self.made[world][-1] is None:
            raise ZeroDivisionError
        return self.kept(np.array([world, number]))

    def rows(self, world: int, n: int) -> np.ndarray:
        first = len(self.made[world])
        numbers = range(first, first + n)
        if any(self.raising(world, number) for number in numbers):
            if self.alone:
                self.made[world].append(None)
            self.alone = True  # the trials of this batch are run again, one by one, as are all after it
            raise ZeroDivisionError
        self.made[world] += [[world, number] for number in numbers]
        return self.kept(np.array(self.made[world][first:]).reshape(n, 2))

    def listed(self, world: int, n: int) -> list[Any]:
        return list(self.rows(world, n))

    def kept(self, output: Any) -> Any:
        for earlier in self.given:
            earlier[:] = -9
        self.given = [output]
        return output


def plain(outputs: Any) -> list[Any]:
    return [None if isinstance(output, Raised) else np.asarray(output).tolist() for output in outputs]


def every_trial_is_an_output_of_its_world() -> None:
    for worlds, count in ((2, 1), (2, 4), (3, 3), (3, 4)):
        for named in itertools.product(range(worlds), repeat=count):
            for raising in itertools.product((False, True), repeat=count if worlds == 2 else 1):
                for way, seen in itertools.product(("one", "rows", "listed"), (False, True)):
                    draws_are_right(worlds, named, raising, way, observed=seen)


def draws_are_right(worlds: int, named: tuple[int, ...], raising: tuple[bool, ...], way: str, *, observed: bool) -> None:
    places = [[i for i, world in enumerate(named) if world == each] for each in range(worlds)]
    fails = {(world, number) for world in range(worlds) for number, i in enumerate(places[world]) if raising[i % len(raising)]}
    wanted = [[None if (w, k) in fails else [w, k] for k in range(len(places[w]))] for w in range(worlds)]
    late = (lambda world, number: False) if observed else lambda world, number: (world, number) in fails
    mechanism = Mechanism(worlds, late)

    def observe(output: Any) -> Any:
        if tuple(output.tolist()) in fails:
            raise ArithmeticError
        return output

    runs = Trials(getattr(mechanism, way), range(worlds), observe=observe if observed else None, batch=way != "one")
    with replaced(trials, "_secrets", lambda count, _: np.array(named)):
        made = runs.draw(len(named))
    assert list(map(plain, made)) == wanted, "an output is lost, comes twice, or stands in another world"
    assert (runs.run, runs.raised) == (len(named), len(fails)), "trials or exceptions are counted otherwise"
    if way == "one":
        assert mechanism.calls == list(named), "trials run on other data sets than their secrets name"


def batches_of_another_size_are_refused() -> None:
    for change, kind in itertools.product((-1, 1), (list, np.array)):
        runs = Trials(lambda world, n, change=change, kind=kind: kind([world] * (n + change)), (0, 1), batch=True)
        try:
            runs.draw(50)
        except InvalidInput:
            continue
        raise AssertionError("a batch of another size is taken")


def pieces_are_the_whole() -> None:
    bits = np.random.default_rng(8).integers(0, 3, 100_000)
    for count, way in ((1, "one"), (1500, "one"), (1, "rows"), (7, "rows"), (4097, "rows"), (60_000, "rows")):
        for sizes in ((4096, 2**18, 2**10, 2**26), (2, 16, 3, 2**26), (5, 5, 5, 2**10)):
            if count > 10_000 and sizes[0] < 4096:
                continue
            mechanism, left, made = Mechanism(3), [bits], [list[Any]() for _ in range(3)]

            def given(size: int, _: int, left: list[Any] = left) -> np.ndarray:
                part, left[0] = left[0][:size], left[0][size:]
                return part

            runs = Trials(getattr(mechanism, way), range(3), batch=way != "one")
            with ExitStack() as stack:
                for name, value in zip(("_FIRST", "_LARGEST", "_SLOW", "_BYTES"), sizes, strict=True):
                    stack.enter_context(replaced(trials, name, value))
                stack.enter_context(replaced(trials, "_secrets", given))
                for piece in runs.chunks(count):
                    for world, outputs in enumerate(piece):
                        made[world] += plain(outputs)
            wanted = [[[world, k] for k in range(np.count_nonzero(bits[:count] == world))] for world in range(3)]
            assert made == wanted, "pieces are not the whole"
            assert runs.run == count, "more or fewer trials are run than asked for"


def prove() -> None:
    bits_are_fair()
    words_are_refused_above_the_largest_multiple()
    words_are_fair()
    every_trial_is_an_output_of_its_world()
    batches_of_another_size_are_refused()
    pieces_are_the_whole()


def mutants() -> dict[str, object]:
    room = "privlib.audit.trials"
    secret, whole = f"{room}._secrets", f"{room}._whole"
    draw, chunks, once, many, noted, seen = (
        f"{room}.Trials.{name}" for name in ("draw", "chunks", "_once", "_many", "_noted", "_seen")
    )
    return {
        "the eighth bit of a byte is never drawn": rewritten(secret, "count=count).astype", "count=count + 8)[8:].astype"),
        "a bit serves twice": rewritten(secret, "-(-count // 8)", "-(-count // 16)"),
        "ones are more frequent": rewritten(secret, "dtype=np.uint8), count", "dtype=np.uint8) | 1, count"),
        "a remainder without refusal": rewritten(secret, "words[words < fair]", "words"),
        "one word too many is kept": rewritten(secret, "words < fair", "words <= fair"),
        "the first world never comes": rewritten(secret, "% worlds])", "% (worlds - 1) + 1])"),
        "the worlds change places": rewritten(draw, "made[world].append", "made[1 - world].append"),
        "the other data set is run": rewritten(draw, "self._once(world)", "self._once(1 - world)"),
        "the worlds of a batch change places": rewritten(draw, "secrets == world", "secrets != world"),
        "every batch has the same size": rewritten(draw, "int(np.count_nonzero(secrets == world))", "count // 2"),
        "a piece is counted twice": rewritten(chunks, "yield self.draw(piece)", "yield from 2 * [self.draw(piece)]"),
        "the last piece is left out": rewritten(chunks, "while count > 0", "while count > 63"),
        "the last piece is a whole one": rewritten(chunks, ", count)\n", ")\n"),
        "an exception is no output": rewritten(once, "return self._noted(error)", "return self._once(world)"),
        "an exception looks like an output": rewritten(noted, "return symbol", "return [0, 0]"),
        "what raises is left out of its batch": rewritten(
            many, "            self.alarm = self.alarm or _RAISED_LATE\n        return [self._once(world) for _ in range(count)]",
            "            self.alarm = self.alarm or _RAISED_LATE\n        return []",
        ),
        "after an exception batches go on": rewritten(many, "self._one_by_one = True", "pass"),
        "an array is not copied": rewritten(many, "outputs.copy()", "outputs"),
        "an output is not copied": rewritten(seen, "shown.copy()", "shown"),
        "a batch's last output is not seen": rewritten(many, "for output in outputs]", "for output in outputs[:-1]]"),
        "a batch may be short": rewritten(whole, "len(outputs) != count", "len(outputs) > count"),
    }  # fmt: skip
