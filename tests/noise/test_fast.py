"""Compiled sampling returns the reference's bytes, whatever the slices, runs, threads and words; small requests do without."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import privlib
from privlib.errors import InvalidInput
from privlib.noise import fast, fill, kernels, table, wide
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, Law, NegativeBinomial, RoundedGaussian
from privlib.noise.stream import MAX_OUTPUTS, ChaChaWords, words
from privlib.noise.table import Table
from privlib.noise.testing import fixed_key, scripted_words

numba = pytest.importorskip("numba", reason="the extra fast is not installed")

KEY = bytes(range(32))
LAWS = [
    DiscreteLaplace(Fraction(1, 3)),
    DiscreteLaplace(Fraction(10)),
    DiscreteGaussian(Fraction(1, 2)),
    DiscreteGaussian(Fraction(100)),
    RoundedGaussian(Fraction(30)),
    Geometric(Fraction(7)),
    NegativeBinomial(Fraction(1, 5), Fraction(10)),
    NegativeBinomial(Fraction(9), Fraction(2)),
]
WORD_BITS = [16, 32, 64]
LONGEST = 2**16


def laplace(scale: Fraction | int, word_bits: int = 64) -> Table:
    return table.table(DiscreteLaplace(Fraction(scale)), word_bits)


tables = st.builds(table.table, st.sampled_from(LAWS), st.sampled_from(WORD_BITS))


def word_of_left(chosen: Table) -> int:
    return chosen.left << (chosen.word_bits - chosen.column_bits)


class Recorded:
    """Words of a fixed key that are not ChaCha20's by type, and who asked for them."""

    refinement_bits = 64

    def __init__(self) -> None:
        self.inner, self.asked = ChaChaWords(KEY), list[tuple[int, int, int]]()

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        self.asked.append((start, count, threading.get_ident()))
        return self.inner.main(start, count, word_bits)

    def refine(self, output: int, use: int, chunk: int) -> int:
        return self.inner.refine(output, use, chunk)


class AllWords:
    """Every word of 16 bits once."""

    refinement_bits = 64

    def __init__(self) -> None:
        self.refined = set[int]()

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        return np.arange(start, start + count, dtype="<u2").tobytes()

    def refine(self, output: int, use: int, chunk: int) -> int:
        self.refined.add(output)
        return 3**40 * (output + chunk + 1) % 2**64


# Same bytes


@given(
    chosen=tables,
    key=st.binary(min_size=32, max_size=32),
    stream=st.integers(0, 2**64 - 1),
    start=st.integers(0, 40) | st.integers(0, MAX_OUTPUTS - 3000),
    size=st.integers(0, 3000),
    length=st.sampled_from([1, 2, 7, 64, 100, 1024, 2**14]),
    threads=st.integers(1, 5),
)
def test_the_bytes_are_the_references(
    *, chosen: Table, key: bytes, stream: int, start: int, size: int, length: int, threads: int
) -> None:
    if length < 64:
        size = min(size, 100 * length)
    expected = table.draw(ChaChaWords(key, stream=stream), chosen, start=start, size=size)
    with patch.object(fast, "_run_length", lambda _: length):
        drawn = fast.draw(ChaChaWords(key, stream=stream), chosen, start=start, size=size, threads=threads)
    assert (drawn.dtype, drawn.shape) == (np.int64, (size,))
    assert np.array_equal(drawn, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2**14 - 1, 2**14, 2**14 + 1, 5 * 2**14 + 3, 2**18, 2**20 - 1, 2**20 + LONGEST + 1])
def test_the_border_of_a_run_cannot_be_seen(size: int, threads: int) -> None:
    for word_bits, start in ((64, 5), (16, 3)):
        chosen = laplace(10, word_bits)
        expected = table.draw(ChaChaWords(KEY), chosen, start=start, size=size)
        assert np.array_equal(fast.draw(ChaChaWords(KEY), chosen, start=start, size=size, threads=threads), expected)


