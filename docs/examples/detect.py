"""detect BUNDLE FRAME.f32...: frames side by side, each on an instance and a thread of its own."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import biisnet.runtime


def detect(bundle: str, path: str) -> str:
    """The targets of a frame of the bundle's own size, float32 grey levels row by row."""
    with biisnet.runtime.load(bundle) as model:
        frame = np.fromfile(path, np.float32).reshape(model.input_shape[-2:])
        targets = model.detect(frame)
    return f"{path}: {sum(t.pixels for t in targets)} pixels in {len(targets)} targets"


bundle, *frames = sys.argv[1:]
with ThreadPoolExecutor() as pool:
    print(*pool.map(detect, [bundle] * len(frames), frames), sep="\n")
