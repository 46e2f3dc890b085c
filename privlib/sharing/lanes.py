"""The scheme over GF(2)[x] on whole bytes: 8 times `width` secrets side by side, and nothing but exclusive or.

Row i of an array of shape (rows, width) holds digit i of every lane, so that multiplying by x is moving on by one row, and
multiplying by a codeword is adding as many moved copies as it has ones. Which rows are added depends on codewords, lengths
and widths, which are public; no branch and no address depends on what the rows hold.

Everything runs block by block in memory that does not grow with the number of rows: `Sharing` and `Recovery` take the rows
as they come, `share` and `recover` have them all. `privlib.sharing.ring` is the reference, digit for digit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from privlib.errors import InconsistentShares, InvalidInput
from privlib.proved import proved
from privlib.sharing.layouts import overlap
from privlib.sharing.series import Quotient, Rows, Window, block_rows, exponents_of, polynomial, valuation

__all__ = ["Recovery", "Rows", "Sharing", "Stream", "interpolate", "recover", "share", "width_for"]

Stream: TypeAlias = Callable[[int, int], Rows]
"""``rows(start, stop)`` gives these rows of one of the dealer's digit streams, the same ones whenever it is asked."""

_WIDEST = 2**12
_ROWS_WANTED = 2**13


def width_for(size: int) -> int:
    """The default width in bytes for a word of ``size`` bytes.

    A share is longer than the word by ``(threshold - 1) * (codeword - 1)`` rows. With 8,192 rows or more in a word that
    stays under one percent for a few holders of a few million; short words have rows of one byte.
    """
    return min(_WIDEST, 1 << max(0, (size // _ROWS_WANTED).bit_length() - 1))


class Sharing:
    """The shares of several participants, block by block, from one reading of the word and of the streams.

    Parameters
    ----------
    code_words : sequence of sequence of int
        The participants' codewords, first digit first.
    threshold : int
        How many holders recover the word, 2 or more.
    width : int
        Bytes of a row.
    block : int
        The most rows that come at once.
    """

    __slots__ = ("_levels", "_ones", "_out", "_word")

    def __init__(self, code_words: Sequence[Sequence[int]], threshold: int, width: int, block: int) -> None:
        self._ones = [exponents_of(polynomial(word)) for word in code_words]
        backs = [max(ones, default=0) for ones in self._ones]
        self._word = Window(max(backs), block, width)
        self._levels = [[Window(back, block, width) for _ in range(threshold - 2)] for back in backs]
        self._out = [Window(0, block, width) for _ in backs]

    def take(self, word: Rows, streams: Sequence[Rows]) -> list[Rows]:
        """The next rows of every share.

        Parameters
        ----------
        word : array of uint8, shape (count, width)
            The next rows of the word, zeros after its end.
        streams : sequence of array of uint8, each of shape (count, width)
            The same rows of the streams, one fewer than the threshold.

        Returns
        -------
        list of array of uint8
            A block of shape (count, width) for each participant, valid until the next call.
        """
        count = len(word)
        self._word.rows(count)[:] = word
        for ones, levels, out in zip(self._ones, self._levels, self._out, strict=True):
            below = self._word
            for stream, level in zip(streams, [*levels, out], strict=True):  # Horner: what is below, times the codeword
                below.times(ones, stream, level.rows(count))
                below = level
        for window in (self._word, *(level for levels in self._levels for level in levels)):
            window.advance(count)
        return [out.rows(count) for out in self._out]

    def wipe(self) -> None:
        """Overwrite the word's rows that are left in memory, as far as Python allows."""
        for window in (self._word, *self._out, *(level for levels in self._levels for level in levels)):
            window.wipe()


@proved("sharing.t2")
def share(word: Rows, code_word: Sequence[int], streams: Sequence[Stream], length: int, out: Rows | None = None) -> Rows:
    """One participant's share of a word.

    Parameters
    ----------
    word : array of uint8, shape (rows, width)
        What is shared.
    code_word : sequence of int
        The participant's codeword, first digit first.
    streams : sequence of callable
        The dealer's digit streams, one fewer than the threshold; each is asked for every row once, in order.
    length : int
        Rows of the share.
    out : array of uint8, shape (length, width), optional
        Where to write it.

    Returns
    -------
    array of uint8, shape (length, width)
        The share.

    Raises
    ------
    InvalidInput
        For rows, digits or streams of another form.

    Privacy
    -------
    Every lane is the scheme of `privlib.sharing.ring.share`, digit for digit: the shares of one participant fewer than the
    threshold have the same law for every word. That needs uniform rows in every stream, up to ``length``, drawn once. Theorem:
    sharing.t2.
    """
    _check_rows(word, "the word")
    width = word.shape[1]
    found = np.empty((length, width), dtype=np.uint8) if out is None else out
    if found.shape != (length, width) or not streams:
        raise InvalidInput("a share needs a stream or more, and room for as many rows as it has, of the word's width")
    block = min(length, block_rows(width, len(code_word)))
    sharing = Sharing([code_word], 1 + len(streams), width, block)
    padded = np.zeros((block, width), dtype=np.uint8)
    for start in range(0, length, block):
        stop = min(start + block, length)
        part = word[start:stop]
        if len(part) < stop - start:
            padded[: len(part)], padded[len(part) :] = part, 0
            part = padded[: stop - start]
        digits = [stream(start, stop) for stream in streams]
        if any(rows.shape != part.shape for rows in digits):
            raise InvalidInput("a stream gave another number of rows than it was asked for, or rows of another width")
        found[start:stop] = sharing.take(part, digits)[0]
    sharing.wipe()
    _wipe(padded)
    return found


class _Cell:
    """A divided difference: the sum of two others over the difference of the outermost codewords.

    Each series stands for x**late times the true one, so that no row is ever taken away; the less late of two waits.
    """

    __slots__ = ("_kept", "_quotient", "_seen", "late")

    def __init__(self, one: int, other: int, lates: tuple[int, int], rows: int, width: int) -> None:
        overlap, both = valuation(one ^ other), max(lates)
        self.late, self._seen = both + overlap, 0
        self._kept = [np.zeros((both - late, width), dtype=np.uint8) for late in lates]
        self._quotient = Quotient((one ^ other) >> overlap, rows, width)

    def take(self, rows: Rows, others: Rows) -> None:
        """Put the difference's next rows in the place of the first one's."""
        one, other = (self._wait(side, own) for side, own in enumerate((rows, others)))
        np.bitwise_xor(one, other, out=rows)
        if rows[: max(0, self.late - self._seen)].any():
            raise InconsistentShares("these shares are not of one secret: rows that must be zero are not")
        self._seen += len(rows)
        self._quotient.divide(rows)

    def _wait(self, side: int, rows: Rows) -> Rows:
        if not len(self._kept[side]):
            return rows
        joined = np.concatenate([self._kept[side], rows])
        self._kept[side] = joined[len(rows) :].copy()
        return joined[: len(rows)]


class Recovery:
    """The word, block by block, from the shares of as many participants as the threshold says.

    It is the divided difference of the shares at their codewords. Codewords that begin alike stand side by side, so that
    Newton's table loses no more rows than the product of the differences does; every division is checked to be exact, which
    finds all inconsistencies that can be found.

    Parameters
    ----------
    code_words : sequence of sequence of int
        The participants' codewords, first digit first, in the order in which their rows will come.
    width : int
        Bytes of a row.
    rows : int
        Rows of the word.

    Attributes
    ----------
    total : int
        How many rows of every share are taken, zeros after the end of the shorter ones.
    needs : tuple of int
        How many rows of each share have an influence.

    Raises
    ------
    InvalidInput
        For fewer than two codewords, or when one begins with another.
    """

    __slots__ = ("_columns", "_order", "_seen", "needs", "total")

    def __init__(self, code_words: Sequence[Sequence[int]], width: int, rows: int) -> None:
        if len(code_words) < 2:
            raise InvalidInput("a word is recovered from two shares or more")
        self._order = sorted(range(len(code_words)), key=lambda i: tuple(code_words[i]))
        for before, after in pairwise(self._order):
            overlap(code_words[before], code_words[after])
        points = [polynomial(word) for word in code_words]
        self.needs = tuple(rows + sum(valuation(one ^ other) for other in points if other != one) for one in points)
        self._columns, self._seen, self.total = list[list[_Cell]](), 0, max(self.needs)
        ordered = [points[i] for i in self._order]
        lates = [0] * len(points)
        for span in range(1, len(points)):
            pairs = zip(ordered, ordered[span:], pairwise(lates), strict=False)
            column = [_Cell(one, other, both, self.total, width) for one, other, both in pairs]
            lates = [cell.late for cell in column]
            self._columns.append(column)

    def take(self, shares: Sequence[Rows]) -> Rows:
        """The next rows of the word.

        Parameters
        ----------
        shares : sequence of array of uint8, each of shape (count, width)
            The next rows of every share, zeros after its end.

        Returns
        -------
        array of uint8, shape (at most count, width)
            The first calls may give none: the word begins as late as the shares are longer.

        Raises
        ------
        InconsistentShares
            When the shares are not of one word. Blocks given before are then worth nothing.
        """
        work = [shares[i].copy() for i in self._order]
        for column in self._columns:
            for place, cell in enumerate(column):
                cell.take(work[place], work[place + 1])
        late = max(0, self._columns[-1][0].late - self._seen)
        self._seen += len(work[0])
        for rows in work[1:]:
            rows.fill(0)
        return work[0][late:]

    def differences(self, shares: Sequence[Rows], length: int) -> tuple[list[int], list[Rows]]:
        """The order of the participants, and Newton's coefficients for it, ``length`` rows of each."""
        work = [shares[i].copy() for i in self._order]
        found = [work[0][:length].copy()]
        for column in self._columns:
            for place, cell in enumerate(column):
                cell.take(work[place], work[place + 1])
            found.append(work[0][column[0].late :][:length].copy())
        return self._order, found


@proved("sharing.t1")
def recover(code_words: Sequence[Sequence[int]], shares: Sequence[Rows], rows: int) -> Rows:
    """The word of as many shares as the threshold says.

    Parameters
    ----------
    code_words : sequence of sequence of int
        The participants' codewords, first digit first.
    shares : sequence of array of uint8, each of shape (its rows, width)
        Their shares, in the same order.
    rows : int
        Rows of the word.

    Returns
    -------
    array of uint8, shape (rows, width)
        The word.

    Raises
    ------
    InvalidInput
        For shares that are too short, of several widths, of one participant twice, or fewer than two.
    InconsistentShares
        When the shares are not of one word.

    Privacy
    -------
    Draws nothing. That genuine shares give the word: theorem sharing.t1.
    """
    recovery = Recovery(code_words, _width(code_words, shares), rows)
    if any(len(own) < needed for own, needed in zip(shares, recovery.needs, strict=True)):
        raise InvalidInput("a share is too short for these participants")
    return recovery.take([_padded(own, recovery.total) for own in shares])[:rows]


@proved("sharing.t5")
def interpolate(
    code_words: Sequence[Sequence[int]], shares: Sequence[Rows], target_word: Sequence[int], secret_rows: Rows, length: int
) -> Rows:
    """Rows of another participant's share, from the word and one share fewer than the threshold.

    Parameters
    ----------
    code_words : sequence of sequence of int
        The participants' codewords, first digit first.
    shares : sequence of array of uint8, each of shape (its rows, width)
        Their shares, in the same order.
    target_word : sequence of int
        The codeword of whose share it is.
    secret_rows : array of uint8, shape (rows, width)
        The whole word, which `recover` gives.
    length : int
        How many rows. Only the first E of theorem T7 are those of the share; the caller knows them to be that many.

    Returns
    -------
    array of uint8, shape (length, width)
        The rows.

    Raises
    ------
    InvalidInput
        For shares of several widths, or codewords that begin with one another.
    InconsistentShares
        When the shares are not of one dealer.

    Privacy
    -------
    Draws nothing, and whoever calls it knows the word. That the first E rows are the share's: theorem sharing.t5.
    """
    width = _width([*code_words, target_word], [*shares, secret_rows])
    for word in code_words:
        overlap(word, target_word)
    if len(code_words) == 1:
        order, coefficients = [0], [_padded(shares[0], length)]
    else:
        table = Recovery(code_words, width, length)
        order, coefficients = table.differences([_padded(own, table.total) for own in shares], length)
    target, found = polynomial(target_word), _padded(secret_rows, length).copy()
    for i, coefficient in zip(reversed(order), reversed(coefficients), strict=True):
        steps = exponents_of(target ^ polynomial(code_words[i]))
        window = Window(max(steps), length, width)
        window.rows(length)[:] = found
        window.times(steps, coefficient, found)
    return found


def _width(code_words: Sequence[Sequence[int]], shares: Sequence[Rows]) -> int:
    for own in shares:
        _check_rows(own, "a share")
    widths = {int(own.shape[1]) for own in shares}
    if len(widths) != 1 or len(code_words) != len(shares):
        raise InvalidInput("as many codewords as shares are needed, and rows of one width")
    return widths.pop()


def _wipe(rows: Rows) -> None:
    """Overwrite rows; what else Python has copied is out of reach."""
    rows.fill(0)


def _padded(rows: Rows, total: int) -> Rows:
    """Rows cut to a length, or with zeros after their end."""
    missing = total - len(rows)
    return rows[:total] if missing <= 0 else np.concatenate([rows, np.zeros((missing, rows.shape[1]), dtype=np.uint8)])


def _check_rows(rows: Rows, what: str) -> None:
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.ndim != 2 or not rows.size:
        raise InvalidInput(f"{what} must be an array of uint8 of shape (rows, width)")
