"""The GPU path: interpreted, compiled ahead of time, and, where there is a GPU, run."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from privlib.errors import InvalidInput, MissingExtra
from privlib.noise import gpu, wide
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, RoundedGaussian, WideLaw
from privlib.noise.stream import ChaChaWords, words
from privlib.noise.table import draw, table
from privlib.noise.testing import fixed_key
from privlib.noise.wide import histogram

TESTS = Path(__file__).parents[1]
KEY = bytes(range(32))
WIDE_LAWS = [
    DiscreteGaussian(Fraction(10**12)),
    RoundedGaussian(Fraction(2**64)),
    DiscreteLaplace(Fraction(1000)),
    Geometric(Fraction(2**31)),
]

without_triton = pytest.mark.skipif(sys.platform != "linux", reason="Triton is for Linux")


@pytest.fixture(scope="module")
def bench() -> dict[str, Any]:
    return runpy.run_path(str(TESTS / "benchmarks" / "gpu.py"))


@without_triton
def test_the_kernels_give_the_bytes_of_the_reference_under_the_interpreter() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TESTS / "gpu" / "interpreted.py")]
    finished = subprocess.run(
        command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=False, cwd=TESTS.parent
    )
    assert finished.returncode == 0, finished.stdout[-8000:] + finished.stderr[-2000:]


VARIANTS = [
    "table, 64-bit words, pairs, int64, from a whole block",
    "table, 64-bit words, pairs, int32, from inside a block",
    "table, 32-bit words, pairs, int64, from inside a block",
    "table, 32-bit words, packed, int64, from a whole block",
    "table, 32-bit words, packed, int32, from inside a block",
    "histogram, int64, from inside a block",
    "histogram, int64, what is left",
]
"""Each constant of the table with each value, and the histogram's kernels; ``make bench`` prints every combination."""


@without_triton
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_kernel_compiles_for_hopper_without_spills(variant: str, bench: dict[str, Any]) -> None:
    needs = bench["compiled"](bench["variants"]()[variant])
    assert needs.spilled == 0
    assert needs.registers <= 96, "five programs of 128 threads share a multiprocessor"
    assert needs.atomics == 1, "one atomic addition a program, and it stands behind a branch"
    assert needs.single == 0, "no float of single precision decides anything"


@without_triton
def test_a_spill_would_be_seen(bench: dict[str, Any]) -> None:
    starved = bench["compiled"](bench["variants"]()[VARIANTS[0]], maxnreg=32)
    assert starved.spilled > 0
    assert starved.registers <= 32


@without_triton
@pytest.mark.parametrize("name", ["sample_table", "sample_histogram", "finish_histogram"])
def test_no_key_is_compiled_into_the_code(name: str) -> None:
    from triton.backends.compiler import GPUTarget
    from triton.compiler import make_backend
    from triton.runtime.jit import create_function_from_signature

    from privlib.noise.gpu import histogram, kernels
    from privlib.noise.gpu.launch import _words

    kernel: Any = getattr(kernels if name == "sample_table" else histogram, name)
    specialise = create_function_from_signature(kernel.signature, kernel.params, make_backend(GPUTarget("cuda", 90, 32)))
    constants = {"WORD_BITS": 64, "PACKED": False, "ALIGNED": True, "BLOCKS": 128}
    names = [parameter.name for parameter in kernel.params]

    def cache_key(key: bytes, stream: int, start: int, bits: int) -> Any:
        call = {**_words(ChaChaWords(key, stream=stream)), "skip": start, "size": start + 1, "first_block": 16 * start}
        given = {**dict.fromkeys(names, 0), **call, "capacity": 1023, **constants}
        given |= {layout: bits for layout in ("column_bits", "weight_bits", "width_bits", "accept_bits", "two_sided", "shift")}
        return specialise(**{each: given[each] for each in names})[1]

    ones, sixteens = (1).to_bytes(4, "little") * 8, (16).to_bytes(4, "little") * 8
    cases = [
        (bytes(32), 0, 0, 0),
        (ones, 1 + 2**32, 1, 1),
        (sixteens, 16 + 2**36, 16, 16),
        (b"\xff" * 32, 2**64 - 1, 2**20, 25),
        (KEY, 5, 3, 32),
    ]
    assert all(cache_key(*case) == cache_key(*cases[0]) for case in cases)


def test_importing_the_module_loads_neither_torch_nor_triton() -> None:
    code = "import sys, privlib.noise.gpu; print({'torch', 'triton'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize("missing", ["torch", "triton"])
def test_a_missing_extra_is_told_with_its_cure(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "triton":  # asked for only where there is a device
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=rf"^noise on a GPU needs {missing}: pip install 'privlib\[gpu\]'$"):
        gpu.draw(ChaChaWords(), table(DiscreteLaplace(Fraction(1))), start=0, size=1)


