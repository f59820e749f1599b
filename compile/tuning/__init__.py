# SPDX-License-Identifier: Apache-2.0
"""Autotuning: which schedule of each kernel is the fastest on a device, found by measuring."""
