"""A plan of local reports in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from privlib.ldp.guarantee import epsilon_text
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Subset, Unary
from privlib.ldp.parts import Part, Scheme

if TYPE_CHECKING:
    from privlib.ldp.spec import Spec

__all__ = ["caps_text", "explain"]

_WEAK = 3000  # epsilon 8
_LISTED = 8  # attributes
_SCHEMES = {
    Scheme.SPL: "Every attribute is randomised and reported.",
    Scheme.SMP: "One attribute is drawn, randomised and reported; which one it was is told.",
    Scheme.RSFD: "One attribute is drawn and randomised, the others are faked; which one it was is not told.",
}
_ORACLES = {
    Grr: "randomised response",
    Unary: "unary encoding",
    Subset: "subset selection",
    LocalHash: "local hashing",
    Hadamard: "Hadamard response",
}


def explain(spec: Spec) -> str:
    """The plan and its guarantee in words."""
    attributes = list(zip(spec.domain.names, spec.parts, strict=True))
    lines = [f"{spec.protocol}, {len(attributes)} attributes. {_SCHEMES[spec.scheme]}"]
    lines += [f"  {name}: {_part(spec.scheme, part)}" for name, part in attributes[:_LISTED]]
    if len(attributes) > _LISTED:
        lines.append(f"  and {len(attributes) - _LISTED} more")
    lines.append(str(spec.guarantee()))
    if spec.calibration == "paper":
        lines.append("The randomisers run at the published odds, for research: rely on the guarantee, not on the claim.")
    lines.append(f"asked for: {caps_text(spec)}")
    if spec.guarantee().record > _WEAK:
        lines.append("Odds like these hide next to nothing about a record.")
    lines.append("T reports about the same record cost T times as much.")
    return "\n".join(lines)


def caps_text(spec: Spec) -> str:
    """What was asked for."""
    return " and ".join(f"{level} epsilon {epsilon_text(cap)}" for level, cap in spec.caps() if cap is not None)


def _part(scheme: Scheme, part: Part) -> str:
    words = _ORACLES[type(part.oracle)]
    if scheme is Scheme.SPL:
        return words
    words += f", drawn with chance {float(part.weight):.4g}"
    if scheme is Scheme.SMP:
        return words
    return f"{words}, faked as {'no value' if part.fake is None else 'a value'}"
