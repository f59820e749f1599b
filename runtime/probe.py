# SPDX-License-Identifier: Apache-2.0
"""Stage by stage inside a device runner (`biisnet-run --probe`), here or under an emulator."""

import contextlib
import json
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from .loading import why_not_started


class ProbeError(RuntimeError):
    """The runner refused a command, or ended."""


def _bytes(data: bytes | npt.NDArray[Any]) -> bytes:
    return data if isinstance(data, bytes) else np.ascontiguousarray(data).tobytes()


def _exact(array: npt.NDArray[Any], dtype: str) -> npt.NDArray[Any]:
    """The numbers of an array in a dtype: in float32 rounded, in integers exactly."""
    if dtype == "float32":
        return np.asarray(array, np.float32)
    kind = np.iinfo(dtype)
    if not (np.all(array == np.rint(array)) and kind.min <= np.min(array) and np.max(array) <= kind.max):
        raise ValueError(f"inputs: are not all whole numbers from {kind.min} to {kind.max}; the model takes {dtype}")
    return np.asarray(array).astype(dtype)


class Probe:
    """A running biisnet-run: read and write its memory, run single stages, run everything.

    Offsets are bytes in one address space: the arena of the instance for single stages from 0, then every input,
    then every output; `info` (the JSON of --info) has their offsets. A context manager; one thread at a time.
    """

    def __init__(self, command: Sequence[str | Path], threads: int = 1) -> None:
        """`command`: the runner, behind an emulator where it needs one. Raises ProbeError."""
        words = [str(word) for word in command]
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the runner)
        self.info = self._read_info(words)
        arguments = [*words, "--threads", str(threads), "--probe"]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)

    def _read_info(self, words: list[str]) -> dict[str, Any]:
        try:
            answer = subprocess.check_output([*words, "--info"], stderr=self._errors)
            info: dict[str, Any] = json.loads(answer)
        except OSError as error:
            raise ProbeError(why_not_started(Path(words[0]), error)) from error
        except (subprocess.CalledProcessError, ValueError) as error:
            raise ProbeError(f"{words[-1]}: --info failed ({self._last_words() or error})") from error
        return info

    def _last_words(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()

    def _command(self, command: bytes, answer_bytes: int = 0) -> bytes:
        if self._process is None:
            raise ProbeError("the probe is closed; open another")
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it refused before it had read all; its answer says why
            stdin.write(command)
            stdin.flush()
        status = stdout.read(4)
        if status == bytes(4):
            answer = stdout.read(answer_bytes)
            if len(answer) == answer_bytes:
                return answer
        head = stdout.read(4) if status else b""
        reason = stdout.read(struct.unpack("<I", head)[0]).decode() if len(head) == 4 else ""
        code = self._stop()
        raise ProbeError(reason or f"the runner ended with code {code} ({self._last_words() or 'silently'})")

    def write(self, offset: int, data: bytes | npt.NDArray[Any]) -> None:
        """Writes bytes, or an array's in C order."""
        content = _bytes(data)
        self._command(struct.pack("<cQQ", b"W", offset, len(content)) + content)

    def begin_region(self) -> None:
        """Begins what an emulator or a profiler counts."""
        self._command(b"B")

    def end_region(self) -> None:
        """Ends it: what was counted since `begin_region` is written."""
        self._command(b"E")

    def read(self, offset: int, size: int) -> bytes:
        """Reads `size` bytes."""
        return self._command(struct.pack("<cQQ", b"R", offset, size), size)

    def read_array(self, offset: int, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Reads a dense array."""
        kind = np.dtype(dtype)
        content = self.read(offset, kind.itemsize * int(np.prod(shape)))
        array: npt.NDArray[Any] = np.frombuffer(content, kind).reshape(shape).copy()
        return array

    def stage_index(self, name: str) -> int:
        """The stage of this name; raises KeyError."""
        for index, stage in enumerate(self.info["stages"]):
            if stage["name"] == name:
                return index
        raise KeyError(name)

    def run_stage(self, stage: int, params: bytes | npt.NDArray[Any] | None = None) -> None:
        """All rows of one stage, with its own constants or with `params` (of the same size) instead."""
        if params is None:
            self._command(struct.pack("<cI", b"S", stage))
        else:
            content = _bytes(params)
            self._command(struct.pack("<cIQ", b"P", stage, len(content)) + content)

    def run(self, *inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """A whole inference: arrays of the model's input shapes -> its outputs, in its dtypes.

        Raises ValueError for other shapes, and for numbers that an input's dtype does not hold.
        """
        wanted = [tuple(tensor["shape"]) for tensor in self.info["inputs"]]
        if [np.shape(array) for array in inputs] != wanted:
            raise ValueError(f"inputs: have shapes {[np.shape(array) for array in inputs]}, the model takes {wanted}")
        tensors = [_exact(a, tensor["dtype"]) for a, tensor in zip(inputs, self.info["inputs"], strict=True)]
        outputs = [(np.dtype(tensor["dtype"]), tuple(tensor["shape"])) for tensor in self.info["outputs"]]
        sizes = [kind.itemsize * int(np.prod(shape)) for kind, shape in outputs]
        answer = self._command(b"I" + b"".join(map(_bytes, tensors)), sum(sizes))
        ends = np.cumsum(sizes)
        parts = (answer[end - size : end] for size, end in zip(sizes, ends, strict=True))
        return [np.frombuffer(p, kind).reshape(shape).copy() for p, (kind, shape) in zip(parts, outputs, strict=True)]

    def _stop(self) -> int:
        """Ends the runner; its exit code."""
        process, self._process = self._process, None
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        try:
            return process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def close(self) -> None:
        """Ends the runner; calling again does nothing."""
        if self._process is not None:
            try:
                self._command(b"Q")
            finally:
                if self._process is not None:
                    self._stop()
        self._errors.close()

    def __enter__(self) -> "Probe":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Its answer may be half read, and Ctrl-C ends it too: that it is gone must not replace the first error.
        if kind is not None and self._process is not None:
            self._process.kill()
            self._stop()
        self.close()
