"""The histogram sampler as two Triton kernels; the byte contract is that of `privlib.noise.wide`.

The first kernel is integers only: one look-up and one comparison accept nearly every word. What it does not accept, at most
some of a hundred outputs, it lists, and the second kernel goes through the list without a copy to the host in between. There
a lane that still waits costs its neighbours time, in the first kernel all of them.

The second kernel decides by a float where the float's error cannot matter, with the margin of `privlib.noise.wide`. The height
is the same formula in double precision, so the proof in noise.t3 holds for it as it stands, if the device's double exp is
within 4 units of the last place (NVIDIA documents 1) and its products and sums round once or, fused, less often. Between the
two margins it takes the attempt's first 64 refinement bits, which make ``b = a + bits / 2**64`` known to a relative ``2**-52``,
and an error of ``2**-64`` for the bits that follow; both vanish beside the ``2**-41`` that the margin leaves. Nothing is
retried that was not rejected: the tail and what even these bits leave open goes to the host, with the number of its attempt.
"""

from __future__ import annotations

import triton.language as tl

from privlib.noise.gpu.kernels import append, main_block, store_outputs
from privlib.noise.gpu.keystream import block, constexpr, device_function, in_stream_order_8, kernel, tensor, words_64

__all__ = ["finish_histogram", "sample_histogram"]

_ATTEMPTS = tl.constexpr(9)  # the main word and one block of retry words
_NUMBER_BITS = tl.constexpr(4)
_FOLLOWING = tl.constexpr(2.0**-60)  # more than the refinement bits after the first 64 can add


@device_function
def _look_up(  # noqa: PLR0917 - Triton's functions take no keywords that are tensors of a tuple
    word: tensor,
    columns: tensor,
    column_bits: tensor,
    weight_bits: tensor,
    width_bits: tensor,
    accept_bits: tensor,
    two_sided: tensor,
) -> tensor:
    """Value, symbol, and a limit for the first 16 bits of a: every a below it is accepted. Step 4 of the contract."""
    head = (word >> 32).to(tl.uint32)
    column = head >> (32 - column_bits).to(tl.uint32)
    entry = tl.load(columns + column)
    high, low = (entry >> 32).to(tl.uint32), entry.to(tl.uint32)
    height = (head >> (32 - weight_bits).to(tl.uint32)) & ((1 << (weight_bits - column_bits)) - 1).to(tl.uint32)
    both = tl.where(height < high >> 16, column << 16 | high & 0xFFFF, low)
    symbol, limit = both >> 16, both & 0xFFFF
    r_and_a = (word << (64 - accept_bits - width_bits).to(tl.uint64)) >> 32  # r from bit 31 on: width_bits <= 32
    y = (symbol.to(tl.uint64) << 32 | r_and_a) >> (32 - width_bits).to(tl.uint64)
    sign = (word << weight_bits.to(tl.uint64)).to(tl.int64) >> 63
    return y.to(tl.int64) ^ (sign & -two_sided.to(tl.int64)), symbol, limit


@device_function
def _accept(  # noqa: PLR0917
    word: tensor,
    columns: tensor,
    column_bits: tensor,
    weight_bits: tensor,
    width_bits: tensor,
    accept_bits: tensor,
    two_sided: tensor,
) -> tensor:
    """The value of a word, and 0 if integers accept it, otherwise 1."""
    value, _, limit = _look_up(word, columns, column_bits, weight_bits, width_bits, accept_bits, two_sided)
    first_bits = ((word << (64 - accept_bits).to(tl.uint64)) >> 48).to(tl.uint32)
    return value, (first_bits >= limit).to(tl.int32)


@device_function
def _list_lanes(unfinished: tensor, capacity: tensor, chosen: tensor, first: tensor) -> None:
    """What `append` does, for the eight outputs of each lane, of which some are chosen in nearly every program.

    One prefix sum over the lanes, before the outputs are brought into stream order: the list has no order. If there is no
    room, nothing is stored, because the host then starts again with a longer list. Outputs before and after the request are
    listed as well: it is cheaper to pass them over in the list.
    """
    count = chosen[0]
    for k in tl.static_range(1, 8):  # pyright: ignore[reportGeneralTypeIssues]  # Triton unrolls it
        count += chosen[k]
    rank = tl.cumsum(count)
    total = tl.max(rank)
    if total > 0:
        before = tl.atomic_add(unfinished, total.to(tl.int64), sem="relaxed")
        if before + total <= capacity:
            index = first + 8 * tl.arange(0, count.shape[0])
            place = rank - count + 1
            for k in tl.static_range(8):
                tl.store(unfinished + before + place, index + k, mask=chosen[k] != 0)
                place += chosen[k]