@pytest.mark.parametrize("word_bits", WORD_BITS)
@pytest.mark.parametrize("start", [*range(1, 10), 31, 32, 33, MAX_OUTPUTS - 200])
def test_a_slice_may_start_inside_a_block(start: int, word_bits: int) -> None:
    chosen = laplace(2, word_bits)
    expected = table.draw(ChaChaWords(KEY), chosen, start=start, size=200)
    assert np.array_equal(fast.draw(ChaChaWords(KEY), chosen, start=start, size=200), expected)
    assert np.array_equal(fast.draw(ChaChaWords(KEY), chosen, start=start + 3, size=190, threads=7), expected[3:193])


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_all_words_together_give_the_weights(law: Law) -> None:
    chosen, source, compared = table.table(law, 16), AllWords(), AllWords()
    drawn = fast.draw(source, chosen, start=0, size=2**16, threads=3)
    assert np.array_equal(drawn, table.draw(compared, chosen, start=0, size=2**16))
    assert source.refined <= compared.refined
    kept = np.delete(drawn, left_outputs(chosen))
    assert kept.size == 2**16 - chosen.left_weight
    values, counts = np.unique(kept, return_counts=True)
    floors = law.floors(16)
    weights = {k: floors[abs(k)] for k in range(1 - len(floors) if law.two_sided else 0, len(floors))}
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == weights


def left_outputs(chosen: Table) -> list[int]:
    """Which of all words of 16 bits mean LEFT, by the plain kernel."""
    word = np.arange(2**16, dtype=np.uint16)
    outputs, rare = np.empty(2**16, dtype=np.int64), np.empty(2**16, dtype=np.int32)
    found = kernels.look_up(
        word,
        chosen.cut,
        chosen.alias,
        chosen.values,
        np.uint64(16 - chosen.column_bits),
        np.uint64(chosen.left),
        outputs,
        rare,
    )
    return rare[:found].tolist()


@pytest.mark.parametrize("length", [1, 10, 64, 2**14])
@pytest.mark.parametrize("size", [1, 9, 64, 257])
def test_a_stream_of_nothing_but_left_is_finished_output_by_output(size: int, length: int) -> None:
    chosen = laplace(1)
    asked = list[tuple[int, int, int]]()

    def refine(output: int, use: int, chunk: int) -> int:
        asked.append((output, use, chunk))
        return (output + 1) * 0x9E3779B97F4A7C15 % 2**64

    script = [word_of_left(chosen)] * size
    with scripted_words(script, refine=refine):
        expected = table.draw(words(), chosen, start=0, size=size)
    wanted, asked = asked, []
    with scripted_words(script, refine=refine), patch.object(fast, "_run_length", lambda _: length):
        drawn = fast.draw(words(), chosen, start=0, size=size, threads=4)
    assert np.array_equal(drawn, expected)
    assert asked == wanted, "the same bits are used, in the same order"
    assert {output for output, _, _ in asked} == set(range(size))


def test_left_among_other_words_keeps_its_place() -> None:
    chosen = laplace(1)
    script = [word_of_left(chosen) if i % 5 == 3 else i << 58 for i in range(60)]
    refine = partial(int.__add__, 7)  # any fixed bits will do
    results = []
    for draw in (table.draw, fast.draw):
        with scripted_words(script, refine=lambda output, use, chunk: refine(output)):
            results.append(draw(words(), chosen, start=0, size=60))
    assert np.array_equal(*results)


def test_the_compiled_kernel_is_the_plain_one() -> None:
    chosen = laplace(10, 16)
    drawn = np.frombuffer(ChaChaWords(KEY).main(0, 20_000, 16), dtype="<u2")
    results = []
    for kernel in (kernels.look_up, fast._compiled_look_up(16)):
        outputs, rare = np.empty(drawn.size, dtype=np.int64), np.zeros(drawn.size, dtype=np.int32)
        shift = np.uint64(16 - chosen.column_bits)
        found = kernel(drawn, chosen.cut, chosen.alias, chosen.values, shift, np.uint64(chosen.left), outputs, rare)
        results.append((outputs.tolist(), rare[:found].tolist()))
    assert results[0] == results[1]
    assert results[0][1], "some words mean LEFT"


