"""Reports in bulk: private already, one row of bytes each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput, Mismatch, extra
from privlib.ldp.oracles import Subset
from privlib.ldp.parts import Scheme
from privlib.ldp.wire import Layout, is_secure, symbols_of, unwrap, wrap

if TYPE_CHECKING:
    from privlib.ldp.spec import Spec

__all__ = ["Reports", "integer"]

Rows = NDArray[np.uint8]
_REFUSED = "some report is not one that the plan's protocol can give"


@dataclass(frozen=True, eq=False, repr=False)
class Reports:
    """Reports under one plan.

    Parameters
    ----------
    spec : Spec
        The plan.
    rows : uint8 array, shape (n, width)
        The reports, as `privlib.ldp.wire` writes them. They are checked.
    secure : bool
        False when they were made in test mode.

    Raises
    ------
    InvalidInput
        For rows that the protocol cannot give.
    """

    spec: Spec
    rows: Rows = field(repr=False)
    secure: bool = True

    def __post_init__(self) -> None:
        layout = self.layout
        if self.rows.dtype != np.uint8 or self.rows.ndim != 2 or self.rows.shape[1] != layout.width:
            raise InvalidInput(f"reports of this plan are rows of {layout.width} bytes")
        _check(layout, self.rows)
        rows = self.rows.copy()  # nobody else can change what was checked
        rows.setflags(write=False)
        object.__setattr__(self, "rows", rows)

    @property
    def layout(self) -> Layout:
        """Where everything stands in a row."""
        return Layout(self.spec.scheme, self.spec.parts)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[bytes]:
        """Batches of one report each."""
        return (wrap(self.spec.fingerprint, row.tobytes(), secure=self.secure) for row in self.rows)

    def __repr__(self) -> str:
        secure = "" if self.secure else ", NOT SECURE: made in test mode"
        return f"<Reports: {len(self)} of {self.rows.shape[1]} bytes, {self.spec.protocol}{secure}>"

    def __add__(self, other: Reports) -> Reports:
        if not isinstance(other, Reports):
            return NotImplemented
        if self.spec.fingerprint != other.spec.fingerprint:
            raise Mismatch("reports of different plans do not mix")
        return Reports(self.spec, np.concatenate([self.rows, other.rows]), self.secure and other.secure)

    def to_bytes(self) -> bytes:
        """All reports as one batch, which names the plan by its fingerprint."""
        return wrap(self.spec.fingerprint, self.rows.tobytes(), secure=self.secure)

    @classmethod
    def from_bytes(cls, spec: Spec, batch: bytes) -> Reports:
        """Read a batch.

        Parameters
        ----------
        spec : Spec
            The plan under which the reports were made.
        batch : bytes
            What `to_bytes` gave, or `Spec.randomise_one`.

        Returns
        -------
        Reports

        Raises
        ------
        Mismatch
            For another plan's batch.
        InvalidInput
            For bytes that are none.
        """
        width = Layout(spec.scheme, spec.parts).width
        raw = unwrap(spec.fingerprint, width, batch)
        return cls(spec, np.frombuffer(raw, dtype=np.uint8).reshape(-1, width), is_secure(batch))

    def to_arrow(self) -> Any:
        """A table with one column ``report`` of fixed-size binary; its metadata name the plan's fingerprint."""
        pa = extra("pyarrow", name="tables", purpose="an Arrow table")
        width = self.rows.shape[1]
        buffer = pa.py_buffer(np.ascontiguousarray(self.rows))
        column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(self), [None, buffer])
        schema = pa.schema(
            [pa.field("report", pa.binary(width), nullable=False)],
            {"privlib.ldp": self.spec.fingerprint, "secure": str(self.secure)},
        )
        return pa.Table.from_arrays([column], schema=schema)

    @classmethod
    def from_arrow(cls, spec: Spec, table: Any) -> Reports:
        """Read what `to_arrow` gave, a table or a record batch.

        Parameters
        ----------
        spec : Spec
            The plan under which the reports were made.
        table : pyarrow.Table or pyarrow.RecordBatch
            With a column ``report``.

        Returns
        -------
        Reports

        Raises
        ------
        Mismatch
            For another plan's table.
        InvalidInput
            For a table that holds no reports.
        """
        metadata = table.schema.metadata or {}
        if b"privlib.ldp" not in metadata:
            raise InvalidInput("the table holds no local reports: it names no plan in its metadata")
        if metadata[b"privlib.ldp"] != spec.fingerprint.encode():
            raise Mismatch("the reports were made under another plan: their fingerprint differs")
        width = Layout(spec.scheme, spec.parts).width
        column = table.column("report")
        chunks = column.chunks if hasattr(column, "chunks") else [column]
        if str(column.type) != f"fixed_size_binary[{width}]" or column.null_count:
            raise InvalidInput(f"reports of this plan are fixed-size binary of {width} bytes, none missing")
        rows = [
            np.frombuffer(chunk.buffers()[1], dtype=np.uint8)[chunk.offset * width :][: len(chunk) * width].reshape(-1, width)
            for chunk in chunks
        ]
        return cls(spec, np.concatenate([np.empty((0, width), dtype=np.uint8), *rows]), metadata.get(b"secure") == b"True")


