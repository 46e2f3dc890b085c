"""A share's bytes as text and as words that people can copy by hand, with checks that say where a copy is damaged.

**Text.** Lines of at most 1220 letters, one for each 620 bytes; a QR code holds 2953. A line is groups of five letters, joined by
hyphens, of the 32 letters of Bech32. The first group is ``share``; the second the format (``p``), the line's number from 0 and
the number of lines less one (two letters each). Then the bytes, the highest bit first, the last letter filled with zero bits;
and 15 check letters, to which those of ``secretsharekeys`` are added, so that a lost or doubled letter shows. Any eight damaged
letters of a line are noticed; up to four are found.

**Words.** Proquints: 16 bits are a word of five letters, such as ``lusab``. The first word is the number of bytes, the last four
are checks. Any four damaged words are noticed; up to two are found.

Both are read strictly: one spelling for each sequence of bytes. `tidy` and `tidy_words` bring what was typed, scanned or wrapped
into that form, and change no letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from privlib.errors import BadShare, InvalidInput
from privlib.sharing.bch import Bch

__all__ = ["read", "read_words", "tidy", "tidy_words", "write", "write_words"]

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_GROUP = 5
_PREFIX = "share"
_FORMAT = "p"
_HEAD = 10
_LINE_BYTES = 620
_MOST_LINES = 32**2
_ADDED = "secretsharekeys"
_LETTERS = Bch(symbol_bits=5, field_bits=10, modulus=0b10000001001, roots=8)

_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aiou"
_WORD = re.compile(f"(?:[{_CONSONANTS}][{_VOWELS}]){{2}}[{_CONSONANTS}]", re.ASCII)
_MOST_WORD_BYTES = 2**16 - 1
_MOST_WORDS = 2**15 + 5
_WORDS = Bch(symbol_bits=16, field_bits=16, modulus=0b10001000000001011, roots=4)

_NAMED = 8  # damaged places that a message names


def write(data: bytes) -> str:
    """Bytes as text.

    Parameters
    ----------
    data : bytes
        At least one.

    Returns
    -------
    str
        Lines, joined by newlines; each fits a QR code.

    Raises
    ------
    InvalidInput
        For more bytes than 1024 lines hold: keep those in a file.
    """
    lines = [data[start : start + _LINE_BYTES] for start in range(0, len(data), _LINE_BYTES)]
    if not 1 <= len(lines) <= _MOST_LINES:
        raise InvalidInput(f"text is for 1 to {_MOST_LINES * _LINE_BYTES} bytes: keep the share in a file")
    return "\n".join(_line(place, len(lines), line) for place, line in enumerate(lines))


def read(written: str) -> bytes:
    """Read what `write` gave.

    Parameters
    ----------
    written : str
        All lines.

    Returns
    -------
    bytes

    Raises
    ------
    BadShare
        For anything else. Where at most four letters of a line are damaged, it says which; none is corrected.
    """
    if not isinstance(written, str):
        raise BadShare(f"a share's text is a str, not {type(written).__name__}")
    lines = written.split("\n", _MOST_LINES)
    if len(lines) > _MOST_LINES:
        raise BadShare(f"a share's text has at most {_MOST_LINES} lines")
    found = []
    for place, line in enumerate(lines):
        symbols = _symbols(line, f"line {place + 1} of the share's text")
        number, count, data = _parts(symbols)
        if count != len(lines):
            raise BadShare(f"the share's text has {count} lines, but {len(lines)} were given")
        if number != place:
            raise BadShare(f"line {place + 1} of the share's text is another line of it: put them in order")
        if (len(data) != _LINE_BYTES) if place + 1 < count else not 1 <= len(data) <= _LINE_BYTES:
            raise BadShare(f"line {place + 1} of the share's text has a length that none has")
        found.append(data)
    return b"".join(found)


def tidy(typed: str) -> str:
    """Bring typed or scanned text into the form that `read` takes: small letters, hyphens, lines in order. No letter changes.

    Parameters
    ----------
    typed : str
        With any spaces, hyphens and capitals, and lines broken anywhere; what begins with ``share`` begins a line.

    Returns
    -------
    str
    """
    full = _HEAD + _symbols_of(_LINE_BYTES) + len(_ADDED)
    lines = list[str]()
    for part in re.split(rf"^\s*(?={_PREFIX})", typed.lower(), flags=re.MULTILINE):
        letters = re.sub(r"[\s-]+", "", part)
        lines += [_grouped(letters[start : start + full]) for start in range(0, len(letters), full)]
    return "\n".join(sorted(lines, key=lambda line: [_VALUES.get(letter, 0) for letter in line[_GROUP + 2 : _GROUP + 4]]))


def write_words(data: bytes) -> str:
    """Bytes as pronounceable words, joined by hyphens.

    Parameters
    ----------
    data : bytes
        At least one, at most 65535.

    Returns
    -------
    str

    Raises
    ------
    InvalidInput
        For more bytes.
    """
    if not 1 <= len(data) <= _MOST_WORD_BYTES:
        raise InvalidInput(f"words are for 1 to {_MOST_WORD_BYTES} bytes: use text, or a file")
    even = data + bytes(len(data) % 2)
    numbers = [len(data), *(int.from_bytes(even[place : place + 2], "big") for place in range(0, len(even), 2))]
    return "-".join(map(_word, _WORDS.extend(numbers)))


def read_words(written: str) -> bytes:
    """Read what `write_words` gave.

    Parameters
    ----------
    written : str
        All words.

    Returns
    -------
    bytes

    Raises
    ------
    BadShare
        For anything else. Where at most two words are damaged, it says which; none is corrected.
    """
    if not isinstance(written, str):
        raise BadShare(f"a share's words are a str, not {type(written).__name__}")
    words = written.split("-", _MOST_WORDS)
    if len(words) > _MOST_WORDS:
        raise BadShare(f"a share has at most {_MOST_WORDS} words")
    foreign = {place for place, word in enumerate(words) if not _WORD.fullmatch(word)}
    numbers = [0 if place in foreign else _number(word) for place, word in enumerate(words)]
    found = _WORDS.damaged(numbers)
    if found is None and not foreign:
        raise BadShare("more than two of the share's words are damaged, or words are missing or too many")
    if found or foreign:
        listed = _listed((f"word {place + 1}" for place in sorted({*foreign, *(found or ())})), whole=found is not None)
        raise BadShare(f"the share's words are damaged at {listed}: compare them")
    data = b"".join(number.to_bytes(2, "big") for number in numbers[1 : -_WORDS.checks])
    size = numbers[0]
    if size < 1 or len(data) != size + size % 2 or any(data[size:]):
        raise BadShare("these words are no share")
    return data[:size]


def tidy_words(typed: str) -> str:
    """Bring typed or spoken words into the form that `read_words` takes. No letter changes.

    Parameters
    ----------
    typed : str
        With any spaces, hyphens, line breaks and capitals.

    Returns
    -------
    str
    """
    return "-".join(re.sub(r"[\s-]+", " ", typed).lower().split())


def _line(place: int, count: int, data: bytes) -> str:
    bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}".ljust(5 * _symbols_of(len(data)), "0")
    symbols = [_VALUES[letter] for letter in _PREFIX + _FORMAT]
    symbols += [*divmod(place, 32), *divmod(count - 1, 32)]
    symbols += [int(bits[start : start + 5], 2) for start in range(0, len(bits), 5)]
    return _grouped("".join(_ALPHABET[symbol] for symbol in _shifted(_LETTERS.extend(symbols))))


def _symbols(line: str, where: str) -> list[int]:
    """The symbols of a line that is a codeword; else a refusal that says where it is damaged."""
    full = _HEAD + _symbols_of(_LINE_BYTES) + len(_ADDED)
    groups, rest = divmod(len(line) + 1, _GROUP + 1)
    count = groups * _GROUP + max(0, rest - 1)
    if rest == 1 or not _HEAD + len(_ADDED) < count <= full:
        raise BadShare(f"{where} has a length that none has: letters are missing or too many")
    letters = [letter for place, letter in enumerate(line) if place % (_GROUP + 1) != _GROUP]
    if set(line[_GROUP :: _GROUP + 1]) - {"-"}:
        raise BadShare(f"{where} is not in groups of {_GROUP} letters, joined by hyphens: letters are missing or too many")
    foreign = {place for place, letter in enumerate(letters) if letter not in _VALUES}
    symbols = _shifted([_VALUES.get(letter, 0) for letter in letters])
    found = _LETTERS.damaged(symbols)
    if found is None and not foreign:
        raise BadShare(f"{where} is damaged in more than four letters, or letters are missing or too many")
    if found or foreign:
        places = sorted({*foreign, *(found or ())})
        named = (f"letter {place % _GROUP + 1} of group {place // _GROUP + 1}" for place in places)
        listed = _listed(named, whole=found is not None)
        raise BadShare(f"{where} is damaged at {listed}: compare them")
    return symbols[: -len(_ADDED)]


def _parts(symbols: Sequence[int]) -> tuple[int, int, bytes]:
    """A line's number, how many lines there are, and its bytes."""
    letters = "".join(_ALPHABET[symbol] for symbol in symbols[: len(_PREFIX + _FORMAT)])
    if letters[: len(_PREFIX)] != _PREFIX:
        raise BadShare("this text is no share")
    if letters[len(_PREFIX) :] != _FORMAT:
        raise BadShare("the share's text has a format that this version of privlib does not know: update it")
    first, second, third, fourth = symbols[_HEAD - 4 : _HEAD]
    bits = "".join(f"{symbol:05b}" for symbol in symbols[_HEAD:])
    size = len(bits) // 8
    if _symbols_of(size) != len(symbols) - _HEAD or "1" in bits[8 * size :]:
        raise BadShare("this text is no share: its last letter is not filled with zero bits")
    return 32 * first + second, 32 * third + fourth + 1, int(bits[: 8 * size] or "0", 2).to_bytes(size, "big")


