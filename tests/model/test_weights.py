# SPDX-License-Identifier: Apache-2.0
"""Weights files: what is written is read, byte for byte the same; all else is refused in one line."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from biisnet.model import shipped_weights, weights  # noqa: E402
from biisnet.model.config import NetworkConfig  # noqa: E402
from biisnet.model.network import build  # noqa: E402

SMALL = NetworkConfig(channels=3, encoder_blocks=(1,), decoder_blocks=(1,), bottleneck_blocks=0)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    weights.save(build(SMALL, 5), path)
    return path


def test_round_trip(saved: Path) -> None:
    model, loaded = build(SMALL, 5), weights.load(saved)
    assert (loaded.config, loaded.name, loaded.seed, loaded.training) == (SMALL, "custom", 5, False)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


def test_equal_networks_are_equal_bytes(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    weights.save(weights.load(saved), again)
    assert again.read_bytes() == saved.read_bytes()


def test_shipped_weights_keep_what_training_needs(trained: Any, tmp_path: Path) -> None:
    assert (trained.config, trained.name, trained.seed) == (NetworkConfig(), "biisnet", None)
    assert trained.encoder[0][0].binary.sign_k.item() > 0
    weights.save(trained, tmp_path / "again.safetensors")
    path = shipped_weights()
    assert path is not None
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_no_configuration_means_the_default(tmp_path: Path, saved: Path) -> None:
    path = shipped_weights()
    assert path is not None
    bare = tmp_path / "bare.safetensors"
    save_file(load_file(path), bare)
    assert weights.load(bare).config == NetworkConfig()
    save_file(load_file(saved), bare)
    with pytest.raises(ValueError, match=r"bare\.safetensors: tensor \S+ is "):
        weights.load(bare)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("head.bias"), "tensor head.bias is missing"),
        (lambda t: t.update(tail=torch.zeros(1)), "tensor tail is unknown"),
        (lambda t: t.update({"head.bias": torch.zeros(2)}), r"head.bias is float32 \[2\], .* float32 \[1\]"),
        (lambda t: t.update({"head.bias": torch.zeros(1).half()}), r"head.bias is float16 \[1\]"),
        (lambda t: t["embedding.weight"].view(-1)[0].fill_(torch.nan), "embedding.weight is not finite"),
    ],
)
def test_wrong_tensors_are_named(saved: Path, change: Any, message: str) -> None:
    from safetensors import safe_open

    with safe_open(str(saved), "pt") as file:
        metadata = file.metadata()
    tensors = load_file(saved)
    change(tensors)
    save_file(tensors, saved, metadata)
    with pytest.raises(ValueError, match=message) as error:
        weights.load(saved)
    assert str(error.value).startswith(f"{saved}: ")
    assert "\n" not in str(error.value)


def test_other_files_are_refused(tmp_path: Path, saved: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(saved.read_bytes()[:100])
    with pytest.raises(ValueError, match="broken: not a safetensors file"):
        weights.load(broken)
    save_file(load_file(saved), broken, {"biisnet": '{"config": {"channels": 0}}'})
    with pytest.raises(ValueError, match="broken: configuration: channels is 0"):
        weights.load(broken)
    save_file(load_file(saved), broken, {"biisnet": "{"})
    with pytest.raises(ValueError, match="broken: metadata 'biisnet' is not JSON"):
        weights.load(broken)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        weights.load(tmp_path / "nowhere")
