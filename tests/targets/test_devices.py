# SPDX-License-Identifier: Apache-2.0
"""The registry, and what this machine's own entry becomes."""

import pytest

from biisnet.targets import TARGETS, Target, TargetError, devices, resolve
from biisnet.targets.devices import this_machine

V3 = {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}
V4 = V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


def test_the_boards() -> None:
    """A name is a board's, once; what is emulated is the CPU that is compiled for."""
    assert set(TARGETS) >= {"rpi4", "rpi3", "rpi-zero2w", "rpi5", "host"}
    for name, target in TARGETS.items():
        assert target.name == name
        assert target.description
        if name != "host":
            assert target.emulated_cpu == target.cpu
            assert resolve(name) is target
    rpi4 = resolve("rpi4")
    assert (rpi4.triple, rpi4.glibc) == ("aarch64-linux-gnu", "2.28")
    core = {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a72"}
    assert rpi4.llvm == {**core, "mattr": ["+slow-paired-128"]}
    assert rpi4.zig()[:2] == ["-target", "aarch64-linux-gnu.2.28"]
    assert rpi4.zig("musl")[:2] == ["-target", "aarch64-linux-musl"]


def test_an_unknown_name() -> None:
    with pytest.raises(TargetError) as caught:
        resolve("rpi9")
    assert str(caught.value) == f"unknown target 'rpi9': choose one of {', '.join(TARGETS)}"


@pytest.mark.parametrize(
    ("flags", "machine", "cpu"),
    [
        (V3, "x86_64", "x86-64-v3"),
        (V3 | {"avx512f"}, "x86_64", "x86-64-v3"),
        (V4, "x86_64", "x86-64-v4"),
        ({"asimd", "fp"}, "aarch64", "cortex-a72"),
    ],
)
def test_this_machines_level(flags: set[str], machine: str, cpu: str) -> None:
    target = this_machine(flags, machine)
    assert (target.name, target.arch, target.cpu, target.emulated_cpu) == ("host", machine, cpu, None)
    assert set(target.features) <= flags


def test_bit_counts_of_avx512() -> None:
    """The vector's own byte count is asked for where it is there, and then the loader must find it."""
    plain, counting = this_machine(V4, "x86_64"), this_machine(V4 | {"avx512_bitalg"}, "x86_64")
    assert plain.llvm_features == ()
    assert counting.llvm["mattr"] == ["+avx512bitalg"]
    assert "avx512_bitalg" in counting.features
    assert this_machine(V3 | {"avx512_bitalg"}, "x86_64").llvm_features == ()


@pytest.mark.parametrize(("flags", "machine"), [(set(), "x86_64"), (V3 - {"fma"}, "x86_64"), (V4, "riscv64")])
def test_a_machine_without_kernels(flags: set[str], machine: str) -> None:
    with pytest.raises(TargetError, match="target host: ") as caught:
        this_machine(flags, machine)
    assert "\n" not in str(caught.value)


def test_host_is_resolved_by_the_cpus_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "read_features", lambda: V3)
    monkeypatch.setattr(devices.platform, "machine", lambda: "x86_64")
    target = resolve("host")
    assert isinstance(target, Target)
    assert target.cpu == "x86-64-v3"