def test_a_machine_without_a_gpu_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InvalidInput, match="needs an NVIDIA GPU, and PyTorch finds none"):
        gpu.draw(ChaChaWords(), table(DiscreteLaplace(Fraction(1))), start=0, size=1)


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InvalidInput, match="PyTorch finds 2 CUDA devices"):
        gpu.draw(ChaChaWords(), table(DiscreteLaplace(Fraction(1))), start=0, size=1, device="cuda:2")


def test_a_cuda_graph_must_not_repeat_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(InvalidInput, match="every replay would repeat it"):
        gpu.draw(ChaChaWords(), table(DiscreteLaplace(Fraction(1))), start=0, size=1)


@without_triton
@pytest.mark.parametrize("device", ["cpu", "meta", "gpu", "cuda:x", "cuda:-1"])
def test_another_device_is_refused(device: str) -> None:
    with pytest.raises(InvalidInput, match="device must be 'cuda'"):
        gpu.draw(ChaChaWords(), table(DiscreteLaplace(Fraction(1))), start=0, size=1, device=device)


@pytest.mark.parametrize("dtype", ["int16", "float32", "torch.int64", ""])
def test_another_dtype_is_refused(dtype: str) -> None:
    with pytest.raises(InvalidInput, match="dtype must be 'int64' or 'int32'"):
        gpu.draw(ChaChaWords(), table(DiscreteLaplace(Fraction(1))), start=0, size=1, dtype=dtype)


def test_the_tail_beyond_int32_is_as_small_as_stated() -> None:
    # A log-concave law whose table of m >= 32 bits ends within 2**20 and holds at least half of the mass: its mode is at least
    # 1/2 over the number of values, the first mass off the table is below 2**-m and at most 2**21 from the mode, and from
    # there on the masses fall at least as fast as they fell on average so far.
    with mpmath.workdps(30):
        mode = mpmath.mpf(1) / 2 / (2**21 + 1)
        ratio = (mpmath.mpf(2) ** -32 / mode) ** (mpmath.mpf(1) / 2**21)
        tail = 2 * mpmath.mpf(2) ** -32 * ratio ** (2**31 - 2**20) / (1 - ratio)
        assert mpmath.log(tail, 2) < -10000


@pytest.mark.gpu
@pytest.mark.parametrize("word_bits", [32, 64])
@pytest.mark.parametrize("dtype", ["int64", "int32"])
@pytest.mark.parametrize(("start", "size"), [(0, 1), (5, 10**6), (16, 2**20), (2**32 - 10**5, 10**5)])
def test_the_device_gives_the_bytes_of_the_reference(word_bits: int, dtype: str, start: int, size: int) -> None:
    for scale in (Fraction(1, 50), Fraction(10), Fraction(3000)):
        source, chosen = ChaChaWords(), table(DiscreteLaplace(scale), word_bits)
        drawn = gpu.draw(source, chosen, start=start, size=size, dtype=dtype)
        assert drawn.is_cuda
        assert np.array_equal(drawn.cpu().numpy(), draw(source, chosen, start=start, size=size))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["int64", "int32"])
@pytest.mark.parametrize(("start", "size"), [(0, 1), (5, 10**6), (16, 2**20), (2**32 - 10**5, 10**5)])
@pytest.mark.parametrize("law", [*WIDE_LAWS, "rejecting", "unsure"], ids=str)
def test_the_device_gives_the_bytes_of_the_reference_for_wide_laws(law: WideLaw | str, dtype: str, start: int, size: int) -> None:
    if law == "rejecting":
        chosen, size = histogram(DiscreteLaplace(Fraction(1000)), column_bits=1, weight_bits=5), min(size, 3000)
    elif law == "unsure":
        far = 16 * 19 * 2**31
        chosen = histogram(DiscreteLaplace(Fraction(2**31)), column_bits=8, weight_bits=23, reach=far)
        size = min(size, 10**5)
    else:
        assert isinstance(law, WideLaw)
        chosen = histogram(law)
    source = ChaChaWords()
    drawn = gpu.draw(source, chosen, start=start, size=size, dtype=dtype)
    assert drawn.is_cuda
    assert np.array_equal(drawn.cpu().numpy(), wide.draw(source, chosen, start=start, size=size).astype(dtype))


@pytest.mark.gpu
def test_the_device_obeys_test_mode() -> None:
    chosen = table(DiscreteLaplace(Fraction(10)))
    with fixed_key(KEY):
        drawn = gpu.draw(words(), chosen, start=0, size=1000)
    assert drawn.tolist() == draw(ChaChaWords(KEY), chosen, start=0, size=1000).tolist()
