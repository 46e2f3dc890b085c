"""One query, released once: integers or real numbers on a public grid, rounding accounted.

Statistic
    A vector of ``size`` numbers that the caller computed, clipped to public bounds and rounded to multiples of a public step;
    halves go up. Everything between the caller's numbers and the noise is integer arithmetic.
Sensitivity
    Declared by the caller: how far one neighbour moves the clipped query, in L1 or L2 norm. What rounding adds is added here,
    exactly and rounded up (`privlib.oneshot.sensitivity`); nothing for integers on a grid that has them.
Neighbours
    The caller's, because the sensitivity is stated for them.
Theorem
    ``noise.t5``: pure epsilon by discrete Laplace noise, rho-zCDP by discrete Gaussian noise, or mu-GDP by a Gaussian rounded
    to integers, for all coordinates together.

``Spec`` is the public plan, ``Spec.round`` gives the exact secret vector, ``Rounded.release`` is the one draw, ``Answer`` the
public result. The declared sensitivity must be that of the numbers as they are computed. A sum of floats depends on its
order and moves by more than one record: add integers, and declare ``integer=True``.

This stands beside the rooms and not in `privlib.noise`, because a release needs the ledger and the release files, which
stand above the noise.
"""

from privlib.oneshot.answer import Answer
from privlib.oneshot.rounded import Rounded
from privlib.oneshot.spec import Spec

__all__ = ["Answer", "Rounded", "Spec"]
