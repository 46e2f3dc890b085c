"""The long acceptance runs of randomising local reports: one line a claim, with the figure seen and its target.

``python tests/claims_ldp_client.py speed`` runs only some. The exit status is 1 when a line on exactness is missed, and 0
otherwise: speed is printed, not judged. The peer comes with the extra ``bench``.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from claims import failed, say  # beside this file

from privlib import prove
from privlib.ldp import Domain, Spec

ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)
PEOPLE, PEERS = 1_000_000, 2_000
Client = Callable[[list[int]], object]


def plan(protocol: str) -> Spec:
    """Adult's domains at the published odds for a claim of ln 3, at which the peer runs too."""
    domain = Domain({f"a{j}": list(range(size)) for j, size in enumerate(ADULT)})
    return Spec(domain, protocol, level="attribute", odds=3, calibration="paper")


def peers() -> dict[str, Client]:
    """The authors' own clients, of the same protocols."""
    if find_spec("multi_freq_ldpy") is None:
        print("skip: the ratios to multi-freq-ldpy, which is not installed: it is in the extra bench")
        return {}
    from multi_freq_ldpy.mdim_freq_est import RSpFD_solution as theirs

    sizes, count, epsilon = list(ADULT), len(ADULT), math.log(3)
    return {
        "rsfd-grr": lambda record: theirs.RSpFD_GRR_Client(record, sizes, count, epsilon),
        "rsfd-oue-z": lambda record: theirs.RSpFD_UE_zero_Client(record, sizes, count, epsilon, True),
        "rsfd-oue-r": lambda record: theirs.RSpFD_UE_rnd_Client(record, sizes, count, epsilon, True),
        "rsfd-adp": lambda record: theirs.RSpFD_ADP_Client(record, sizes, count, epsilon, True),
    }


def nanoseconds(job: Callable[[], object], records: int) -> float:
    began = time.perf_counter()
    job()
    return (time.perf_counter() - began) / records * 1e9


def speed() -> None:
    """3: the client on Adult's domains, exact and secure, beside multi-freq-ldpy's; medians of 9 rounds taken in turn."""
    generator = np.random.default_rng(3)
    columns = {f"a{j}": generator.integers(0, size, PEOPLE) for j, size in enumerate(ADULT)}
    some = np.stack([column[:PEERS] for column in columns.values()], axis=1).tolist()
    others = peers()
    for protocol, least in (("rsfd-grr", 300), ("rsfd-oue-z", 100), ("rsfd-oue-r", 100), ("rsfd-adp", 100)):
        spec, peer = plan(protocol), others.get(protocol)
        own, their = list[float](), list[float]()
        secure = spec.randomise({name: column[:1000] for name, column in columns.items()}).secure  # and everything is loaded
        for _ in range(9):
            own.append(nanoseconds(lambda spec=spec: spec.randomise(columns), PEOPLE))
            if peer is not None:
                their.append(nanoseconds(lambda peer=peer: [peer(record) for record in some], PEERS))
        mine, rate = statistics.median(own), 1e3 / statistics.median(own)
        figure = f"{mine:.0f} ns a record ({rate:.3g} million/s)"
        if peer is None:
            print(f"3. {protocol}: {figure}")
            continue
        ratio = statistics.median(their) / mine
        say(f"3. {protocol}, {figure}", f"{ratio:.0f} x multi-freq-ldpy", f">= {least} x", met=ratio >= least)
        say("     drawn from the operating system's key", str(secure), "True", met=secure, blocks=True)
    for protocol in ("rsfd-grr", "rsfd-oue-z"):
        spec = plan(protocol)
        each = statistics.median(nanoseconds(lambda spec=spec: spec.randomise_one([0] * len(ADULT)), 1) for _ in range(301))
        print(f"     {protocol}, one record on a device, standard library alone: {each / 1e3:.0f} us")


def exactness() -> None:
    """3 and 9: the law of reports and of choices and the spelling of reports are proved, and the proofs' mutants die."""
    os.environ["PRIVLIB_INSECURE_TEST"] = "1"
    for theorem in ("t3", "t5", "t7"):
        (file,) = (file for file in prove.find("ldp") if file.stem.startswith(f"{theorem}_"))
        result = prove.run(file)
        figure = f"{result.mutants - len(result.survivors)} of {result.mutants} mutants dead, {result.seconds:.0f} s"
        say(f"9. ldp.{theorem}: {result.title[:44]}", figure, "all", met=result.holds, blocks=True)
    os.environ.pop("PRIVLIB_INSECURE_TEST")


CLAIMS: list[Callable[[], None]] = [speed, exactness]


def main(names: list[str]) -> int:
    warnings.simplefilter("ignore")
    for claim in CLAIMS:
        if not names or claim.__name__ in names:
            claim()
    print(f"lines that block and were missed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
