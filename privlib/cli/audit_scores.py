"""Scores of an attack that somebody else ran: read from a file, and audited, of many runs or of one."""

from __future__ import annotations

import csv
import math
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from privlib.bounds import Kind
from privlib.errors import InvalidInput, PrivlibError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from privlib.audit import Audit
    from privlib.audit.onerun import OneRun
    from privlib.cli.audit_target import Request

    Labels = NDArray[np.int8]
    Scores = NDArray[np.float64]

__all__ = ["SCORE_FILES", "audit_scores", "one_run_of_scores", "read_scores"]

SCORE_FILES = (".csv", ".npy", ".parquet")
"""How the name of a file of scores ends."""

_COLUMNS = ("label", "score")
_WANTED = {"label": "must be 0 or 1", "score": "must be a number; infinity is one, NaN and an empty field are not"}
_LONGEST_FIELD = 1 << 30
_SHORTEST_CHANCE = 1e-9  # of scores of one label running out
_FEWEST = 1000  # trials
_TRAINING = 80_000  # trials that fix the rule at most, a quarter where there are fewer
_AS_CALLED = "number 1 of the output"


def read_scores(file: Path) -> tuple[Labels, Scores]:
    """Read the labels and scores of an attack.

    Parameters
    ----------
    file : path
        CSV or Parquet with the columns label and score, or ``.npy`` of shape (n, 2) with these columns. Label 1 stands for
        the second world, or for a canary or member that was put in; the score is the higher the more the attack believes in 1.

    Returns
    -------
    labels : int8 array, shape (n,)
    scores : float array, shape (n,)

    Raises
    ------
    InvalidInput
        For other labels than 0 and 1, one class only, and scores that are missing or NaN. The message names the column and the
        line, for the file is the attacker's own and no private data; it never quotes a value. Pickles are never read.
    """
    import numpy as np

    shown = repr(str(file))
    if not file.is_file():
        raise InvalidInput(f"there is no file {shown}")
    try:
        labels, scores = _array(file) if file.suffix.lower() == ".npy" else _columns(file)
    except InvalidInput:
        _say_where(file)
        raise
    for name, wrong in (("label", ~np.isin(labels, (0, 1))), ("score", np.isnan(scores))):
        if wrong.any():
            _say_where(file)
            raise InvalidInput(f"row {int(np.argmax(wrong)) + 1} of {shown}: column {name!r} {_WANTED[name]}")
    if not labels.size:
        raise InvalidInput(f"{shown} has no rows")
    if np.unique(labels).size < 2:
        raise InvalidInput(f"all rows of {shown} have one label: both are needed")
    return labels.astype(np.int8), scores + 0.0  # there is one zero


def _array(file: Path) -> tuple[Scores, Scores]:
    import numpy as np

    try:
        table = np.load(file, allow_pickle=False)
    except Exception:  # a header can name any shape, and the file begin like an archive
        raise InvalidInput(f"{str(file)!r} is not an array of numbers as numpy.save writes it; pickles are not read") from None
    if not isinstance(table, np.ndarray) or table.ndim != 2 or table.shape[1] != 2 or table.dtype.kind not in "biuf":
        raise InvalidInput(f"{str(file)!r} must hold numbers in two columns, label and score")
    labels, scores = table.T.astype(np.float64)
    return labels, scores


def _columns(file: Path) -> tuple[Scores, Scores]:
    import numpy as np

    from privlib.tables import column, read

    frame = read(file, _COLUMNS)
    columns = [column(frame, name) for name in _COLUMNS]
    for name, values in zip(_COLUMNS, columns, strict=True):
        if values.dtype.kind not in "biuf":
            raise InvalidInput(f"column {name!r} of {str(file)!r} must hold numbers")
    labels, scores = (values.astype(np.float64) for values in columns)
    return labels, scores


