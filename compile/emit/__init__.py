# SPDX-License-Identifier: Apache-2.0
"""From kernels and plan to a bundle: machine code, plan.c, linked files, manifest."""
