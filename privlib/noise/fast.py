"""Compiled sampling for large requests: the bytes of the numpy reference, several times as fast and on several threads.

Needs the extra ``fast`` (numba), which is imported and compiles at the first draw, not before. Output ``i`` depends on the
key, the stream and ``i`` alone, so a request is cut into slices, one a thread, and each slice into runs of words that stay
in the cache. A kernel turns a run of words into outputs and lists the outputs that words alone do not decide. Those wait
until there are enough to be finished together: a table's LEFT on the host, exactly; a histogram's attempts by a float where
its error allows and on the host where it does not, never retried and never rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from privlib.noise import kernels, table, wide
from privlib.noise.kernels import Ints, MainWords, Places, compiled
from privlib.noise.lazy import LazyUniform
from privlib.noise.stream import ChaChaWords, Words
from privlib.noise.table import Table
from privlib.noise.wide import Histogram

__all__ = ["draw"]

_SHORTEST, _LONGEST = 14, 16
"""Binary logarithms of the words in a run: shorter ones spend their time in Python, longer ones leave the cache."""

_WAITING = 1 << 13
"""From this many undecided outputs on, they are finished: fewer spend their time in Python."""

_CACHED_COLUMNS = 16
_FIELD_BITS = 16
_ATTEMPTS_A_BLOCK = 8

Kernel = Callable[[MainWords, Ints, Places], int]
"""``kernel(words, outputs, rare)`` fills the outputs of some words, lists in ``rare`` the places that it cannot decide, and
returns how many these are. ``rare`` has a place for every word, so that no list overflows whatever the words are."""
Finish = Callable[[Ints, MainWords], Sequence[int] | Ints]
"""``finish(indices, words)`` gives the outputs of these indices in the stream, whose words a kernel could not decide."""


def draw(source: Words, chosen: Table | Histogram, *, start: int, size: int, threads: int = 1, out: Ints | None = None) -> Ints:
    """The outputs of `privlib.noise.table.draw` or `privlib.noise.wide.draw`, byte for byte.

    Parameters
    ----------
    source : Words
        Where the bits come from; words that are not ChaCha20's are asked for in order, by one thread.
    chosen : Table or Histogram
        The law, ready to draw.
    start, size : int
        Outputs ``start`` to ``start + size`` of the stream.
    threads : int
        How many slices are filled at the same time.
    out : int64 array, shape (size,), optional
        Where to write; contiguous.

    Returns
    -------
    int64 array, shape (size,)
    """
    kernel, finish = _wide(source, chosen) if isinstance(chosen, Histogram) else _narrow(source, chosen)
    filled = np.empty(size, dtype=np.int64) if out is None else out
    _fill(filled, source, kernel, finish, start=start, size=size, word_bits=chosen.word_bits, threads=threads)
    return filled


def _fill(
    out: Ints,
    source: Words,
    kernel: Kernel,
    finish: Finish,
    *,
    start: int,
    size: int,
    word_bits: int,
    threads: int,
) -> None:
    """Fill ``out`` by a kernel, one word an output, and finish what the kernel leaves undecided."""
    if out.shape != (size,):  # compiled code checks no borders
        raise ValueError(f"out must have shape ({size},), got {out.shape}")

    def fill(begin: int, end: int) -> None:
        length = _run_length(end - begin)
        rare = np.empty(length, dtype=np.int32)
        waiting, count = list[tuple[Ints, MainWords]](), 0
        for words in _runs(source, start + begin, end - begin, word_bits, length):
            undecided = rare[: kernel(words, out[begin : begin + words.size], rare)]
            if undecided.size:
                waiting.append((begin + undecided.astype(np.int64), words[undecided]))
                count += undecided.size
            begin += words.size
            if waiting and (begin == end or count >= _WAITING):
                places, their_words = (np.concatenate(parts) for parts in zip(*waiting, strict=True))
                out[places] = finish(start + places, their_words)
                waiting, count = [], 0

    if threads == 1 or type(source) is not ChaChaWords:
        fill(0, size)
        return
    with ThreadPoolExecutor(threads) as pool:  # made for this call: nothing is left that a fork could break
        borders = [size * i // threads for i in range(threads + 1)]
        list(pool.map(fill, borders[:-1], borders[1:]))  # the list raises what a thread raised


def _run_length(size: int) -> int:
    """How many words at a time: the buffers stay small beside the outputs, because fresh memory costs as much as sampling."""
    return 1 << min(max(size.bit_length() - 4, _SHORTEST), _LONGEST)


def _runs(source: Words, start: int, count: int, word_bits: int, length: int) -> Iterator[MainWords]:
    """The words in order, at most ``length`` at a time; a run may overwrite the one before."""
    kind = f"<u{word_bits // 8}"
    if type(source) is ChaChaWords:  # nothing that a subclass may have changed
        for run in source.runs(start, count, word_bits, length=length):
            yield np.frombuffer(run, dtype=kind)
        return
    for begin in range(start, start + count, length):
        size = min(length, start + count - begin)
        yield np.frombuffer(source.main(begin, size, word_bits), dtype=kind, count=size)


def _narrow(source: Words, chosen: Table) -> tuple[Kernel, Finish]:
    """The table sampler."""
    look_up = _compiled_look_up(chosen.word_bits)
    shift, left = np.uint64(chosen.word_bits - chosen.column_bits), np.uint64(chosen.left)

    def kernel(words: MainWords, outputs: Ints, rare: Places) -> int:
        return look_up(words, chosen.cut, chosen.alias, chosen.values, shift, left, outputs, rare)

    def finish(indices: Ints, _: MainWords) -> list[int]:
        return [table.resolve(chosen, LazyUniform(source, output=output, use=0)) for output in indices.tolist()]

    return kernel, finish


def _wide(source: Words, chosen: Histogram) -> tuple[Kernel, Finish]:
    """The histogram sampler: the kernel accepts nearly every word by integers, the rest is finished attempt by attempt."""
    columns, layout = _columns(chosen), _layout(chosen)
    curve = np.array(chosen.law.curve)
    accept, decide, chacha20 = _compiled_accept(chosen.word_bits), _compiled_decide(), _compiled_chacha20()

    def kernel(words: MainWords, outputs: Ints, rare: Places) -> int:
        return accept(words, columns, layout, outputs, rare)

    def finish(indices: Ints, words: MainWords) -> Ints:
        found, places, number, word = np.empty_like(indices), np.arange(indices.size), 0, words.astype(np.uint64)
        while places.size:
            values, verdicts = np.empty(places.size, np.int64), np.empty(places.size, np.uint8)
            decide(word, columns, layout, chosen.sure, chosen.factor, curve, values, verdicts)
            for i in np.flatnonzero(verdicts == kernels.UNSURE).tolist():
                output = int(indices[places[i]])
                values[i] = wide.settle(source, chosen, output=output, first=number, word=int(word[i]))
            found[places] = values
            places, number = places[verdicts == kernels.REJECTED], number + 1
            word = _retry_words(chacha20, source, indices[places], number)
        return found

    return kernel, finish


def _compiled_look_up(word_bits: int) -> Callable[..., int]:
    tables = ("in uint64", "in int32", "in int64", "uint64", "uint64")
    return compiled(kernels.look_up, f"in uint{word_bits}", *tables, "out int64", "out int32")


def _compiled_accept(word_bits: int) -> Callable[..., int]:
    return compiled(kernels.accept, f"in uint{word_bits}", "in uint64", "in uint64", "out int64", "out int32")


def _compiled_decide() -> Callable[..., int]:
    return compiled(kernels.decide, *["in uint64"] * 4, "in float64", "in float64", "out int64", "out uint8")


def _compiled_chacha20() -> Callable[..., int]:
    return compiled(kernels.chacha20, "in uint32", "in uint32", "uint64", "out uint64")


@lru_cache(maxsize=_CACHED_COLUMNS)
def _columns(chosen: Histogram) -> NDArray[np.uint64]:
    """What one look-up of the kernels gives, in fields of 16 bits: cut, alias, own limit, limit of the alias.

    A limit is `Histogram.sure` cut to the first 16 bits of a: what lies below it is accepted, and `kernels.decide` sees the rest.
    """
    if chosen.column_bits > _FIELD_BITS or chosen.weight_bits - chosen.column_bits >= _FIELD_BITS:
        raise ValueError("the columns of this histogram do not fit the compiled sampler")
    top = np.minimum(chosen.sure >> np.uint64(max(0, chosen.accept_bits - _FIELD_BITS)), np.uint64(2**_FIELD_BITS - 1))
    fields = (chosen.cut, chosen.alias.astype(np.uint64), top, top[chosen.alias])
    packed = np.zeros_like(chosen.cut)
    for field in fields:
        packed = packed << np.uint64(_FIELD_BITS) | field
    return packed


def _layout(chosen: Histogram) -> NDArray[np.uint64]:
    """How the kernels take a word apart."""
    bits = (chosen.word_bits, chosen.column_bits, chosen.weight_bits, chosen.width_bits, chosen.accept_bits)
    return np.array([*bits, chosen.law.two_sided], dtype=np.uint64)


def _retry_words(chacha20: Callable[..., int], source: Words, outputs: Ints, number: int) -> NDArray[np.uint64]:
    """The words of attempt ``number`` of each output.

    Compiled, because a cipher object for each would cost a hundred times as much. What needs a second block asks the source.
    """
    if type(source) is not ChaChaWords or number > _ATTEMPTS_A_BLOCK:
        return np.array([source.retry(output, number) for output in outputs.tolist()], dtype=np.uint64)
    secret = source.key_and_stream
    key, stream = secret[:32], secret[32:]
    state = np.frombuffer(b"expand 32-byte k" + key + bytes(4) + (1).to_bytes(4, "little") + stream, dtype="<u4")
    words = np.empty(outputs.size, dtype=np.uint64)
    chacha20(state, outputs.astype(np.uint32), np.uint64(number - 1), words)
    return words
