# SPDX-License-Identifier: Apache-2.0
"""The tools that a person calls: the command line, and one file for what each of its commands does."""