def _check(layout: Layout, rows: Rows) -> None:
    """Refuse rows that `Layout.read` would refuse."""
    told: NDArray[np.int64] | None = None
    for number in layout.numbers:
        value = integer(rows, number.start, number.stop)
        if (value >= np.uint64(number.size)).any():
            raise InvalidInput(_REFUSED)
        if layout.scheme is Scheme.SMP:
            told = np.searchsorted(np.array(layout.offsets[1:]), value.astype(np.int64), side="right").astype(np.int64)
    if not layout.bits:
        return
    field = rows[:, layout.start_of_bits :]
    if layout.bits % 8 and (field[:, -1] >> (layout.bits % 8)).any():
        raise InvalidInput(_REFUSED)
    if told is not None:
        _check_told(layout, field, told)
    elif any(isinstance(part.oracle, Subset) for part in layout.parts):
        for attribute, part in enumerate(layout.parts):
            if isinstance(part.oracle, Subset):
                first = layout.bit_offsets[attribute]
                if (_ones(field, first, first + part.size) != part.oracle.chosen).any():
                    raise InvalidInput(_REFUSED)


def _check_told(layout: Layout, field: Rows, told: NDArray[np.int64]) -> None:
    for attribute, part in enumerate(layout.parts):
        own = field[told == attribute]
        length = 0 if symbols_of(part.oracle) else part.size
        if _ones(own, length, layout.bits).any():
            raise InvalidInput(_REFUSED)
        if isinstance(part.oracle, Subset) and (_ones(own, 0, length) != part.oracle.chosen).any():
            raise InvalidInput(_REFUSED)


def _ones(field: Rows, first: int, last: int) -> NDArray[np.int64]:
    """How many of some bits are set, in each row."""
    if first >= last or not len(field):
        return np.zeros(len(field), dtype=np.int64)
    bits = np.unpackbits(field[:, first // 8 : (last + 7) // 8], axis=1, bitorder="little")
    return np.asarray(bits[:, first % 8 : first % 8 + last - first].sum(axis=1, dtype=np.int64))


def integer(rows: Rows, start: int, stop: int) -> NDArray[np.uint64]:
    """The little-endian integers in some bytes of each row, eight at most."""
    if stop - start in (1, 2, 4, 8):
        return np.ascontiguousarray(rows[:, start:stop]).view(f"<u{stop - start}")[:, 0].astype(np.uint64)
    padded = np.zeros((len(rows), 8), dtype=np.uint8)
    padded[:, : stop - start] = rows[:, start:stop]
    return padded.view("<u8")[:, 0].astype(np.uint64)