# Words, threads, processes


@given(
    st.integers(0, 200) | st.integers(0, MAX_OUTPUTS - 500), st.integers(0, 500), st.sampled_from(WORD_BITS), st.integers(1, 130)
)
def test_runs_are_the_main_words(start: int, count: int, word_bits: int, length: int) -> None:
    runs = [bytes(run) for run in ChaChaWords(KEY, stream=9).runs(start, count, word_bits, length=length)]
    assert b"".join(runs) == ChaChaWords(KEY, stream=9).main(start, count, word_bits)
    assert all(len(run) == length * word_bits // 8 for run in runs[:-1])


@pytest.mark.parametrize(("start", "size"), [(MAX_OUTPUTS, 1), (MAX_OUTPUTS - 1, 2), (-1, 1)])
@pytest.mark.parametrize("threads", [1, 4])
def test_words_beyond_the_stream_are_refused(start: int, size: int, threads: int) -> None:
    with pytest.raises(InvalidInput, match="at most"):
        fast.draw(ChaChaWords(KEY), laplace(1), start=start, size=size, threads=threads)


def test_other_words_are_asked_for_in_order_by_one_thread() -> None:
    source, size = Recorded(), 3 * LONGEST + 17
    drawn = fast.draw(source, laplace(10), start=11, size=size, threads=4)
    assert np.array_equal(drawn, table.draw(ChaChaWords(KEY), laplace(10), start=11, size=size))
    assert {thread for _, _, thread in source.asked} == {threading.get_ident()}
    ends = [start + count for start, count, _ in source.asked]
    assert [start for start, _, _ in source.asked] == [11, *ends[:-1]]
    assert ends[-1] == 11 + size


def test_words_changed_by_a_subclass_are_not_passed_over() -> None:
    class Zeros(ChaChaWords):
        __slots__ = ()

        def main(self, start: int, count: int, word_bits: int) -> bytes:
            return bytes(count * word_bits // 8)

    assert not fast.draw(Zeros(KEY), laplace(10), start=0, size=100).any()


def test_an_array_of_the_caller_is_filled() -> None:
    expected = table.draw(ChaChaWords(KEY), laplace(10), start=0, size=1000)
    whole = np.full(1200, -(10**9))
    assert fast.draw(ChaChaWords(KEY), laplace(10), start=0, size=1000, out=whole[100:1100]).base is whole
    assert np.array_equal(whole[100:1100], expected)
    assert (whole[:100] == -(10**9)).all()
    assert (whole[1100:] == -(10**9)).all()


@pytest.mark.parametrize(
    ("out", "error"),
    [
        (np.empty(99, np.int64), ValueError),
        (np.empty((100, 1), np.int64), ValueError),
        (np.empty(100, np.int32), TypeError),
        (np.empty(200, np.int64)[::2], TypeError),
    ],
)
def test_an_array_that_does_not_fit_is_refused(out: np.ndarray, error: type[Exception]) -> None:
    with pytest.raises(error):
        fast.draw(ChaChaWords(KEY), laplace(10), start=0, size=100, out=out)


def test_no_thread_is_no_noise() -> None:
    with pytest.raises(ValueError, match="max_workers"):
        fast.draw(ChaChaWords(KEY), laplace(10), start=0, size=100, threads=0)


def digest(drawn: np.ndarray) -> str:
    return hashlib.sha256(drawn.tobytes()).hexdigest()


def run(code: str, folder: Path | None = None, **environment: str) -> list[str]:
    """The lines that a fresh interpreter prints, started where the package lies; warnings are errors there."""
    head = """
import hashlib, os, sys
from fractions import Fraction
from privlib.noise import fill, table, wide
from privlib.noise.laws import DiscreteLaplace
from privlib.noise.stream import ChaChaWords
source, chosen = ChaChaWords(bytes(range(32))), table.table(DiscreteLaplace(Fraction(10)))
digest = lambda drawn: hashlib.sha256(drawn.tobytes()).hexdigest()
"""
    home = folder or Path(privlib.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", head + code],
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("seed", ["0", "12345"])
def test_another_process_draws_the_same_also_after_a_fork(seed: str) -> None:
    code = """
from privlib.noise import fast
print(digest(fast.draw(source, chosen, start=3, size=300_000, threads=3)), flush=True)
if not (child := os.fork()):
    print(digest(fast.draw(source, chosen, start=3, size=300_000, threads=2)), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    expected = digest(table.draw(ChaChaWords(KEY), laplace(10), start=3, size=300_000))
    assert run(code, PYTHONHASHSEED=seed) == [expected, expected]


def test_compiled_code_needs_no_folder_to_be_kept_in(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.touch()
    copy = tmp_path / "copy"
    shutil.copytree(Path(privlib.__file__).parent, copy / "privlib", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "privlib" / "noise" / "__pycache__").touch()  # a file where the folder would be: not even root can write there
    code = "print(fill.__file__, digest(fill.draw(source, chosen, start=0, size=fill.COLD)), 'numba' in sys.modules)"
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"), str(blocked))
    expected = digest(table.draw(ChaChaWords(KEY), laplace(10), start=0, size=fill.COLD))
    assert run(code, copy, **nowhere) == [f"{copy / 'privlib' / 'noise' / 'fill.py'} {expected} True"]


def test_a_full_disk_costs_only_the_next_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    kept = "numba.core.caching.IndexDataCacheFile"
    monkeypatch.setattr(f"{kept}.load", lambda *_: None)
    monkeypatch.setattr(f"{kept}.save", full)
    monkeypatch.setattr(fast, "compiled", kernels.compiled.__wrapped__)
    drawn = fast.draw(ChaChaWords(KEY), laplace(10), start=0, size=1000)
    assert np.array_equal(drawn, table.draw(ChaChaWords(KEY), laplace(10), start=0, size=1000))


@pytest.mark.parametrize("threads", [1, 8])
def test_memory_is_the_output_and_little_more(threads: int) -> None:
    size, chosen = 4_000_000, laplace(10)
    fast.draw(ChaChaWords(KEY), chosen, start=0, size=1)
    tracemalloc.start()
    try:
        fast.draw(ChaChaWords(KEY), chosen, start=0, size=size, threads=threads)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * size + 16 * 10**6


# Who fills a request


def test_small_requests_import_and_compile_nothing() -> None:
    code = """
heavy = lambda: sorted({"numba", "llvmlite", "privlib.noise.fast", "concurrent.futures.thread"} & set(sys.modules))
for law in (chosen, wide.histogram(DiscreteLaplace(Fraction(10**4)))):
    fill.draw(source, law, start=0, size=fill.COLD - 1)
print(heavy())
fill.draw(source, chosen, start=0, size=fill.COLD)
print("numba" in heavy())
"""
    assert run(code) == ["[]", "True"]
    assert (fill.LARGE, fill.COLD) == (10**5, 10**6)


def test_once_numba_is_there_a_smaller_request_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = list[int]()
    monkeypatch.setattr(fast, "draw", lambda *_, size, **__: sizes.append(size))
    assert "numba" in sys.modules
    for size in (fill.LARGE - 1, fill.LARGE):
        fill.draw(ChaChaWords(KEY), laplace(10), start=0, size=size)
    monkeypatch.delitem(sys.modules, "numba")
    monkeypatch.setattr(fill, "_has_numba", lambda: True)
    for size in (fill.COLD - 1, fill.COLD):
        fill.draw(ChaChaWords(KEY), laplace(10), start=0, size=size)
    assert sizes == [fill.LARGE, fill.COLD]


@settings(max_examples=20)
@given(tables, st.integers(0, 100), st.integers(-2, 2) | st.integers(-fill.LARGE, 10**5))
def test_a_request_is_filled_the_same_on_both_sides_of_the_border(chosen: Table, start: int, beyond: int) -> None:
    size = fill.LARGE + beyond
    drawn = fill.draw(ChaChaWords(KEY), chosen, start=start, size=size)
    assert np.array_equal(drawn, table.draw(ChaChaWords(KEY), chosen, start=start, size=size))


def test_a_fixed_key_gives_large_requests_too() -> None:
    with fixed_key(KEY):
        drawn = fill.draw(words(), laplace(10), start=0, size=2 * fill.LARGE)
    assert np.array_equal(drawn, table.draw(ChaChaWords(KEY), laplace(10), start=0, size=2 * fill.LARGE))


def test_a_wide_law_is_drawn_from_its_histogram() -> None:
    chosen = wide.histogram(DiscreteGaussian(Fraction(10**12)))
    expected = wide.draw(ChaChaWords(KEY), chosen, start=7, size=1000)
    assert np.array_equal(fill.draw(ChaChaWords(KEY), chosen, start=7, size=1000), expected)


def test_without_numba_the_reference_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)  # as if it were not installed
    monkeypatch.setattr(fast, "draw", lambda *_, **__: pytest.fail("compiled code was asked"))
    drawn = fill.draw(ChaChaWords(KEY), laplace(10), start=0, size=fill.LARGE)
    assert np.array_equal(drawn, table.draw(ChaChaWords(KEY), laplace(10), start=0, size=fill.LARGE))


def test_an_array_of_the_caller_is_filled_by_whoever_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "_PIECE", 1000)
    for chosen in (laplace(10), wide.histogram(DiscreteLaplace(Fraction(10**4)))):
        for size in (0, 1, 2500, fill.LARGE + 3):
            whole = np.full(size + 20, -(10**9))
            out = whole[10 : size + 10]
            assert fill.draw(ChaChaWords(KEY), chosen, start=5, size=size, out=out) is out
            assert np.array_equal(out, fill.draw(ChaChaWords(KEY), chosen, start=5, size=size))
            assert (np.delete(whole, np.s_[10 : size + 10]) == -(10**9)).all()


def frozen(size: int) -> np.ndarray:
    array = np.empty(size, np.int64)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("size", [100, fill.LARGE])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda size: [0] * size,
        lambda size: np.empty(size - 1, np.int64),
        lambda size: np.empty((size, 1), np.int64),
        lambda size: np.empty(size, np.int32),
        lambda size: np.empty(size, np.uint64),
        lambda size: np.empty(size, np.float64),
        lambda size: np.empty(size, ">i8"),
        lambda size: np.empty(2 * size, np.int64)[::2],
        lambda size: np.empty(8 * size + 1, np.uint8)[1:].view(np.int64),
        frozen,
    ],
)
def test_an_array_that_does_not_fit_is_refused_before_anything_is_drawn(size: int, wrong: Callable[[int], np.ndarray]) -> None:
    source = Recorded()
    with pytest.raises(InvalidInput, match=r"^out must be"):
        fill.draw(source, laplace(10), start=0, size=size, out=wrong(size))
    assert not source.asked


@pytest.mark.parametrize(("size", "cores", "threads"), [(10**7 - 1, 64, 1), (10**7, 1, 1), (10**7, 3, 3), (10**9, 64, 8)])
def test_threads_are_for_huge_requests_and_no_more_than_the_cores_allowed(
    monkeypatch: pytest.MonkeyPatch, size: int, cores: int, threads: int
) -> None:
    asked = list[int]()

    def spy(*_: object, threads: int, **__: object) -> None:
        asked.append(threads)

    monkeypatch.setattr(fast, "draw", spy)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    fill.draw(ChaChaWords(KEY), laplace(10), start=0, size=size)
    monkeypatch.delattr(os, "sched_getaffinity")  # macOS has none
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    fill.draw(ChaChaWords(KEY), laplace(10), start=0, size=size)
    assert asked == [threads, threads]
