"""What ``privlib audit run`` can attack: audits that privlib brings, the zoo, any importable function, a file of scores."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from privlib.bounds import Bound, Kind
from privlib.cli.audit_guard import Guard
from privlib.cli.audit_input import read_claim, read_pairs
from privlib.cli.audit_scores import SCORE_FILES, audit_scores
from privlib.errors import InvalidInput

if TYPE_CHECKING:
    from privlib.audit import Audit, Pair

__all__ = ["Request", "attack", "builtin_targets"]


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
    progress : callable or None
        Is told how many trials are tested, and out of how many.
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
    progress: Callable[[int, int], None] | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """What every audit is told alike, by its name in `privlib.audit.run`."""
        shown = {} if self.progress is None else {"progress": self.progress}
        return {
            **shown,
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

    def required_relation(self) -> str:
        """The relation, which this target does not show."""
        if self.neighbours is None:
            raise InvalidInput("give --neighbours: scores do not show in what the data sets differ")
        return self.neighbours

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
    if kind == "sharing" and name:
        return _builtin(request, "sharing", dealer=name)
    if Path(request.target).suffix.lower() in SCORE_FILES:
        return audit_scores(request)
    if request.target in builtin_targets():
        return _builtin(request, request.target)
    if Path(request.target).suffix.lower() == ".json":
        return _local_plan(request)
    if name:
        return _function(request)
    raise InvalidInput(
        f"there is no target {request.target[:60]!r}: give one of {', '.join(builtin_targets())}, zoo:NAME, module:function, "
        f"a file of scores that ends in {', '.join(SCORE_FILES)}, "
        "or a plan of local reports that ends in .json"
    )


def _local_plan(request: Request) -> Audit:
    """Audit the reports of one's own plan, between any two records or, with --neighbours attribute, one attribute."""
    from privlib.audit import ldp_audit
    from privlib.ldp import Spec

    request.refuse(pair=request.pair, batch=request.batch, **{name: value is not None for name, value in request.claim.items()})
    file = Path(request.target)
    if not file.is_file():
        raise InvalidInput(f"there is no file {str(file)!r}")
    spec = Spec.from_json(file.read_text(encoding="utf-8"))
    if request.neighbours not in (None, "record", "attribute"):
        raise InvalidInput("a plan of local reports is audited with --neighbours record or --neighbours attribute")
    level: Any = request.neighbours or ("record" if spec.record_cap is not None else "attribute")
    known: dict[str, Any] = {**request.options(), "trials": request.trials}
    del known["title"]
    return ldp_audit(spec, level=level, **{name: value for name, value in known.items() if value is not None})


def _builtin(request: Request, target: str, **chosen: str) -> Audit:
    from privlib.audit import builtin

    audit: Callable[..., Audit] = getattr(builtin, f"{target}_audit")
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
    given = {name: value for name, value in given.items() if value is not None}
    for name in {"seed", "progress"} - known.keys():
        given.pop(name, None)
    request.refuse(**{name: True for name in given if name not in known})
    wants_relation = known.get("neighbours")
    if wants_relation is not None and wants_relation.default is inspect.Parameter.empty:
        given.setdefault("neighbours", "add_remove")
    return audit(confidence=request.confidence, **given, **chosen)


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
    if any(pair.neighbours is not claim.neighbours for pair in pairs):
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
