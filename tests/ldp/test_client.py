"""A device randomises one record with the standard library alone. Its law is proved in proofs/ldp/t3, with P2, P6 and P9."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.ldp import Domain, Reports, Spec
from privlib.ldp.parts import PROTOCOLS
from privlib.ldp.wire import Layout
from privlib.noise.system import SystemWords
from privlib.noise.testing import fixed_key

DOMAIN = Domain({"smokes": ["no", "yes"], "age": [1, 2, 3], "region": ["N", "E", None]}, other=["region"])
PRIORS = [["1/3", "2/3"], ["1/2", "1/4", "1/4"], ["1/8", "1/8", "1/4", "1/2"]]


def plan(protocol: str, odds: int = 3) -> Spec:
    realistic: dict[str, Any] = {"priors": PRIORS} if protocol.startswith("rsrfd") else {}
    return Spec(DOMAIN, protocol, level="record", odds=odds, **realistic)


def test_a_device_needs_neither_numpy_nor_cryptography() -> None:
    code = (
        "import sys\n"
        "for name in ('numpy', 'cryptography', 'scipy', 'narwhals'): sys.modules[name] = None\n"
        "from privlib.ldp import Domain, Spec\n"
        "domain = Domain({'smokes': ['no', 'yes'], 'region': ['N', 'E', 'S']})\n"
        "for protocol in sys.argv[1:]:\n"
        "    priors = {'priors': [['1/3', '2/3'], ['1/2', '1/4', '1/4']]} if protocol.startswith('rsrfd') else {}\n"
        "    spec = Spec(domain, protocol, level='attribute', odds=3, **priors)\n"
        "    spec = Spec.from_dict(spec.to_dict())\n"
        "    print(protocol, spec.randomise_one({'smokes': 'yes', 'region': 'S'}).hex())\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PRIVLIB_INSECURE_TEST"}
    done = subprocess.run([sys.executable, "-c", code, *PROTOCOLS], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(PROTOCOLS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_report_is_a_batch_that_others_read(protocol: str) -> None:
    spec = plan(protocol)
    batch = spec.randomise_one({"smokes": "yes", "age": 3, "region": None}) + spec.randomise_one(["no", 1, "Atlantis"])
    reports = Reports.from_bytes(spec, batch)
    assert (len(reports), reports.secure) == (2, True)
    assert spec.count(batch).reports == 2


@pytest.mark.parametrize("protocol", ["spl-grr", "spl-hr", "spl-olh", "spl-ss", "smp-grr", "smp-hr", "smp-ss"])
@given(record=st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 3)))
def test_at_enormous_odds_a_report_supports_the_record(protocol: str, record: tuple[int, int, int]) -> None:
    spec = plan(protocol, odds=7 if "olh" in protocol else 10**40)  # under local hashing great odds take great primes
    values = [labels[place] for labels, place in zip(DOMAIN.labels, record, strict=True)]
    counts = spec.count(spec.randomise_one(values))  # each value is lost with probability 1e-13 at most
    if "olh" not in protocol:
        assert all(counts.supports[a][value] == counts.asked[a] for a, value in enumerate(record))
    assert sum(counts.asked) == (1 if protocol.startswith("smp") else 3)


def test_test_mode_reaches_the_device_and_is_told() -> None:
    spec, record = plan("rsfd-oue-r"), ["yes", 2, "N"]
    with fixed_key(bytes(range(32))):
        first, second = spec.randomise_one(record), spec.randomise_one(record)
    with fixed_key(bytes(range(32))):
        assert [spec.randomise_one(record), spec.randomise_one(record)] == [first, second]
    assert first != second, "each report takes its own stream"
    assert not Reports.from_bytes(spec, first).secure
    assert len({spec.randomise_one(record) for _ in range(40)}) > 1, "outside test mode nothing repeats"


PLANTED = "planted-secret-4711"


@pytest.mark.parametrize(
    "record",
    [
        [PLANTED, 1, "N"],
        ["no", PLANTED, "N"],
        ["no", 4711, "N"],
        ["no", 1.5, "N"],
        ["no", True, "N"],
        ["no", 1, 4711],
        [b"no", 1, "N"],
        ["no", 1],
        ["no", 1, "N", PLANTED],
        {"smokes": "no", "age": 1},
        {"smokes": "no", "age": 1, "region": "N", PLANTED: 1},
        PLANTED,
        None,
    ],
)
def test_p9_every_attribute_is_checked_whichever_is_drawn_and_no_message_holds_a_value(record: Any) -> None:
    texts = set[str]()
    for key in range(12):
        with fixed_key(bytes([key]) * 32), pytest.raises(InvalidInput) as raised:
            plan("smp-grr").randomise_one(record)
        texts.add(str(raised.value))
    (text,) = texts
    assert PLANTED not in text
    assert "4711" not in text
    assert raised.value.__cause__ is None


def test_the_systems_words_are_fresh_at_each_call() -> None:
    words = SystemWords()
    calls: list[Callable[[], bytes | int]] = [
        lambda: words.main(0, 4, 64),
        lambda: words.refine(0, 0, 0),
        lambda: words.retry(0, 1),
    ]
    for call in calls:
        assert len({call() for _ in range(50)}) == 50  # two of them alike: probability below 1e-15
    assert len(words.main(7, 5, 64)) == 40


def test_a_device_and_bulk_support_values_equally_often() -> None:
    """2 x 4000 reports each: a difference of 6.5 standard errors in one of 9 values has probability below 1e-8."""
    spec, n = plan("rsfd-adp"), 4000
    device = spec.count(b"".join(spec.randomise_one(["yes", 2, None]) for _ in range(n)))
    bulk = spec.count(spec.randomise({"smokes": ["yes"] * n, "age": [2] * n, "region": [None] * n}))
    for one, other in zip(device.supports, bulk.supports, strict=True):
        share = (one + other) / (2 * n)
        assert (np.abs(one - other) <= 6.5 * np.sqrt(2 * n * share * (1 - share)) + 1).all()


def test_the_width_does_not_depend_on_the_record() -> None:
    for protocol in PROTOCOLS:
        spec = plan(protocol)
        lengths = {len(spec.randomise_one(["no", age, region])) for age in (1, 3) for region in ("N", None)}
        assert lengths == {len(spec.randomise_one(["yes", 2, "E"]))}
        assert lengths.pop() > Layout(spec.scheme, spec.parts).width
