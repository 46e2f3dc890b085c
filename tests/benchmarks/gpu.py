"""The GPU path: what each kernel needs of an H100, read from the compiled code, and its speed where there is a GPU.

Prints both: ``python tests/benchmarks/gpu.py``. The first part needs no GPU, for Triton compiles ahead of time.
"""

from __future__ import annotations

import itertools
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from privlib.noise import fill, gpu
from privlib.noise.gpu.histogram import finish_histogram, sample_histogram
from privlib.noise.gpu.kernels import sample_table
from privlib.noise.gpu.launch import BLOCKS, WARPS
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, WideLaw
from privlib.noise.stream import ChaChaWords
from privlib.noise.table import table
from privlib.noise.wide import histogram

HOPPER = GPUTarget("cuda", 90, 32)
SIZE = 2**28
ROUNDS = 9
WIDE_LAWS: dict[str, WideLaw] = {
    "discrete Gaussian of sigma 10**6": DiscreteGaussian(Fraction(10**12)),
    "discrete Laplace of scale 1000": DiscreteLaplace(Fraction(1000)),
    "discrete Laplace of scale 2**31": DiscreteLaplace(Fraction(2**31)),
}
CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"


@dataclass(frozen=True)
class Variant:
    """One kernel with its constants: what Triton compiles at once."""

    kernel: Any
    pointers: dict[str, str]
    constants: dict[str, Any]


@dataclass(frozen=True)
class Compiled:
    """What one compiled kernel needs."""

    registers: int
    spilled: int
    """Bytes a thread keeps outside its registers, on its stack or in other local memory: 0 means that nothing is spilled."""
    shared: int
    """Bytes of shared memory a program."""
    atomics: int
    """Atomic instructions in the code."""
    single: int
    """Instructions that calculate with floats of single precision; exp tests the range of a double's upper half by others."""


def variants() -> dict[str, Variant]:
    """Every kernel with every set of constants under which it is started."""
    found = {}
    for (word_bits, packed), dtype, aligned in itertools.product(
        [(32, True), (32, False), (64, False)], ["int64", "int32"], [True, False]
    ):
        limit = "*u64" if packed or word_bits == 64 else "*u32"
        layout = "packed" if packed else "pairs"
        name = f"table, {word_bits}-bit words, {layout}, {dtype}, {'from a whole block' if aligned else 'from inside a block'}"
        found[name] = Variant(
            sample_table,
            {"out": "*i64" if dtype == "int64" else "*i32", "unfinished": "*i64", "limit": limit, "pair": "*u64"},
            {"WORD_BITS": word_bits, "PACKED": packed, "ALIGNED": aligned, "BLOCKS": BLOCKS},
        )
    for dtype in ("int64", "int32"):
        lists = {"out": "*i64" if dtype == "int64" else "*i32", "unfinished": "*i64", "columns": "*u64"}
        for aligned in (True, False):
            name = f"histogram, {dtype}, {'from a whole block' if aligned else 'from inside a block'}"
            found[name] = Variant(sample_histogram, lists, {"ALIGNED": aligned, "BLOCKS": BLOCKS})
        floats = {"rest": "*i64", "factors": "*fp64", "curve": "*fp64"}
        found[f"histogram, {dtype}, what is left"] = Variant(finish_histogram, {**lists, **floats}, {"BLOCKS": BLOCKS})
    return found


def compiled(variant: Variant, **options: int) -> Compiled:
    """Compile for Hopper, without a GPU.

    Triton's own count of spills needs the code loaded on a device. ``cuobjdump``, which comes with Triton, reads it from the
    code: spilled registers are what these kernels, which have no arrays and call nothing, can have on a stack.
    """
    names = [parameter.name for parameter in variant.kernel.params]
    source = ASTSource(
        fn=variant.kernel,
        signature={name: "constexpr" if name in variant.constants else variant.pointers.get(name, "i32") for name in names},
        constexprs=variant.constants,
        attrs={(names.index(name),): [["tt.divisibility", 16]] for name in variant.pointers},
    )
    result: Any = triton.compile(source, target=HOPPER, options={"num_warps": WARPS, **options})
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / "kernel.cubin"
        code.write_bytes(result.asm["cubin"])
        usage = subprocess.run([CUOBJDUMP, "-res-usage", code], capture_output=True, text=True, check=True).stdout
    needs = {key: int(value) for key, value in re.findall(r"\b(REG|STACK|LOCAL):(\d+)", usage)}
    atomics = len(re.findall(r"^\s*(?:@\S+ )?(?:atom|red)\.", result.asm["ptx"], re.MULTILINE))
    single = len(re.findall(r"\b(?:add|sub|mul|mad|fma|div|rcp|sqrt|ex2|lg2|cvt)\.\S*f32\b", result.asm["ptx"]))
    return Compiled(needs["REG"], needs["STACK"] + needs["LOCAL"], result.metadata.shared, atomics, single)


