# SPDX-License-Identifier: Apache-2.0
"""The compiler's own types: maps, expressions, stages, and what is decided of them."""