def _shifted(symbols: Sequence[int]) -> list[int]:
    """Add the fixed letters to the checks; doing it twice does nothing."""
    start = len(symbols) - len(_ADDED)
    return [*symbols[:start], *(symbol ^ _VALUES[letter] for symbol, letter in zip(symbols[start:], _ADDED, strict=True))]


def _symbols_of(size: int) -> int:
    """How many letters so many bytes have."""
    return -(-8 * size // 5)


def _grouped(letters: str) -> str:
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


def _listed(places: Iterable[str], *, whole: bool) -> str:
    """Some places, and whether there may be others."""
    named = list(places)
    more = [f"{len(named) - _NAMED} more"] if len(named) > _NAMED else []
    return ", ".join(named[:_NAMED] + more + ([] if whole else ["perhaps elsewhere"]))


def _word(number: int) -> str:
    return (
        _CONSONANTS[number >> 12]
        + _VOWELS[number >> 10 & 3]
        + _CONSONANTS[number >> 6 & 15]
        + _VOWELS[number >> 4 & 3]
        + _CONSONANTS[number & 15]
    )


def _number(word: str) -> int:
    first, second, third, fourth, fifth = tuple(word)
    number = _CONSONANTS.index(first) << 2 | _VOWELS.index(second)
    number = (number << 4 | _CONSONANTS.index(third)) << 2 | _VOWELS.index(fourth)
    return number << 4 | _CONSONANTS.index(fifth)
