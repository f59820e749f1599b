# SPDX-License-Identifier: Apache-2.0
"""`python -m biisnet.tools`: the command `biisnet`, for who has no folder of scripts on the path."""

from .cli import main

if __name__ == "__main__":
    main()
