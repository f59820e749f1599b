# SPDX-License-Identifier: Apache-2.0
"""A trained network to an ONNX file: pixels in, probabilities out, one-bit weights packed.

    image -> normalise -> [extend] -> network -> [crop] -> sigmoid -> probability

The network comes from torch's exporter; `frame` puts the rest around it. `python -m biisnet.model.export`
writes the shipped files anew, byte for byte.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from onnx import GraphProto, ModelProto, helper
from torch import nn

from biisnet.ops import DOMAIN, OPSET, VERSION, functions

from . import weights
from .config import PRESETS
from .frame import Framing, surround
from .lowering import lower
from .naming import name_by_module
from .network import BiisNet, build
from .shipped import DATA, shipped_weights

__all__ = ["export", "export_file"]

IR_VERSION = 10
PRODUCER = "biisnet"
PRODUCER_VERSION = "1"
"""The version of the exporter's output, not of the package: equal networks are equal bytes across releases."""
THRESHOLD = 0.5


def export(model: BiisNet, size: tuple[int, int] | None = None) -> ModelProto:
    """Export a network, with symbolic height and width or for `size` = (height, width).

    Input `image` float32 [1, in_channels, H, W], grey levels 0 to 255; output `probability` float32
    [1, 1, H, W]. The file is the same, byte for byte, each time, and holds nothing of the machine it was
    written on.
    Raises ValueError for a size below 1x1 or weights that are not finite.
    """
    if size is not None and min(size) < 1:
        raise ValueError(f"size must be at least 1x1, got {size[0]}x{size[1]}")
    for name, tensor in model.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"network {model.name}: tensor {name} is not finite")
    proto = _export_network(model)
    name_by_module(proto.graph)
    _plain_resize(proto.graph)
    config = model.config
    surround(proto.graph, Framing(config.in_channels, config.mean, config.std, config.multiple), size)
    proto.graph.name = model.name
    _describe(proto, model)
    used = {node.op_type for node in proto.graph.node if node.domain == DOMAIN}
    proto.functions.extend(f for f in functions() if f.name in used)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def export_file(model: BiisNet, path: str | Path, size: tuple[int, int] | None = None) -> ModelProto:
    """`export` into a file, written whole or not at all; returns the model."""
    proto = export(model, size)
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(proto.SerializeToString(deterministic=True))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return proto


class _Network(nn.Module):
    """The part that torch exports: normalised image, sides multiples of 2**levels, to logits."""

    def __init__(self, model: BiisNet) -> None:
        super().__init__()
        lowered = lower(model)
        assert isinstance(lowered, BiisNet)
        self._modules = lowered._modules
        self.network = [lowered.features_to_logits]  # in a list: not a child, so no prefix on the names

    def forward(self, extended: torch.Tensor) -> torch.Tensor:
        return self.network[0](extended)


SIZELESS = (nn.Conv2d, nn.Identity, nn.ModuleList, nn.Sequential)
"""torch's own among the network's layers."""


def _asks_for_sizes(network: _Network, model: BiisNet) -> bool:
    """Whether a layer may do so, as a user's own may; none of the house's does."""
    layers = [m for m in network.modules() if m is not network]
    return type(model) is not BiisNet or any(
        type(m) not in SIZELESS and not type(m).__module__.startswith(f"{__package__}.") for m in layers
    )


def _export_network(model: BiisNet) -> ModelProto:
    network = _Network(model).eval()
    multiple = model.config.multiple
    # 0 and 1 are special to torch.export: take sides at which even the lowest level has more
    example = torch.zeros(1, model.config.in_channels, 2 * multiple, 3 * multiple)
    sides = None
    if _asks_for_sizes(network, model):  # else the example's say nothing, and symbols take twice the time
        height, width = (torch.export.Dim(name) for name in ("height", "width"))
        sides = ({2: multiple * height, 3: multiple * width} if multiple > 1 else {2: height, 3: width},)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=sides,
            input_names=["extended"],
            output_names=["logits"],
            verbose=False,
        )
    assert program is not None
    return program.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks on packages that are not installed from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)


def _plain_resize(graph: GraphProto) -> None:
    """Give all Resize nodes one form, in place: half-pixel centres, and no attribute that says nothing.

    torch's nearest is `asymmetric` with `floor`, i // 2 at scale 2; (i + 0.5) / 2 - 0.5, rounded, is too.
    """
    for node in graph.node:
        if node.op_type == "Resize":
            mode = next(attribute.s.decode() for attribute in node.attribute if attribute.name == "mode")
            attributes = {"coordinate_transformation_mode": "half_pixel", "mode": mode}
            if mode == "nearest":
                attributes["nearest_mode"] = "round_prefer_floor"
            del node.attribute[:]
            node.attribute.extend(helper.make_attribute(*item) for item in attributes.items())


def _describe(proto: ModelProto, model: BiisNet) -> None:
    proto.ir_version = IR_VERSION
    proto.producer_name, proto.producer_version = PRODUCER, PRODUCER_VERSION
    origin = "trained weights" if model.seed is None else f"random weights, seed {model.seed}"
    proto.doc_string = f"{model.name}: target probability of every pixel of a grey infrared image; {origin}"
    del proto.opset_import[:]
    proto.opset_import.extend([helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)])
    properties = {"model": model.name, "threshold": str(THRESHOLD), "config": model.config.to_json()}
    if model.seed is not None:
        properties["seed"] = str(model.seed)
    del proto.metadata_props[:]
    helper.set_model_props(proto, properties)


def main() -> None:
    """Write the shipped ONNX files: of the shipped weights, or of seeded random ones where a preset has none."""
    for preset in PRESETS:
        trained = shipped_weights(preset)
        target = DATA / f"{preset}.onnx"
        export_file(weights.load(trained) if trained else build(preset), target)
        print(f"{target.name} {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
