# SPDX-License-Identifier: Apache-2.0
"""The compiler: an ONNX file of a binarized network -> a verified bundle for one target. pipeline.py is the way in."""
