"""What ``privlib audit run`` can attack: audits that privlib brings, the zoo, any importable function, scores of an attack."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from privlib.bounds import Bound, Kind
from privlib.cli.audit_guard import Guard
from privlib.cli.audit_input import SCORE_FILES, read_claim, read_pairs, read_scores
from privlib.errors import InvalidInput, PrivlibError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from privlib.audit import Audit, Pair
    from privlib.audit.onerun import OneRun

__all__ = ["Request", "attack", "builtin_targets", "one_run_of_scores"]

_SHORTEST_CHANCE = 1e-9  # of scores of one label running out


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the options of ``privlib audit run`` ask for.

    Attributes
    ----------
    target : str
        As given.
    claim : dict of str to str or None
        The texts of epsilon, delta, mu and rho.
    neighbours : str or None
        The relation, where given.
    pair : path or None
        The file of data sets.
    trials : int or None
        None where not given.
    confidence : Fraction
        Of a certified violation.
    anytime, batch, force : bool
        The flags.
    max_seconds : float or None
        When to stop.
    seed : int
        Of the search and the split.
    guard : Guard
        Stands around the mechanism.
    """

    target: str
    claim: dict[str, str | None]
    neighbours: str | None
    pair: Path | None
    trials: int | None
    confidence: Fraction
    anytime: bool
    batch: bool
    force: bool
    max_seconds: float | None
    seed: int
    guard: Guard = field(repr=False)

    def options(self) -> dict[str, Any]:
        """What every audit is told alike, by its name in `privlib.audit.run`."""
        return {
            "confidence": self.confidence,
            "anytime": self.anytime,
            "max_seconds": self.max_seconds,
            "seed": self.seed,
            "title": self.target,
        }

    def refuse(self, **given: object) -> None:
        """Refuse options that the target has no use for."""
        for name, value in given.items():
            if value:
                raise InvalidInput(f"{self.target} takes no --{name.replace('_', '-')}")

    def required_claim(self, neighbours: str) -> Bound:
        """The claim, which this target does not bring itself."""
        claim = read_claim(self.claim, neighbours)
        if claim is None:
            raise InvalidInput(f"{self.target} brings no claim of its own: give --epsilon, --epsilon with --delta, --mu or --rho")
        return self.checked(claim)

    def checked(self, claim: Bound) -> Bound:
        """The claim, if it can be audited in the way that is asked for."""
        if self.anytime and claim.kind not in (Kind.PURE, Kind.GDP):
            raise InvalidInput("--anytime is for --epsilon without --delta, and for --mu")
        return claim


def builtin_targets() -> dict[str, str]:
    """The audits of `privlib.audit.builtin` by name, each with its first sentence."""
    from privlib.audit import builtin

    found = {name.removesuffix("_audit"): getattr(builtin, name) for name in builtin.__all__ if name.endswith("_audit")}
    return {name: (inspect.getdoc(audit) or "").partition("\n")[0] for name, audit in found.items()}


def attack(request: Request) -> Audit:
    """Find the target and audit it."""
    kind, _, name = request.target.partition(":")
    if kind == "zoo" and name:
        return _zoo(request, name)
    if Path(request.target).suffix.lower() in SCORE_FILES:
        return _scores(request)
    if request.target in builtin_targets():
        return _builtin(request)
    if name:
        return _function(request)
    raise InvalidInput(
        f"there is no target {request.target[:60]!r}: give one of {', '.join(builtin_targets())}, zoo:NAME, module:function, "
        f"or a file of scores that ends in {', '.join(SCORE_FILES)}"
    )


