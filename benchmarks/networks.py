# SPDX-License-Identifier: Apache-2.0
"""Networks that do not come with the package, as cases: those of examples/ by name, with random weights, and a user's
own ONNX files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import onnx

from biisnet.compile.errors import CompileError
from biisnet.compile.frontend import load_model
from biisnet.compile.frontend.prepare import Normalisation
from biisnet.compile.frontend.shapes import DTYPES, input_shape
from biisnet.model.datasets import Say
from biisnet.tools.said import Said

from .case import CASES, Case

UNIT = Normalisation.of([], [255.0])
"""Of networks that were trained on pixels 0 to 1."""
SAID = {
    **dict.fromkeys(("bireal18", "reactnet-a", "bbcu"), Said(sign_of_zero=1)),
    **dict.fromkeys(("cnv", "tfc", "sfc", "lfc"), Said(normalisation=UNIT)),
}
"""Of the examples; the others leave nothing open."""


def examples() -> tuple[str, ...]:
    """Names of the networks in examples/. Raises CompileError without PyTorch, in which they are written."""
    try:
        from examples.networks import NETWORKS
    except ImportError as e:
        raise CompileError(f"the networks of examples/ cannot be made: {e}; pip install torch") from e
    return tuple(NETWORKS)


def is_file(name: str) -> bool:
    """Whether a name is meant as an ONNX file's."""
    return Path(name).suffix == ".onnx"


def chosen_cases(
    names: Sequence[str] | None, size: tuple[int, int] | None, said: Said, folder: Path, say: Say
) -> list[Case]:
    """Cases of shipped networks, of examples and of ONNX files; all shipped ones where no name is given. The files that
    engines are given are in `folder`; `said` is of a user's. Raises CompileError."""
    shipped = [c for c in CASES if not names or c.network in names]
    if size:
        shipped = list(dict.fromkeys(replace(c, height=size[0], width=size[1], peers=True) for c in shipped))
    others = [n for n in dict.fromkeys(names or ()) if n not in {c.network for c in shipped}]
    if said != Said() and not any(map(is_file, others)):
        raise CompileError("--sign-of-zero, --mean and --std are of ONNX files, and none was given; leave them out")
    if unknown := [n for n in others if not is_file(n) and n not in examples()]:
        known = sorted({c.network for c in CASES} | set(examples()))
        raise CompileError(f"unknown: {', '.join(unknown)}; choose among {', '.join(known)}, or give an ONNX file")
    titles = [*{c.network for c in shipped}, *(Path(n).stem if is_file(n) else n for n in others)]
    if twice := [t for t in titles if titles.count(t) > 1]:
        raise CompileError(f"--network: two are called {twice[0]}, and so would be their rows; rename the file")
    folder.mkdir(parents=True, exist_ok=True)
    return shipped + [
        case_of_file(Path(n), size, said, folder / Path(n).name)
        if is_file(n)
        else case_of_example(n, size, folder / f"{n}.onnx", say)
        for n in others
    ]


def case_of_example(name: str, size: tuple[int, int] | None, place: Path, say: Say) -> Case:
    """A network of examples/, exported as its command does, by default at its paper's size."""
    from examples.__main__ import export
    from examples.networks import NETWORKS

    network = NETWORKS[name]
    height, width = size or (network.size, network.size)
    say(f"{name} {height}x{width}: exported with random weights")
    export(name, (height, width), network.classes, place, dynamo=True)
    return case_of_file(place, (height, width), SAID.get(name, Said()), place)


def case_of_file(path: Path, size: tuple[int, int] | None, said: Said, place: Path) -> Case:
    """An ONNX file; at `place`, with the normalisation of its pixels in it, and of one size."""
    model = load_model(path)
    shape = input_shape(model.proto.graph, size, str(path))
    proto = onnx.ModelProto()
    proto.CopyFrom(said.prepare(model, lambda _: None).proto)
    image = next(i for i in proto.graph.input if i.name not in {t.name for t in proto.graph.initializer})
    for dim, side in zip(image.type.tensor_type.shape.dim, shape, strict=True):
        dim.dim_value = side
    place.write_bytes(proto.SerializeToString(deterministic=True))
    _, channels, height, width = shape
    dtype = DTYPES[image.type.tensor_type.elem_type]
    return Case(path.stem, height, width, True, str(place.resolve()), channels, dtype, said.sign_of_zero)
