"""Everything public about a sharing: the threshold, the secret's size, the prefix code, the layout, the width, the integrity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast, get_args

from privlib.bounds import exact_int
from privlib.certificate import fingerprint_of
from privlib.errors import InvalidInput
from privlib.sharing.codes import Code, UserCode, code_of
from privlib.sharing.layouts import MOST_ROWS, MOST_THRESHOLD, Layout, share_rows

__all__ = ["MOST_PARTICIPANT", "MOST_SIZE", "MOST_WIDTH", "OVERHEAD", "Integrity", "Spec"]

Integrity = Literal["amd", "none", "signed"]
"""How a holder's change of a share is noticed: an AMD code inside the word, not at all, or by the dealer's signature."""

OVERHEAD = {"amd": 40, "none": 0, "signed": 0}
"""Bytes that a word holds beside the secret: under ``"amd"`` its length (8), a random element (16) and the tag (16)."""

MOST_SIZE = 2**40
"""The largest secret, in bytes."""

MOST_WIDTH = 2**24
"""The most bytes in a row."""

MOST_PARTICIPANT = 2**2040 - 1
"""The largest participant number: 255 bytes of a share hold it."""

_EXAMPLES = (1, 10, 1000, 10**6, 10**9)


@dataclass(frozen=True, init=False)
class Spec:
    """The public plan of a sharing, fixed before the secret is seen; every share carries it.

    Parameters
    ----------
    threshold : int
        How many holders recover the secret, from 2. Fewer learn nothing.
    size : int
        Bytes of the secret, from 1; public. Pad the secret where its length should not be known.
    code : str or Code
        The prefix code of participant numbers: ``"delta"`` (default), ``"gamma"``, ``"omega"``, ``"unary"``, ``"fixed-64"``,
        or a `UserCode`.
    layout : {"paper", "compact"}
        The publication's share sizes, or the smallest that still let any `threshold` shares recover.
    width : int, optional
        Bytes of a row. A share is longer than the word by whole rows; one that fits the word's size is chosen.
    integrity : {"amd", "none", "signed"}
        How changed shares are noticed. ``"amd"`` puts 40 bytes into the word: much for a short secret, then choose another.

    Attributes
    ----------
    prefix_code : Code
        The code itself; ``code`` is its name.

    Raises
    ------
    InvalidInput
        For anything out of range, and for ``"compact"`` with a user's code, whose tree is not known.

    Privacy
    -------
    Any ``threshold - 1`` shares have the same law for every secret of this size. Theorems: sharing.t2, sharing.t3.

    Examples
    --------
    >>> spec = Spec(threshold=3, size=32, integrity="none")
    >>> spec.rows, [spec.share_bytes(t) for t in (1, 10, 1000)]
    (32, [32, 46, 62])
    """

    threshold: int
    size: int
    code: str
    layout: Layout
    width: int
    integrity: Integrity
    prefix_code: Code = field(init=False, repr=False)

    def __init__(
        self,
        threshold: int,
        size: int,
        *,
        code: str | Code = "delta",
        layout: str = "paper",
        width: int | None = None,
        integrity: str = "amd",
    ) -> None:
        threshold = exact_int(threshold, name="threshold", least=2, most=MOST_THRESHOLD)
        size = exact_int(size, name="size, the bytes of the secret,", most=MOST_SIZE)
        if integrity not in get_args(Integrity):
            raise InvalidInput(f"integrity must be one of {', '.join(get_args(Integrity))}, got {str(integrity)[:40]!r}")
        if layout not in tuple(Layout):
            raise InvalidInput(f"layout must be one of {', '.join(Layout)}, got {str(layout)[:40]!r}")
        chosen = code_of(code) if isinstance(code, str) else code
        if not isinstance(chosen, Code):
            raise InvalidInput(f"code must be the name of a prefix code or a UserCode, not {type(chosen).__name__}")
        if layout == Layout.COMPACT and isinstance(chosen, UserCode):
            raise InvalidInput("layout 'compact' needs the whole code's tree, which a user's code does not tell: use 'paper'")
        word = size + OVERHEAD[integrity]
        if width is None:
            from privlib.sharing.lanes import width_for

            width = width_for(word)
        for name, value in (
            ("threshold", threshold),
            ("size", size),
            ("code", chosen.name),
            ("layout", Layout(layout)),
            ("width", exact_int(width, name="width", most=MOST_WIDTH)),
            ("integrity", integrity),
            ("prefix_code", chosen),
        ):
            object.__setattr__(self, name, value)
        if self.rows > MOST_ROWS:
            raise InvalidInput(
                f"width must be so large that the word has at most {MOST_ROWS} rows; leave it out to have it chosen"
            )

    @property
    def word_bytes(self) -> int:
        """Bytes of the word, which is what is shared: the secret, wrapped for integrity."""
        return self.size + OVERHEAD[self.integrity]

    @property
    def rows(self) -> int:
        """Rows of the word."""
        return -(-self.word_bytes // self.width)

    @property
    def pad(self) -> int:
        """Zero bytes that fill the word's last row."""
        return self.rows * self.width - self.word_bytes

    def share_rows(self, t: int) -> int:
        """How many rows the share of participant ``t`` has.

        Parameters
        ----------
        t : int
            The participant, from 1.

        Returns
        -------
        int

        Raises
        ------
        InvalidInput
            For no participant number, or a share that would be too long to be made.
        """
        t = exact_int(t, name="participant", most=MOST_PARTICIPANT)
        return share_rows(self.prefix_code, t, self.threshold, self.rows, self.layout)

    def share_bytes(self, t: int) -> int:
        """How many bytes the payload of participant ``t`` has; see `share_rows`.

        Parameters
        ----------
        t : int
            The participant, from 1.

        Returns
        -------
        int
        """
        return self.share_rows(t) * self.width

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the whole plan, which is public. Shares of different plans do not combine."""
        return fingerprint_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON takes it."""
        return {
            "threshold": self.threshold,
            "size": self.size,
            "code": self.code,
            "layout": str(self.layout),
            "width": self.width,
            "integrity": self.integrity,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], *, code: Code | None = None) -> Spec:
        """Read what `to_dict` gave.

        Parameters
        ----------
        record : mapping
            The plan as a dict.
        code : UserCode, optional
            The code itself, where the plan names a user's code.

        Returns
        -------
        Spec

        Raises
        ------
        InvalidInput
            For anything else.
        """
        if not isinstance(record, Mapping) or set(record) != set(_FIELDS):
            raise InvalidInput("this is not the plan of a sharing as privlib writes it")
        values: dict[str, Any] = dict(record)
        if code is not None and values["code"] == code.name:
            values["code"] = code
        spec = cls(**values)
        if spec.to_dict() != dict(record) or values["width"] is None:
            raise InvalidInput("this is not the plan of a sharing as privlib writes it")
        return spec

    def explain(self) -> str:
        """The plan in words: who recovers, who learns nothing, what is noticed, how long shares are."""
        sizes = list[str]()
        for t in _EXAMPLES:
            try:
                sizes.append(f"  participant {t:>10}: {self.share_bytes(t)} bytes")
            except InvalidInput:
                sizes.append(f"  participant {t:>10}: none, the share would be too long")
        return "\n".join(
            [
                f"Any {self.threshold} holders recover the secret of {self.size} bytes; any {self.threshold - 1} learn nothing"
                " about it but its length.",
                "There is no last participant: anybody may join later, and no share given before changes.",
                "Against unbounded computers if the dealer is perfect (digits of the operating system, stored); against bounded",
                "ones if it is seeded.",
                _PROMISES[self.integrity],
                f"Prefix code {self.code}, layout {self.layout}, {self.rows} rows of {self.width} bytes.",
                "Payloads:",
                *sizes,
            ]
        )


_FIELDS = ("threshold", "size", "code", "layout", "width", "integrity")
_PROMISES = cast(
    dict[Integrity, str],
    {
        "amd": "Integrity: an AMD code of 40 bytes in the word. Where the participant numbers are known from outside, changed "
        "shares pass\nwith probability at most (d + 1)/2^128, d the secret's 16-byte blocks.",
        "none": "Integrity: none. Whoever holds one of exactly as many shares as the threshold can change the secret unnoticed.",
        "signed": "Integrity: the dealer signs every share (Ed25519), which is computational and names the changed one.",
    },
)