def print_compiled() -> None:
    """Print one row for each kernel."""
    print(f"Triton {triton.__version__}, compiled ahead of time for sm_90, {BLOCKS} blocks and {WARPS} warps a program")
    print("| kernel | registers | spilled bytes | shared bytes |")
    print("| --- | --- | --- | --- |")
    for name, variant in variants().items():
        needs = compiled(variant)
        print(f"| {name} | {needs.registers} | {needs.spilled} | {needs.shared} |", flush=True)


def milliseconds(job: Callable[[], object]) -> float:
    """Median time of a job on the device, launch and host included."""
    job()
    times = []
    for _ in range(ROUNDS):
        before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        before.record()
        job()
        after.record()
        after.synchronize()
        times.append(before.elapsed_time(after))
    return statistics.median(times)


def print_speed() -> None:
    """Print samples a second beside the device's own fill rate and PyTorch's generators, which are neither exact nor secret."""
    wide, narrow = torch.empty(SIZE, dtype=torch.int64, device="cuda"), torch.empty(SIZE, dtype=torch.int32, device="cuda")
    single, double = narrow.view(torch.float32), wide.view(torch.float64)
    jobs: dict[str, Callable[[], object]] = {
        "fill int64": lambda: wide.fill_(1),
        "fill int32": lambda: narrow.fill_(1),
        "torch normal_ float32": single.normal_,
        "torch normal_ float64": double.normal_,
    }
    law = DiscreteLaplace(Fraction(10))
    for word_bits, dtype in itertools.product((32, 64), ("int64", "int32")):
        chosen = table(law, word_bits)
        jobs[f"privlib table, {word_bits}-bit words, {dtype}"] = lambda chosen=chosen, dtype=dtype: gpu.draw(
            ChaChaWords(), chosen, start=0, size=SIZE, dtype=dtype
        )
    for (name, law), dtype in itertools.product(WIDE_LAWS.items(), ("int64", "int32")):
        chosen = histogram(law)
        jobs[f"privlib histogram, {name}, {dtype}"] = lambda chosen=chosen, dtype=dtype: gpu.draw(
            ChaChaWords(), chosen, start=0, size=SIZE, dtype=dtype
        )
    print(f"{torch.cuda.get_device_name()}, {SIZE:,} samples, median of {ROUNDS}")
    print("| job | G samples/s | of the fill rate |")
    print("| --- | --- | --- |")
    rates = {name: SIZE / milliseconds(job) / 1e6 for name, job in jobs.items()}
    for name, rate in rates.items():
        roof = rates["fill int32" if "32" in name.rpartition(" ")[2] else "fill int64"]
        print(f"| {name} | {rate:.1f} | {rate / roof:.0%} |")


def check_bytes() -> None:
    """Compare all samples with those of the processor."""
    source, step = ChaChaWords(), 2**22
    narrow = {f"{word_bits}-bit words": table(DiscreteLaplace(Fraction(10)), word_bits) for word_bits in (32, 64)}
    for name, chosen in {**narrow, **{name: histogram(law) for name, law in WIDE_LAWS.items()}}.items():
        drawn = gpu.draw(source, chosen, start=0, size=SIZE).cpu().numpy()
        for start in range(0, SIZE, step):
            if not np.array_equal(drawn[start : start + step], fill.draw(source, chosen, start=start, size=step)):
                sys.exit(f"{name}: the bytes differ from output {start} on")
        print(f"{name}: {SIZE:,} samples equal those of the processor")


def main() -> None:
    """Print everything this machine can tell."""
    print_compiled()
    if torch.cuda.is_available():
        print_speed()
        check_bytes()
    else:
        print("skip: speed and equality on the device (no CUDA device)")


if __name__ == "__main__":
    main()
