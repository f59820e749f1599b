# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks`: this project's bundles beside other engines, on this machine and on the emulated board."""
