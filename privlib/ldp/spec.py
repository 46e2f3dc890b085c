"""Everything public about local reports: the domain, the protocol, its exact laws and what they may leak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from privlib.bounds import Real
from privlib.certificate import fingerprint_of, open_sealed, seal
from privlib.errors import InvalidInput
from privlib.ldp.calibrate import Calibration, Level, calibrated, read_odds
from privlib.ldp.checks import as_published, check_parts, checked
from privlib.ldp.domain import Domain, Label
from privlib.ldp.guarantee import Guarantee, guarantee
from privlib.ldp.parts import PROTOCOLS, Part, Scheme, Weights, scheme_of

if TYPE_CHECKING:
    from privlib.ldp.aggregate import Counts, Source
    from privlib.ldp.predict import Prediction
    from privlib.ldp.reports import Reports

__all__ = ["Spec"]

KIND = "ldp.plan"


@dataclass(frozen=True, init=False, repr=False)
class Spec:
    """The public plan of local reports: each person's device randomises a record of several attributes before it leaves.

    Parameters
    ----------
    domain : Domain
        The attributes and their labels, or a mapping from which to make it.
    protocol : str
        One of `PROTOCOLS`, or ``"auto"``: the one with the smallest mean variance that keeps the cap.
    level : {"record", "attribute"}
        What the cap means: ``"record"`` compares any two records, which is local differential privacy as it is defined;
        ``"attribute"`` compares two records that differ in one attribute, which promises less. There is no default.
    epsilon, odds : rational
        The cap, one of them: epsilon above 0, or odds = e^epsilon above 1, which are exact.
    calibration : {"exact", "paper"}
        ``"paper"`` runs RS+FD at the odds of arXiv 2109.07269, to reproduce it. Its guarantee tells what that leaks.
    weights : sequence of rational or "equalised", optional
        How likely each attribute is drawn; all alike by default.
    priors : sequence of sequences of rational, optional
        Of ``rsrfd-...``: how likely each fake value is, public, each above 0.

    Raises
    ------
    InvalidInput
        For anything missing, out of range or contradictory, with the cure.

    Privacy
    -------
    A report keeps the cap at the level asked for, and `guarantee` tells both levels exactly, unless ``calibration="paper"``,
    where only the guarantee counts. Theorems: ldp.t1, ldp.t2.

    References
    ----------
    Arcolezi, Couchot, Al Bouna, Xiao (2021), arXiv 2109.07269. Its amplification holds between records that differ in one
    attribute, for some protocols, and never between any two records.

    Examples
    --------
    >>> spec = Spec(Domain({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]}), "rsfd-oue-z", level="attribute", odds=3)
    >>> spec.guarantee().attribute, spec.guarantee().record
    (Fraction(3, 1), Fraction(5, 1))
    """

    domain: Domain
    protocol: str
    record_cap: Fraction | None
    attribute_cap: Fraction | None
    calibration: Calibration
    parts: tuple[Part, ...]

    def __init__(
        self,
        domain: Domain | Mapping[str, Sequence[Label]],
        protocol: str = "auto",
        *,
        level: Level,
        epsilon: Real | None = None,
        odds: Real | None = None,
        calibration: Calibration = "exact",
        weights: Weights | Literal["equalised"] | None = None,
        priors: Sequence[Sequence[Real]] | None = None,
    ) -> None:
        space = domain if isinstance(domain, Domain) else Domain(domain)
        if level not in get_args(Level):
            raise InvalidInput(f"level must be 'record' or 'attribute', got {str(level)[:40]!r}")
        if calibration not in get_args(Calibration):
            raise InvalidInput(f"calibration must be 'exact' or 'paper', got {str(calibration)[:40]!r}")
        cap = read_odds(epsilon, odds)
        if protocol == "auto":
            if calibration == "paper" or weights is not None or priors is not None:
                raise InvalidInput("name the protocol where calibration, weights or priors are given")
            from privlib.ldp.planner import cheapest

            chosen = cheapest(space, record_cap=cap) if level == "record" else cheapest(space, attribute_cap=cap)
            self._set(space, chosen.protocol, (chosen.record_cap, chosen.attribute_cap), calibration, chosen.parts)
            return
        if protocol not in PROTOCOLS:
            raise InvalidInput(f"protocol must be 'auto' or one of {', '.join(PROTOCOLS)}, got {str(protocol)[:40]!r}")
        shares, laws = checked(space, protocol, calibration, weights, priors)
        parts = calibrated(protocol, space.sizes, cap, level=level, calibration=calibration, weights=shares, priors=laws)
        caps = (cap, None) if level == "record" else (None, cap)
        self._set(space, protocol, caps, calibration, parts)

    @classmethod
    def of_parts(
        cls,
        domain: Domain,
        parts: Sequence[Part],
        *,
        scheme: str,
        protocol: str = "custom",
        record_cap: Fraction | None = None,
        attribute_cap: Fraction | None = None,
    ) -> Spec:
        """A plan with laws of its own, such as a mixture of protocols, or with two caps.

        Parameters
        ----------
        domain : Domain
            The attributes.
        parts : sequence of Part
            The law of each attribute's report.
        scheme : {"spl", "smp", "rsfd"}
            What becomes of several attributes.
        protocol : str
            The rest of the protocol's name.
        record_cap, attribute_cap : Fraction, optional
            The odds allowed at either level; one at least.

        Returns
        -------
        Spec

        Raises
        ------
        InvalidInput
            For parts that do not fit the domain or the scheme, or do not keep a cap.
        """
        spec = cls.__new__(cls)
        spec._set(domain, f"{Scheme(scheme)}-{protocol}", (record_cap, attribute_cap), "exact", tuple(parts))
        if not spec._kept:
            raise InvalidInput("the parts leak more than the cap allows")
        return spec

    def _set(
        self,
        domain: Domain,
        protocol: str,
        caps: tuple[Fraction | None, Fraction | None],
        calibration: Calibration,
        parts: tuple[Part, ...],
    ) -> None:
        """Set all fields, once."""
        check_parts(domain, scheme_of(protocol), parts)
        if caps == (None, None):
            raise InvalidInput("a plan needs a cap, for any two records or for records that differ in one attribute")
        if calibration not in get_args(Calibration):
            raise InvalidInput("a plan's calibration must be 'exact' or 'paper'")
        if calibration == "paper" and not as_published(scheme_of(protocol), parts, caps):
            raise InvalidInput("the parts of the plan do not run at the published odds")
        for name, value in (
            ("domain", domain),
            ("protocol", protocol),
            ("record_cap", caps[0]),
            ("attribute_cap", caps[1]),
            ("calibration", calibration),
            ("parts", parts),
        ):
            object.__setattr__(self, name, value)

    @property
    def _kept(self) -> bool:
        told = self.guarantee()
        return all(cap is None or getattr(told, level) <= cap for level, cap in self.caps())

    @property
    def scheme(self) -> Scheme:
        """What becomes of several attributes."""
        return scheme_of(self.protocol)

    def guarantee(self) -> Guarantee:
        """What one report may leak, exactly, at both levels."""
        return self._guarantee

    @cached_property
    def _guarantee(self) -> Guarantee:
        claimed = (self.record_cap or self.attribute_cap) if self.calibration == "paper" else None
        return guarantee(self.scheme, self.parts, published=claimed)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the whole plan. Reports and counts of different plans do not mix."""
        return fingerprint_of(self.to_dict())

    def predict(self, n: int | None = None, *, confidence: Real = 0.95) -> tuple[Prediction, ...]:
        """What the estimates of each attribute will be worth, before anybody reports.

        Parameters
        ----------
        n : int, optional
            How many people will report.
        confidence : rational
            Of the intervals, between 0 and 1.

        Returns
        -------
        tuple of Prediction, one for each attribute

        Examples
        --------
        >>> spec = Spec({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]}, "smp-grr", level="record", odds=3)
        >>> [f"{row.attribute}: {row.half_width:.3f}" for row in spec.predict(10_000)]
        ['smokes: 0.024', 'region: 0.031']
        """
        from privlib.ldp.predict import predict

        return predict(self, n, confidence=confidence)

    def randomise(self, data: object) -> Reports:
        """Randomise the records of a dataframe, or of arrays by attribute, where they are: each row becomes a report.

        Parameters
        ----------
        data : dataframe, or mapping of str to array
            A column for each attribute.

        Returns
        -------
        Reports
            As many as rows, in the same order; each keeps the plan's guarantee.
        """
        from privlib.ldp.bulk import randomise

        return randomise(self, data)

    def randomise_one(self, record: Mapping[str, Label] | Sequence[Label]) -> bytes:
        """Randomise one record on the person's own device; needs the standard library only.

        Parameters
        ----------
        record : mapping or sequence
            A value for each attribute.

        Returns
        -------
        bytes
            A batch of one report, with its header, for `count` or `Reports.from_bytes`.
        """
        from privlib.ldp.client import randomise

        return randomise(self, record)

    def count(self, reports: Source) -> Counts:
        """Count which values the reports support.

        Parameters
        ----------
        reports : Reports, bytes, Arrow table or record batch, or iterable of them
            Reports under this plan. A stream of them is read once, a piece at a time.

        Returns
        -------
        Counts
            It adds to others under the same plan.

        Raises
        ------
        Mismatch
            For reports of another plan.
        InvalidInput
            For bytes or a table that hold no reports of this plan.
        """
        from privlib.ldp.aggregate import count

        return count(self, reports)

    def explain(self) -> str:
        """The plan and its guarantee in words."""
        from privlib.ldp.words import explain

        return explain(self)

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON takes it."""
        return {
            "domain": self.domain.to_dict(),
            "protocol": self.protocol,
            "record_cap": None if self.record_cap is None else str(self.record_cap),
            "attribute_cap": None if self.attribute_cap is None else str(self.attribute_cap),
            "calibration": self.calibration,
            "parts": [part.to_dict() for part in self.parts],
        }

    def to_json(self) -> str:
        """The plan as canonical JSON with a digest, for everybody who takes part."""
        return seal(KIND, {"spec": self.to_dict()})

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            The file's whole text.

        Returns
        -------
        Spec

        Raises
        ------
        TamperedRelease
            When the text was altered.
        InvalidInput
            For a plan that does not keep its cap.
        """
        return cls.from_dict(open_sealed(text, KIND).get("spec", {}))

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Spec:
        """Read what `to_dict` gave; a plan whose parts break its cap is refused.

        Parameters
        ----------
        record : mapping
            The plan as a dict.

        Returns
        -------
        Spec

        Raises
        ------
        InvalidInput
            For anything that is no plan.
        """
        try:
            spec = cls.__new__(cls)
            spec._set(
                Domain.from_dict(record["domain"]),
                str(record["protocol"]),
                (_cap(record["record_cap"]), _cap(record["attribute_cap"])),
                record["calibration"],
                tuple(map(Part.from_dict, record["parts"])),
            )
            broken = spec.calibration == "exact" and not spec._kept
        except InvalidInput:  # a ValueError too
            raise
        except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            raise InvalidInput("the file holds no plan of local reports") from error
        if broken or spec.to_dict() != dict(record):
            raise InvalidInput("the plan does not keep the cap that it names, or is not written as privlib writes it")
        return spec

    def __repr__(self) -> str:
        from privlib.ldp.words import caps_text

        return f"<Spec {self.protocol}, {len(self.parts)} attributes, {caps_text(self)}>"

    def caps(self) -> tuple[tuple[Level, Fraction | None], ...]:
        """The odds allowed at each level, None where nothing was asked for."""
        return ("record", self.record_cap), ("attribute", self.attribute_cap)


def _cap(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)
