"""What makes no plan of local reports, and is refused before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from privlib.bounds import Real, exact
from privlib.errors import InvalidInput
from privlib.ldp.calibrate import Calibration, amplified
from privlib.ldp.domain import Domain
from privlib.ldp.oracles import Grr, LocalHash, Subset, Unary
from privlib.ldp.parts import MOST_BUCKETS, Part, Scheme, Weights, checked_priors, is_prime, scheme_of

__all__ = ["as_published", "check_parts", "checked"]


def checked(
    domain: Domain,
    protocol: str,
    calibration: Calibration,
    weights: Weights | Literal["equalised"] | None,
    priors: Sequence[Sequence[Real]] | None,
) -> tuple[Sequence[Fraction] | Literal["equalised"] | None, tuple[tuple[Fraction, ...], ...] | None]:
    """Refuse what does not belong to a protocol; read the numbers."""
    scheme, realistic = scheme_of(protocol), protocol.startswith("rsrfd")
    if calibration == "paper" and scheme is not Scheme.RSFD:
        raise InvalidInput("calibration='paper' is for RS+FD: spl and smp cost what they say")
    if realistic != (priors is not None):
        raise InvalidInput("give priors, a law of fake values for each attribute, with rsrfd protocols and with no others")
    laws = None if priors is None else checked_priors(priors, domain.sizes)
    if isinstance(weights, str):
        if weights != "equalised" or protocol not in ("rsfd-grr", "rsfd-oue-z", "rsfd-sue-z"):
            raise InvalidInput("weights must be numbers, or 'equalised' for rsfd-grr, rsfd-oue-z and rsfd-sue-z")
        return "equalised", laws
    if weights is None:
        return None, laws
    if scheme is Scheme.SPL:
        raise InvalidInput("weights say which attribute is drawn: spl draws none")
    shares = [exact(weight, name="a weight") for weight in weights]
    if len(shares) != len(domain.sizes) or min(shares) <= 0:
        raise InvalidInput("weights must be positive, one for each attribute")
    return shares, laws


def as_published(scheme: Scheme, parts: Sequence[Part], caps: tuple[Fraction | None, Fraction | None]) -> bool:
    """Whether randomisers run at the odds of the paper, or a little below where those are rounded."""
    claimed = amplified(min(cap for cap in caps if cap is not None), len(parts))
    return scheme is Scheme.RSFD and all(part.oracle.odds <= claimed for part in parts)


def check_parts(domain: Domain, scheme: Scheme, parts: Sequence[Part]) -> None:
    """Refuse parts that are no laws of reports on a domain."""
    if scheme is Scheme.RSFD and len(parts) < 2:
        raise InvalidInput("RS+FD needs at least two attributes: use spl or smp for one")
    if tuple(part.size for part in parts) != domain.sizes:
        raise InvalidInput("a plan needs one part for each attribute of its domain, with as many values")
    total = sum((part.weight for part in parts), Fraction(0))
    wrong = any(part.weight != 1 for part in parts) if scheme is Scheme.SPL else total != 1 or any(p.weight <= 0 for p in parts)
    for part in parts:
        oracle, fake = part.oracle, part.fake
        if any(type(number) is not Fraction for number in (part.weight, oracle.hit, oracle.miss, *(fake or ()))):
            raise InvalidInput("the numbers of a plan must be Fractions: floats are rounded")
        wrong |= not 0 < oracle.miss < oracle.hit < 1
        wrong |= isinstance(oracle, Subset) and not 0 < oracle.chosen < oracle.size
        wrong |= isinstance(oracle, LocalHash) and not (is_prime(oracle.buckets) and oracle.buckets <= MOST_BUCKETS)
        wrong |= fake is not None and (len(fake) != part.size or min(fake) <= 0 or sum(fake) != 1)
        if scheme is Scheme.RSFD:
            wrong |= not isinstance(oracle, Unary) and not (isinstance(oracle, Grr) and fake is not None)
        else:
            wrong |= fake is not None
    if wrong:
        raise InvalidInput("the parts of the plan are no laws of reports under its scheme")