@kernel
def sample_histogram(  # noqa: PLR0917 - a launch has no nested arguments
    out: tensor,
    unfinished: tensor,
    columns: tensor,
    column_bits: tensor,
    weight_bits: tensor,
    width_bits: tensor,
    accept_bits: tensor,
    two_sided: tensor,
    key0: tensor,
    key1: tensor,
    key2: tensor,
    key3: tensor,
    key4: tensor,
    key5: tensor,
    key6: tensor,
    key7: tensor,
    stream_low: tensor,
    stream_high: tensor,
    first_block: tensor,
    skip: tensor,
    size: tensor,
    capacity: tensor,
    ALIGNED: constexpr,
    BLOCKS: constexpr,
) -> None:
    """Attempt 0 of every output, as far as integers accept it.

    A column's entry has four fields of 16 bits, from the top: its cut, the limit of its own symbol, its alias, the limit of
    the alias.
    """
    key_words = (key0, key1, key2, key3, key4, key5, key6, key7)
    first = tl.program_id(0).to(tl.int64) * (8 * BLOCKS)
    if not ALIGNED:
        first -= skip
    words = words_64(main_block(key_words, stream_low, stream_high, first_block, BLOCKS))
    found = [_accept(w, columns, column_bits, weight_bits, width_bits, accept_bits, two_sided) for w in words]
    store_outputs(out, in_stream_order_8([f[0] for f in found]).to(out.dtype.element_ty), first, size)
    _list_lanes(unfinished, capacity, [f[1] for f in found], first)


@device_function
def _height(value: tensor, factor: tensor, curve: tensor) -> tensor:
    """``2**t`` times the probability of accepting a value, within a relative ``2**-42``: the formula of `privlib.noise.wide`."""
    y = tl.abs(value.to(tl.float64))
    square, cell = y * y, tl.load(curve + 2)
    t = square * cell
    series = (t - 1) * (1 / 24) + cell * (
        (t * t - 6 * t + 3) * (1 / 1920) + cell * (t * t * t - 15 * t * t + 45 * t - 15) * (1 / 322560)
    )
    return factor * tl.exp(-tl.load(curve) * y - tl.load(curve + 1) * square) * (1 + cell * series)


@kernel
def finish_histogram(  # noqa: PLR0917
    out: tensor,
    unfinished: tensor,
    rest: tensor,
    columns: tensor,
    factors: tensor,
    curve: tensor,
    column_bits: tensor,
    weight_bits: tensor,
    width_bits: tensor,
    accept_bits: tensor,
    two_sided: tensor,
    key0: tensor,
    key1: tensor,
    key2: tensor,
    key3: tensor,
    key4: tensor,
    key5: tensor,
    key6: tensor,
    key7: tensor,
    stream_low: tensor,
    stream_high: tensor,
    first_block: tensor,
    skip: tensor,
    size: tensor,
    capacity: tensor,
    BLOCKS: constexpr,
) -> None:
    """The listed outputs from attempt 0 on, one a lane; what it must leave to the host, ``rest`` lists after their number.

    An entry of ``rest`` is the index times 16 plus the number of the attempt from which on the output is open. ``factors`` has
    ``2**t u / W`` for each symbol and 0 for the tail; ``curve`` has the three numbers of the law's curve.
    """
    key_words = (key0, key1, key2, key3, key4, key5, key6, key7)
    first = tl.program_id(0).to(tl.int64) * BLOCKS
    count = tl.load(unfinished)
    place = first + tl.arange(0, BLOCKS)
    index = tl.load(unfinished + 1 + place, mask=(place < count) & (count <= capacity), other=-1)
    there = (index >= 0) & (index < size)
    if tl.max(there.to(tl.int32)) > 0:
        output = first_block.to(tl.int64) * 8 + skip + index
        main = words_64(block(key_words, (output >> 3).to(tl.uint32), 0, stream_low, stream_high))
        retry = words_64(block(key_words, output.to(tl.uint32), 1, stream_low, stream_high))
        word = main[0]
        for k in tl.static_range(1, 8):  # pyright: ignore[reportGeneralTypeIssues]  # Triton unrolls it
            word = tl.where((output & 7) == k, main[k], word)
        value, last = tl.zeros_like(index), tl.zeros_like(index)
        open_, accepted = there, place < 0
        number = tl.full((), 0, tl.int32)
        while (number < _ATTEMPTS) & (tl.max(open_.to(tl.int32)) > 0):
            proposed, symbol, _ = _look_up(word, columns, column_bits, weight_bits, width_bits, accept_bits, two_sided)
            factor = tl.load(factors + symbol)
            scaled = _height(proposed, factor, curve)
            least, most = scaled * (1 - 2.0**-40), scaled * (1 + 2.0**-40)
            a = (word & ((tl.full((), 1, tl.uint64) << accept_bits.to(tl.uint64)) - 1)).to(tl.float64)
            accepts, rejects = (a + 1.0 <= least) & (factor > 0), (a >= most) & (factor > 0)
            unsure = open_ & (factor > 0) & ((accepts | rejects) == 0)
            if tl.max(unsure.to(tl.int32)) > 0:
                domain = (number * 2**18).to(tl.uint32) + 2**31  # use 4 * number
                bits = words_64(block(key_words, output.to(tl.uint32), domain, stream_low, stream_high))[0]
                b = a + bits.to(tl.float64) * 2.0**-64
                accepts = accepts | (unsure & (b + _FOLLOWING <= least))
                rejects = rejects | (unsure & (b >= most))
            value, last = tl.where(open_, proposed, value), tl.where(open_, number, last)
            accepted = accepted | (open_ & accepts)
            open_ = open_ & rejects
            number += 1
            for k in tl.static_range(8):
                word = tl.where(number == k + 1, retry[k], word)
        tl.store(out + index, value.to(out.dtype.element_ty), mask=accepted)
        left = there & (accepted == 0)
        if tl.max(left.to(tl.int32)) > 0:
            append(rest, capacity, left, (index << _NUMBER_BITS) + tl.where(open_, number, last))
