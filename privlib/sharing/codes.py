"""The codes that give participant t = 1, 2, 3, ... a codeword: Elias delta, and others to compare it with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from privlib.bounds import exact_int
from privlib.errors import InvalidInput
from privlib.sharing.prefix import (
    MOST_DIGITS,
    Code,
    Digits,
    binary,
    cut_short,
    leaves,
    letters,
    participant,
    read_gamma,
)

__all__ = ["MOST_DIGITS", "Code", "Delta", "Fixed", "Gamma", "Omega", "Unary", "UserCode", "code_of"]

_WIDEST = 1 << 12
_FIXED = re.compile(r"fixed-([1-9][0-9]{0,3})", re.ASCII)
_OWN_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)


@dataclass(frozen=True)
class Unary(Code):
    """t - 1 ones and a zero: t digits. For comparison only."""

    @property
    def name(self) -> str:
        """``"unary"``."""
        return "unary"

    def length(self, t: int) -> int:
        """The number itself."""
        return participant(t)

    def decode(self, digits: Sequence[int]) -> tuple[int, int]:
        """Read ones up to the first zero."""
        text = letters(digits)
        ones = text.find("0")
        if ones < 0:
            raise cut_short()
        return ones + 1, ones + 1

    def _word(self, t: int) -> Digits:
        return (1,) * (t - 1) + (0,)

    def _below(self, prefix: Digits, most: int) -> int:
        if all(prefix):
            return most  # the tree goes on without end
        return min(most, int(prefix.index(0) == len(prefix) - 1))


@dataclass(frozen=True)
class Gamma(Code):
    """Elias gamma: as many zeros as t has binary digits after its first, then t in binary. 2 floor(lg t) + 1 digits."""

    @property
    def name(self) -> str:
        """``"gamma"``."""
        return "gamma"

    def length(self, t: int) -> int:
        """2 floor(lg t) + 1."""
        return 2 * participant(t).bit_length() - 1

    def decode(self, digits: Sequence[int]) -> tuple[int, int]:
        """Read z zeros and z + 1 binary digits."""
        return read_gamma(letters(digits))

    def _word(self, t: int) -> Digits:
        return (0,) * (t.bit_length() - 1) + binary(t)

    def _below(self, prefix: Digits, most: int) -> int:
        if not any(prefix):
            return most
        return leaves(2 * prefix.index(1) + 1 - len(prefix), most)


@dataclass(frozen=True)
class Delta(Code):
    """Elias delta, the default: gamma of the number n of binary digits of t, then t without its leading one.

    floor(lg t) + 2 floor(lg(floor(lg t) + 1)) + 1 digits.

    Examples
    --------
    >>> Delta().encode(8), Delta().length(2**200)
    ((0, 0, 1, 0, 0, 0, 0, 0), 215)
    """

    @property
    def name(self) -> str:
        """``"delta"``."""
        return "delta"

    def length(self, t: int) -> int:
        """floor(lg t) + 2 floor(lg(floor(lg t) + 1)) + 1."""
        n = participant(t).bit_length()
        return n - 1 + 2 * n.bit_length() - 1

    def decode(self, digits: Sequence[int]) -> tuple[int, int]:
        """Read how many binary digits there are, then the digits."""
        text = letters(digits)
        n, used = read_gamma(text)
        end = used + n - 1
        if end > len(text):
            raise cut_short()
        return int("1" + text[used:end], 2), end

    def _word(self, t: int) -> Digits:
        n = t.bit_length()
        return (0,) * (n.bit_length() - 1) + binary(n) + binary(t)[1:]

    def _below(self, prefix: Digits, most: int) -> int:
        if not any(prefix):
            return most
        zeros = prefix.index(1)
        head = prefix[zeros : 2 * zeros + 1]
        n = int(letters(head), 2)
        missing = zeros + 1 - len(head)
        if missing == 0:
            return leaves(n - 1 - (len(prefix) - 2 * zeros - 1), most)
        first = n << missing  # the least number of binary digits that begins so; its words alone are 2^(first - 1)
        last = first + (1 << missing) - 1
        return min(most, sum(leaves(each - 1, most) for each in range(first, min(last, first + most) + 1)))


@dataclass(frozen=True)
class Omega(Code):
    """Elias omega: t in binary, before it how long that is (less one) in binary, and so on; a zero ends the word."""

    @property
    def name(self) -> str:
        """``"omega"``."""
        return "omega"

    def length(self, t: int) -> int:
        """One, and the groups' lengths."""
        group, length = participant(t), 1
        while group > 1:
            length += group.bit_length()
            group = group.bit_length() - 1
        return length

    def decode(self, digits: Sequence[int]) -> tuple[int, int]:
        """Read groups, each of one digit more than the value of the one before, up to a zero where a group would begin."""
        text = letters(digits)
        t, used = 1, 0
        while text[used : used + 1] == "1":
            end = used + t + 1
            if end > len(text):
                raise cut_short()
            t, used = int(text[used:end], 2), end
        if used == len(text):
            raise cut_short()
        return t, used + 1

    def _word(self, t: int) -> Digits:
        word: Digits = (0,)
        while t > 1:
            word = binary(t) + word
            t = t.bit_length() - 1
        return word

    def _below(self, prefix: Digits, most: int) -> int:
        try:
            _, used = self.decode(prefix)
        except InvalidInput:
            return most  # no word has ended: whatever the group is, longer ones may follow without end
        return min(most, int(used == len(prefix)))