def _say_where(file: Path) -> None:
    """Refuse the first line of a CSV file that is no score, if the reader of Python's library finds one."""
    if file.suffix.lower() != ".csv":
        return
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        rows = csv.reader(stream, strict=False)
        csv.field_size_limit(_LONGEST_FIELD)
        header = next(rows, [])
        if any(header.count(name) != 1 for name in _COLUMNS):
            return
        for row in rows:
            if row and len(row) != len(header):
                raise InvalidInput(f"line {rows.line_num} of {str(file)!r} has not as many fields as the first line")
            for name in _COLUMNS if row else ():
                if not _fits(name, row[header.index(name)]):
                    raise InvalidInput(f"line {rows.line_num} of {str(file)!r}: column {name!r} {_WANTED[name]}")


def _fits(name: str, text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return number in (0, 1) if name == "label" else not math.isnan(number)


class _UsedUp(BaseException):
    """No score of a label is left. As a plain exception it would count as an output."""


def audit_scores(request: Request) -> Audit:
    """Audit independent scores: each trial draws a bit and takes the next unused score of this label."""
    import numpy as np

    from privlib.audit import Interrupted, Pair, run

    request.refuse(pair=request.pair, batch=request.batch)
    claim = request.required_claim(request.required_relation())
    labels, scores = read_scores(Path(request.target))
    most = _most_trials(int(np.bincount(labels).min()))
    least = 1 if request.force else _FEWEST
    if most < least:
        raise InvalidInput(
            f"{request.target} is enough for {max(0, most)} trials, an audit wants {least}: give more rows of the rarer label"
        )
    if request.trials is not None and request.trials > most:
        raise InvalidInput(f"{request.target} is enough for {most} trials: give fewer --trials")
    order = _shuffled(scores.size)  # rows may be sorted
    unused = [scores[order][labels[order] == label] for label in (0, 1)]

    def next_scores(label: int, count: int) -> Scores:
        taken: Scores = unused[label][:count]
        unused[label] = unused[label][count:]
        if taken.size < count:
            raise _UsedUp
        return taken

    pair = Pair(0, 1, claim.neighbours, "rows with label 0, and rows with label 1")
    trials = request.trials or most
    # How a score is stored, in how many digits it was written, tells of the file and not of the attack.
    options: dict[str, Any] = {**request.options(), "batch": True, "bits": False, "training": min(trials // 4, _TRAINING)}
    try:
        return _in_words(run(next_scores, claim=claim, pair=pair, trials=trials, **options))
    except Interrupted as error:
        raise Interrupted(_in_words(error.audit)) from None
    except _UsedUp:
        raise PrivlibError("the scores of one label ran out, which is very improbable: give fewer --trials") from None


def _in_words(found: Audit) -> Audit:
    """The audit with its only number called the score."""
    cells = tuple(words.replace(_AS_CALLED, "the score") for words in found.cells)
    return replace(found, rule=found.rule.replace(_AS_CALLED, "the score"), cells=cells)


def _shuffled(size: int) -> NDArray[np.intp]:
    """A random order, from the operating system's randomness."""
    import numpy as np

    return np.argsort(np.frombuffer(os.urandom(8 * size), dtype=np.uint64), kind="stable")


def _most_trials(fewest: int) -> int:
    """Trials with fair bits for which so many rows of each label last."""
    from scipy.special import bdtrc

    low, high = 0, 2 * fewest
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if 2 * bdtrc(fewest, middle, 0.5) <= _SHORTEST_CHANCE else (low, middle)
    return low


def one_run_of_scores(request: Request) -> OneRun:
    """Audit one training run: label 1 for a canary that was put in, by a fair coin, and a score for each."""
    from privlib.audit.onerun import guess_by_rank, one_run

    if Path(request.target).suffix.lower() not in SCORE_FILES:
        raise InvalidInput(f"--one-run wants a file of scores, one row a canary, that ends in {', '.join(SCORE_FILES)}")
    request.refuse(pair=request.pair, batch=request.batch, trials=request.trials, anytime=request.anytime)
    request.refuse(max_seconds=request.max_seconds, rho=request.claim["rho"])
    claim = request.required_claim(request.required_relation())
    labels, scores = read_scores(Path(request.target))
    share = Fraction(3, 4) if claim.kind is Kind.GDP else Fraction(3, 10)  # fixed, whatever the scores are
    made = max(1, int(share * scores.size))
    guesses = guess_by_rank(scores, guesses=made)
    return one_run(guesses, labels, claim=claim, confidence=request.confidence, planned=made, title=request.target)
