# SPDX-License-Identifier: Apache-2.0
"""detect BUNDLE FRAME...: frames side by side, on two threads, each with an instance of its own.

A frame is raw, of the bundle's own size and type, grey levels row by row.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import biisnet.runtime

WORKERS = 2
own = threading.local()


def begin(bundle: str) -> None:
    """A worker's model, which it keeps: loading checks every file of the bundle."""
    own.model = biisnet.runtime.load(bundle)


def detect(path: str) -> str:
    """The targets of one frame."""
    (source,) = own.model.signature.inputs
    frame, size = np.fromfile(path, source.dtype), source.shape[-2:]
    if frame.size != size[0] * size[1]:
        return f"{path}: not a frame of {size[0]}x{size[1]} {source.dtype}"
    targets = own.model.detect(frame.reshape(size))
    return f"{path}: {sum(t.pixels for t in targets)} pixels in {len(targets)} targets"


if len(sys.argv) < 3:
    sys.exit("usage: detect.py BUNDLE FRAME...")
bundle, *frames = sys.argv[1:]
with ThreadPoolExecutor(WORKERS, initializer=begin, initargs=(bundle,)) as pool:
    print(*pool.map(detect, frames), sep="\n")
