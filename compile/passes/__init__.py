# SPDX-License-Identifier: Apache-2.0
"""The passes, one a file; pipeline.py lists them in their order."""
