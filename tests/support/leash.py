"""Becomes another program that ends when its parent does: `python leash.py SIGNAL COMMAND...` (Linux; else no leash).

However a test run ends, kill -9 included, the servers it started do not outlive it.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)


def put_on(number: int) -> None:
    """This process gets signal `number` when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def main() -> None:
    parent = os.getppid()
    put_on(int(sys.argv[1]))
    if os.getppid() != parent:  # it ended before the leash was on
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
