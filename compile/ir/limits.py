# SPDX-License-Identifier: Apache-2.0
"""The limits of a plan, as runtime/src/plan.h and runtime/include/biisnet.h have them."""

MAX_INPUTS, MAX_OUTPUTS, MAX_ROWS = 8, 4, 32
"""Maps that a stage reads and stores, rows that it reads."""
MAX_STAGES = MAX_TASKS = 65535
"""Stages of a plan, tasks (bands, or parts) of a stage."""
MAX_BAND = 8
"""Rows that a call of a kernel computes."""
MAX_THREADS = 64
LOOK_AHEAD = 256
"""Tasks of the list, from the first unclaimed one, among which several threads choose (runtime/src/flow.c)."""
MAX_STRIDE = 16
"""The largest stride of a window. A kernel loads so many whole vectors to take one of each stride's columns, the last
past the row's end: the arena's SLACK leaves room for it."""
INSTANCE_BYTES, INSTANCE_BUFFER_BYTES, INSTANCE_STAGE_BYTES = 2048, 24, 48
"""Bytes of the arena that an instance takes for itself, and more for each buffer and each stage."""
MAX_DOT_TAPS = 1 << 14  # weights of a binary convolution's output: what 16 bits hold, with a table's corrections
MAX_INTEGER_WEIGHTS = 4096
"""Weights of an integer convolution of the frame: its taps are no loop."""
