"""The samplers as Triton kernels. Every decision in them is an integer comparison, so the bytes are those of the reference.

A kernel writes all outputs of its request and lists the few that it cannot finish; `privlib.noise.gpu.launch` starts it and
reads the list. To add a sampler: take the words of `main_block`, decide by integers, put the outputs in stream order, store
them by `store_outputs`, list the rest by `list_unfinished`.
"""

from __future__ import annotations

import triton.language as tl

from privlib.noise.gpu.keystream import (
    block,
    constexpr,
    device_function,
    in_stream_order_8,
    in_stream_order_16,
    kernel,
    tensor,
    words_64,
)

__all__ = ["append", "list_unfinished", "main_block", "sample_table", "store_outputs"]


@device_function
def main_block(key_words: tensor, stream_low: tensor, stream_high: tensor, first_block: tensor, BLOCKS: constexpr) -> tensor:
    """The sixteen 32-bit main words of each of this program's blocks."""
    counter = (first_block + tl.program_id(0) * BLOCKS + tl.arange(0, BLOCKS)).to(tl.uint32)
    return block(key_words, counter, 0, stream_low, stream_high)


@device_function
def store_outputs(out: tensor, values: tensor, first: tensor, size: tensor) -> None:
    """Store this program's values as outputs ``first``, ``first + 1``, ... of the request, as far as they belong to it."""
    lane = tl.arange(0, values.shape[0])
    target = out + first + lane
    if (first >= 0) & (first + values.shape[0] <= size):  # without a mask the stores are wide
        tl.store(target, values)
    else:
        tl.store(target, values, mask=(first + lane >= 0) & (first + lane < size))


@device_function
def append(listing: tensor, capacity: tensor, chosen: tensor, entry: tensor) -> None:
    """Append the entries of the chosen lanes to a list, by one atomic addition for the whole program.

    ``listing[0]`` counts all of them, also those for which the list has no room; the list follows.
    """
    rank = tl.cumsum(chosen.to(tl.int32))
    place = tl.atomic_add(listing, tl.max(rank).to(tl.int64), sem="relaxed") + rank  # ranks begin at 1: so does the list
    tl.store(listing + place, entry, mask=chosen & (place <= capacity))


@device_function
def list_unfinished(unfinished: tensor, capacity: tensor, chosen: tensor, first: tensor, size: tensor) -> None:
    """Append the chosen outputs of the request to a list.

    The prefix sum costs more than the table sampler itself, so this is for programs in which something is chosen.
    """
    index = first + tl.arange(0, chosen.shape[0])
    append(unfinished, capacity, chosen & (index >= 0) & (index < size), index)


@device_function
def _look_up(word: tensor, limit: tensor, pair: tensor, shift: tensor, PACKED: constexpr) -> tensor:
    top = (word >> 32).to(tl.uint32) if word.dtype == tl.uint64 else word
    column = top >> shift.to(tl.uint32)
    if PACKED:
        entry = tl.load(limit + column)
        both = (entry >> 32).to(tl.int32)
        return tl.where(word < entry.to(tl.uint32), both << 16, both) >> 16
    below = word < tl.load(limit + column)
    return (tl.load(pair + column) >> tl.where(below, 0, 32).to(tl.uint64)).to(tl.int32)


@kernel
def sample_table(  # noqa: PLR0917 - a launch has no nested arguments
    out: tensor,
    unfinished: tensor,
    limit: tensor,
    pair: tensor,
    shift: tensor,
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
    WORD_BITS: constexpr,
    PACKED: constexpr,
    ALIGNED: constexpr,
    BLOCKS: constexpr,
) -> None:
    """Sampler T: the top bits of a word choose a column, the comparison with the column's limit one of its two values.

    The least value that a field can hold stands for the symbol LEFT. Columns hold their two values as a pair of 32-bit
    fields, or, ``PACKED`` for 32-bit words, as two 16-bit fields above the limit, so that one look-up does.
    """
    key_words = (key0, key1, key2, key3, key4, key5, key6, key7)
    OUTPUTS: constexpr = BLOCKS * (512 // WORD_BITS)
    LEFT: constexpr = -(2**15) if PACKED else -(2**31)
    first = tl.program_id(0).to(tl.int64) * OUTPUTS
    if not ALIGNED:
        first -= skip
    word = main_block(key_words, stream_low, stream_high, first_block, BLOCKS)
    if WORD_BITS == 32:
        value = in_stream_order_16([_look_up(w, limit, pair, shift, PACKED) for w in word])
    else:
        value = in_stream_order_8([_look_up(w, limit, pair, shift, PACKED) for w in words_64(word)])
    store_outputs(out, value.to(out.dtype.element_ty), first, size)
    if tl.min(value) == LEFT:
        list_unfinished(unfinished, capacity, value == LEFT, first, size)