def _builtin(request: Request) -> Audit:
    from privlib.audit import builtin

    audit: Callable[..., Audit] = getattr(builtin, f"{request.target}_audit")
    known = inspect.signature(audit).parameters
    request.refuse(pair=request.pair, batch=request.batch, mu=request.claim["mu"], rho=request.claim["rho"])
    given: dict[str, Any] = {
        "epsilon": request.claim["epsilon"],
        "delta": request.claim["delta"],
        "neighbours": request.neighbours,
        "trials": request.trials,
        "anytime": request.anytime or None,
        "max_seconds": request.max_seconds,
        "seed": request.seed,
    }
    if request.trials is not None and "held_out" in known:  # two tested data sets, and half as many trials to fix the rule
        given |= {"trials": None, "held_out": max(1, 3 * request.trials // 10)}
    given = {name: value for name, value in given.items() if value is not None}
    if "seed" not in known:
        del given["seed"]
    request.refuse(**{name: True for name in given if name not in known})
    wants_relation = known.get("neighbours")
    if wants_relation is not None and wants_relation.default is inspect.Parameter.empty:
        given.setdefault("neighbours", "add_remove")
    return audit(confidence=request.confidence, **given)


def _zoo(request: Request, name: str) -> Audit:
    from privlib.audit import run
    from privlib.audit.zoo import entry

    found = entry(name)
    if found.how in ("one-run", "proof"):
        raise InvalidInput(f"{name} is refuted by a {found.how}, not by trials: see privlib audit zoo {name}")
    request.refuse(batch=request.batch)
    relation = found.pairs[0].neighbours
    if request.neighbours not in (None, relation):
        raise InvalidInput(f"{request.target} is audited under --neighbours {relation}")
    pairs = found.pairs if request.pair is None else read_pairs(request.pair, relation)
    claim = request.checked(read_claim(request.claim, relation) or found.claim)
    mechanism = request.guard(found.mechanism)
    options: dict[str, Any] = {**request.options(), **_candidates(pairs), "batch": found.batch, "theorem": found.theorem}
    return run(mechanism, claim=claim, trials=request.trials or 1_000_000, **options)


def _candidates(pairs: Sequence[Pair]) -> dict[str, Any]:
    return {"pair": pairs[0]} if len(pairs) == 1 else {"pairs": tuple(pairs)}


def _function(request: Request) -> Audit:
    from privlib.audit import run

    mechanism = _imported(request.target, request.guard)
    if request.pair is None:
        raise InvalidInput(f"{request.target} needs data sets to tell apart: give --pair FILE.json")
    pairs = read_pairs(request.pair, request.neighbours)
    claim = request.required_claim(pairs[0].neighbours)
    for pair in pairs:
        if request.neighbours is not None and pair.neighbours != request.neighbours:
            raise InvalidInput(f"--neighbours {request.neighbours} contradicts 'neighbours' in {str(request.pair)!r}")
        if pair.neighbours is not claim.neighbours:
            raise InvalidInput(f"the pairs in {str(request.pair)!r} are neighbours in two senses: audit one at a time")
    _check_arguments(mechanism, request)
    options: dict[str, Any] = {**request.options(), "batch": request.batch, **_candidates(pairs)}
    try:
        return run(request.guard(mechanism), claim=claim, trials=request.trials or 1_000_000, **options)
    except InvalidInput as error:
        if "observe=" not in str(error):
            raise
        kind = str(error).partition(":")[0].rpartition(" ")[2]
        raise InvalidInput(
            f"{request.target} gives outputs of type {kind}: give numbers, arrays of numbers, text or None"
        ) from None


def _check_arguments(mechanism: Callable[..., Any], request: Request) -> None:
    """Find out before the first trial whether the mechanism takes what it will be given."""
    given = (None, 1) if request.batch else (None,)
    try:
        inspect.signature(mechanism).bind(*given)
    except TypeError:
        wanted = "f(dataset, n), for --batch is given" if request.batch else "f(dataset); a function f(dataset, n) needs --batch"
        raise InvalidInput(f"{request.target} does not take the arguments of {wanted}") from None
    except ValueError:  # some functions written in C do not tell
        return


def _imported(target: str, guard: Guard) -> Callable[..., Any]:
    """Import ``module:name``; the folder that the program was called in is searched first."""
    module, _, name = target.partition(":")
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = guard(importlib.import_module)(module)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        which = (
            f"{module!r}" if module == missing or module.startswith(f"{missing}.") else f"{missing!r}, which {module!r} imports"
        )
        raise InvalidInput(f"there is no module {which}: start the program where it can be imported, or install it") from None
    except SystemExit:
        raise InvalidInput(f"importing {module!r} ends the program: guard its main part by if __name__ == '__main__'") from None
    except Exception as error:
        raise InvalidInput(f"importing {module!r} raises {type(error).__name__}") from None  # whose message may hold data
    for part in name.split("."):
        if not hasattr(found, part):
            raise InvalidInput(f"{module!r} has no {name!r}")
        found = getattr(found, part)
    if not callable(found):
        raise InvalidInput(f"{target} is not callable but of type {type(found).__name__}: name a function f(dataset) -> output")
    mechanism: Callable[..., Any] = found
    return mechanism


class _UsedUp(BaseException):
    """No score of a label is left. As a plain exception it would count as an output."""


def _scores(request: Request) -> Audit:
    """Audit independent scores: each trial draws a bit and takes the next unused score of this label."""
    import numpy as np

    from privlib.audit import Pair, run

    request.refuse(pair=request.pair, batch=request.batch)
    relation = _relation(request)
    claim = request.required_claim(relation)
    labels, scores = read_scores(Path(request.target))
    most = _most_trials(int(np.bincount(labels).min()))
    least = 1 if request.force else 1000
    if most < least:
        raise InvalidInput(
            f"{request.target} is enough for {most} trials, an audit wants {least}: give more rows of the rarer label"
        )
    if request.trials is not None and request.trials > most:
        raise InvalidInput(f"{request.target} is enough for {most} trials: give fewer --trials")
    order = _shuffled(scores.size)  # rows may be sorted
    unused = [iter(_one_by_one(scores[order][labels[order] == label])) for label in (0, 1)]

    def next_score(label: int) -> float:
        return next(unused[label])

    pair = Pair(0, 1, claim.neighbours, "rows with label 0, and rows with label 1")
    try:
        return run(next_score, claim=claim, pair=pair, trials=request.trials or most, **request.options())
    except _UsedUp:
        raise PrivlibError("the scores of one label ran out, which is very improbable: give fewer --trials") from None


def _one_by_one(scores: NDArray[np.float64]) -> Iterator[float]:
    yield from scores.tolist()
    raise _UsedUp


def _shuffled(size: int) -> NDArray[np.intp]:
    """A random order, from the operating system's randomness."""
    import numpy as np

    return np.argsort(np.frombuffer(os.urandom(8 * size), dtype=np.uint64), kind="stable")


def _relation(request: Request) -> str:
    if request.neighbours is None:
        raise InvalidInput("give --neighbours: scores do not show in what the data sets differ")
    return request.neighbours


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
    claim = request.required_claim(_relation(request))
    labels, scores = read_scores(Path(request.target))
    share = Fraction(3, 4) if claim.kind is Kind.GDP else Fraction(3, 10)  # fixed, whatever the scores are
    made = max(1, int(share * scores.size))
    guesses = guess_by_rank(scores, guesses=made)
    return one_run(guesses, labels, claim=claim, confidence=request.confidence, planned=made, title=request.target)
