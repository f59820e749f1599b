# SPDX-License-Identifier: Apache-2.0
"""Public binarized networks, written from their papers as a user would write them in PyTorch, and exported to ONNX.

They import nothing of the compiler: what it makes of them is what it makes of anybody's file. Weights are random, and
so are BatchNormalizations' statistics (randomise.py): the networks have the papers' shapes, not their accuracy.
"""
