"""`biisnet analyze`, `inspect`, `targets` and `doctor`: they look and change nothing."""

from __future__ import annotations

from dataclasses import asdict

from .arguments import BundleArgument, Json, ModelArgument, Size, parse_size, print_json


def analyze(model: ModelArgument = None, size: Size = None, json_: Json = False) -> None:
    """Count parameters and operations as the paper does (OPs = FLOPs + binary FLOPs / 64, by default at 512x512)."""
    from ...model.cost import count
    from ..models import resolve_model

    network = resolve_model(model)
    cost = count(network.proto, parse_size(size) or (512, 512))
    if json_:
        print_json({**asdict(cost), "params": cost.params, "ops": cost.ops})
        return
    titles = f"{'binary params':>14} {'other params':>13} {'binary MACs':>14} {'other MACs':>13}"
    print(f"{'layer':32} {'kind':16} {'output':>16} {titles}")
    for row in cost.layers:
        shape = "x".join(map(str, row.output_shape))
        print(
            f"{row.name:32} {row.kind:16} {shape:>16} {row.binary_params:14,} {row.full_params:13,} "
            f"{row.binary_macs:14,} {row.full_macs:13,}"
        )
    print(f"Params {cost.params / 1e3:.3f} K ({cost.binary_params:,} binary / 32 + {cost.full_params:,})")
    print(f"OPs    {cost.ops / 1e9:.4f} G at {cost.size[0]}x{cost.size[1]}")


def inspect(bundle: BundleArgument, json_: Json = False) -> None:
    """Show what a bundle is: model, device, memory, stages, verification."""
    from ...runtime.bundle import open_bundle

    with open_bundle(bundle) as opened:
        manifest = opened.manifest
        sizes = {name: (opened.path / name).stat().st_size for name in manifest["files"]}
    if json_:
        print_json(manifest)
        return
    model, target = manifest["model"], manifest["target"]
    weights = f"random weights, seed {model['seed']}" if model["weights"] == "random" else "trained weights"
    print(f"model    {model['name']} ({weights}), sha256 {model['sha256'][:16]}")
    for kind in ("inputs", "outputs"):
        for tensor in manifest[kind]:
            print(f"{kind[:-1]:8} {tensor['name']} {tensor['dtype']} {tensor['shape']}")
    print(f"target   {target['name']}: {target['cpu']}, {target['triple']}, glibc {manifest['glibc']}")
    print(f"arena    {manifest['arena_bytes']:,} bytes, {len(manifest['stages'])} stages")
    for name, size in sizes.items():
        print(f"file     {name} {size:,} bytes")
    verified = manifest["verification"]
    print(
        "verified "
        + (
            f"on {verified['device']}: stages within {verified['stage_error']:.1e}, {verified['accumulators']:,} "
            f"accumulators equal, {verified['mask_pixels_differing']} mask pixels differ"
            if verified["device"]
            else f"not: {verified['reason']}"
        )
    )


def targets(json_: Json = False) -> None:
    """List the devices that can be compiled for."""
    from ...targets import TARGETS, TargetError, emulator, resolve

    rows = []
    for name in TARGETS:
        try:
            target = resolve(name)
        except TargetError:
            continue
        command = emulator.command(target)
        runs = "here" if command == [] else "emulated" if command else "not here (no emulator)"
        rows.append({**asdict(target), "runs": runs})
    if json_:
        print_json(rows)
        return
    for row in rows:
        print(f"{row['name']:12} {row['cpu']:12} {row['description']}; runs {row['runs']}")


def doctor(json_: Json = False) -> None:
    """Say what this machine can do, and how to get what it lacks."""
    from ..doctor import examine

    findings = examine()
    if json_:
        print_json([asdict(f) for f in findings])
        return
    for finding in findings:
        print(f"{'ok  ' if finding.found else 'lack'} {finding.what}: {finding.detail}")
