# SPDX-License-Identifier: Apache-2.0
"""The one exception for what a user gave: a single line that says what is wrong and what to do."""


class InputError(ValueError):
    """An image, a data set, a recipe or a run that cannot be used; the message names the file and the way out."""
