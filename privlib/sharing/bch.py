"""Check symbols that find damaged symbols and say where they are: BCH codes over small binary fields, Reed-Solomon among them.

A word is read as a polynomial, its last symbol the coefficient of x^0. Codewords are the multiples of the generator, the least
polynomial over the symbols' field with the roots 1, a, a^2, ..., a^(r-1), where a is a primitive element of the large field.
A polynomial of at most r terms with these r roots, shorter than the order of a, is zero (its coefficients solve a Vandermonde
system), so two words differ in more than r symbols, and r // 2 damaged symbols have one explanation only. This file finds it, and
nobody applies it: a share is never corrected silently.

Theorem: sharing.t6. Tables are indexed by what is written, so time and cache show something of it to a program on the same
machine; the dealer's and the holders' arithmetic on shares (lanes.py) has no tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Bch"]


@dataclass(frozen=True)
class Bch:
    """A code over GF(2^symbol_bits) with roots in GF(2^field_bits).

    Parameters
    ----------
    symbol_bits, field_bits : int
        The first divides the second.
    modulus : int
        A primitive polynomial of degree ``field_bits`` over GF(2), bit i for x^i.
    roots : int
        How many powers of the primitive element are roots, r; even.
    """

    symbol_bits: int
    field_bits: int
    modulus: int
    roots: int

    @property
    def longest(self) -> int:
        """The most symbols of a word, checks included."""
        return (1 << self.field_bits) - 1

    @cached_property
    def generator(self) -> tuple[int, ...]:
        """The generator's coefficients in the large field, the highest first; the first is 1."""
        conjugates = {j << self.symbol_bits * i for j in range(self.roots) for i in range(self.field_bits // self.symbol_bits)}
        found = [1]
        for power in sorted({each % self.longest for each in conjugates}):
            root = self._powers[power]
            shifted = [*found, 0]
            for place, coefficient in enumerate(found):
                shifted[place + 1] ^= self._times(coefficient, root)
            found = shifted
        return tuple(found)

    @property
    def checks(self) -> int:
        """How many check symbols a word ends with."""
        return len(self.generator) - 1

    def extend(self, symbols: Sequence[int]) -> list[int]:
        """Append the check symbols.

        Parameters
        ----------
        symbols : sequence of int
            Each below ``2**symbol_bits``.

        Returns
        -------
        list of int
            A codeword.
        """
        return [*symbols, *self._remainder(symbols)]

    def damaged(self, word: Sequence[int]) -> tuple[int, ...] | None:
        """Where a word differs from a codeword, if it does in at most ``roots // 2`` symbols.

        Parameters
        ----------
        word : sequence of int
            Symbols, checks included, at most `longest`.

        Returns
        -------
        tuple of int or None
            Places from 0, increasing, none for a codeword; None where more symbols differ.
        """
        ends = [0] * (self.checks - len(word)) + list(word[-self.checks :])
        rest = [one ^ other for one, other in zip(self._remainder(word[: -self.checks]), ends, strict=True)]
        if not any(rest):
            return ()
        syndromes = self._syndromes(rest)  # those of the word: it differs from its remainder by a multiple of the generator
        locator = self._locator(syndromes)
        inverses = [self._powers[-power % self.longest] for power in range(len(word))]
        powers = [power for power, inverse in enumerate(inverses) if not self._value(locator, inverse)]
        if not len(powers) == len(locator) - 1 <= self.roots // 2:
            return None
        errors = [self._error(locator, syndromes, power) for power in powers]
        explained = [0] * self.roots
        for power, error in zip(powers, errors, strict=True):
            if error not in self._symbols:
                return None
            for j in range(self.roots):
                explained[j] ^= self._times(error, self._powers[j * power % self.longest])
        if explained != syndromes:
            return None
        return tuple(sorted(len(word) - 1 - power for power in powers))

    def _remainder(self, symbols: Sequence[int]) -> list[int]:
        """The remainder of the symbols, followed by zeros for the checks, on division by the generator."""
        bits, checks = self.symbol_bits, self.checks
        top, packed = bits * (checks - 1), 0
        for symbol in symbols:
            lead = symbol ^ packed >> top
            packed = (packed & (1 << top) - 1) << bits ^ (self._rows.get(lead) or self._row(lead))
        return [packed >> bits * place & (1 << bits) - 1 for place in reversed(range(checks))]

    def _row(self, lead: int) -> int:
        """A multiple of the generator without its first coefficient, in one integer; it is worked out once."""
        packed = 0
        for coefficient in self.generator[1:]:
            packed = packed << self.symbol_bits | self._symbols[self._times(self._elements[lead], coefficient)]
        self._rows[lead] = packed
        return packed

    @cached_property
    def _rows(self) -> dict[int, int]:
        return {}

    def _syndromes(self, word: Sequence[int]) -> list[int]:
        """The word's values at the roots."""
        found = [0] * self.roots
        for symbol in word:
            element = self._elements[symbol]
            found = [self._times(value, self._powers[j]) ^ element for j, value in enumerate(found)]
        return found

    def _locator(self, syndromes: Sequence[int]) -> list[int]:
        """Berlekamp and Massey: the shortest recurrence of the syndromes, coefficients from x^0; its roots are inverse places."""
        current, before = [1], [1]
        length, gap, last = 0, 1, 1
        for step, syndrome in enumerate(syndromes):
            wrong = syndrome
            for j in range(1, min(length, len(current) - 1) + 1):
                wrong ^= self._times(current[j], syndromes[step - j])
            if not wrong:
                gap += 1
                continue
            factor = self._times(wrong, self._inverse(last))
            kept = current
            current = current + [0] * (len(before) + gap - len(current))
            for j, coefficient in enumerate(before):
                current[j + gap] ^= self._times(factor, coefficient)
            if 2 * length <= step:
                length, before, last, gap = step + 1 - length, kept, wrong, 1
            else:
                gap += 1
        return current[: length + 1] + [0] * (length + 1 - len(current))

    def _error(self, locator: Sequence[int], syndromes: Sequence[int], power: int) -> int:
        """Forney: what was added at one place."""
        inverse = self._powers[-power % self.longest]
        evaluator = [0] * (len(locator) - 1)
        for i in range(len(evaluator)):
            for j in range(i + 1):
                evaluator[i] ^= self._times(locator[j], syndromes[i - j])
        derivative = [coefficient if place % 2 == 0 else 0 for place, coefficient in enumerate(locator[1:])]
        slope = self._value(derivative, inverse)
        return (
            self._times(self._times(self._value(evaluator, inverse), self._powers[power]), self._inverse(slope)) if slope else 0
        )

    def _value(self, coefficients: Sequence[int], point: int) -> int:
        found = 0
        for coefficient in reversed(coefficients):
            found = self._times(found, point) ^ coefficient
        return found

    def _times(self, one: int, other: int) -> int:
        return self._powers[self._logarithms[one] + self._logarithms[other]] if one and other else 0

    def _inverse(self, element: int) -> int:
        return self._powers[self.longest - self._logarithms[element]]

    @cached_property
    def _powers(self) -> list[int]:
        """The powers of the primitive element x, twice round."""
        found = [1]
        for _ in range(self.longest - 1):
            twice = found[-1] << 1
            found.append(twice ^ self.modulus if twice >> self.field_bits else twice)
        return found + found

    @cached_property
    def _logarithms(self) -> dict[int, int]:
        return {element: power for power, element in enumerate(self._powers[: self.longest])}

    @cached_property
    def _elements(self) -> list[int]:
        """The symbols as elements of the large field: bit i stands for the i-th power of a primitive element of the small one."""
        step = self.longest // ((1 << self.symbol_bits) - 1)
        found = [0]
        for bit in range(self.symbol_bits):
            found += [element ^ self._powers[bit * step] for element in found]
        return found

    @cached_property
    def _symbols(self) -> dict[int, int]:
        return {element: symbol for symbol, element in enumerate(self._elements)}
