# SPDX-License-Identifier: Apache-2.0
"""What goes wrong when a bundle is opened."""


class BundleError(ValueError):
    """A bundle that cannot be used here: one line with the file, the reason and the way out."""