@dataclass(frozen=True)
class Fixed(Code):
    """Words of one length: t - 1 in binary. There are ``2**width`` participants and no more; all shares are equally long.

    Parameters
    ----------
    width : int
        Digits of each codeword, 1 to 4096.
    """

    width: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", exact_int(self.width, name="the width of a fixed code", most=_WIDEST))

    @property
    def name(self) -> str:
        """Such as ``"fixed-64"``."""
        return f"fixed-{self.width}"

    def length(self, t: int) -> int:
        """The width."""
        if participant(t) > 1 << self.width:
            raise InvalidInput(f"the code {self.name} has participants 1 to 2**{self.width} only: use delta, which has no end")
        return self.width

    def decode(self, digits: Sequence[int]) -> tuple[int, int]:
        """Read ``width`` binary digits."""
        text = letters(digits)
        if len(text) < self.width:
            raise cut_short()
        return int(text[: self.width], 2) + 1, self.width

    def _word(self, t: int) -> Digits:
        return tuple(map(int, f"{t - 1:0{self.width}b}"))

    def _below(self, prefix: Digits, most: int) -> int:
        return leaves(self.width - len(prefix), most)


@dataclass(frozen=True)
class UserCode(Code):
    """A code of your own. It must be prefix free, which is checked for the participants at hand only, when they recover.

    Parameters
    ----------
    own_name : str
        What shares call it: small letters, digits and hyphens, at most 32. The code itself is not in the shares.
    function : callable
        Takes a participant number, gives its codeword: a sequence of zeros and ones, at least one.
    """

    own_name: str
    function: Callable[[int], Sequence[int]]

    def __post_init__(self) -> None:
        if not isinstance(self.own_name, str) or not _OWN_NAME.fullmatch(self.own_name):
            raise InvalidInput("a code's name is at most 32 small letters, digits and hyphens, a letter first")
        if not callable(self.function):
            raise InvalidInput("a code of your own is a function that takes a participant number and gives zeros and ones")

    @property
    def name(self) -> str:
        """``"user-"`` and the name given."""
        return f"user-{self.own_name}"

    def length(self, t: int) -> int:
        """The length of the word that the function gives."""
        return len(self._word(participant(t)))

    def decode(self, digits: Sequence[int]) -> tuple[int, int]:
        """Refused: the function writes words, it cannot read them.

        Raises
        ------
        InvalidInput
            Always.
        """
        raise InvalidInput(f"the code {self.name} cannot be read back: it is known by what it writes")

    def _word(self, t: int) -> Digits:
        word = tuple(self.function(t))
        if not word or len(word) > MOST_DIGITS:
            raise InvalidInput(f"the code {self.name} must give from 1 to {MOST_DIGITS} digits, got {len(word)}")
        letters(word)
        return tuple(map(int, word))

    def _below(self, prefix: Digits, most: int) -> int:
        raise InvalidInput(
            f"the compact layout needs the whole tree of a code, and that of {self.name} is unknown: use layout='paper'"
        )


_NAMED: tuple[Code, ...] = (Delta(), Gamma(), Omega(), Unary())


def code_of(name: str | Code) -> Code:
    """The code of a name.

    Parameters
    ----------
    name : str or Code
        ``"delta"``, ``"gamma"``, ``"omega"``, ``"unary"`` or ``"fixed-N"``; a code is given back as it is.

    Returns
    -------
    Code

    Raises
    ------
    InvalidInput
        For another name. A code of your own is in no table: hand over the `UserCode`.

    Examples
    --------
    >>> code_of("fixed-64").length(7)
    64
    """
    if isinstance(name, Code):
        return name
    if isinstance(name, str):
        for code in _NAMED:
            if code.name == name:
                return code
        fixed = _FIXED.fullmatch(name)
        if fixed:
            return Fixed(int(fixed[1]))
        if name.startswith("user-"):
            raise InvalidInput("these shares were made with a code of the dealer's own: hand over its UserCode")
    raise InvalidInput(f"code must be delta, gamma, omega, unary, fixed-N or a UserCode, got {str(name)[:40]!r}")
