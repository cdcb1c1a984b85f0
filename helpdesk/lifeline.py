"""Processes that die with the one that started them, even when that one is killed outright."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, signum: int = signal.SIGKILL) -> None:
    """This function will have the kernel send `signum` to this process when `parent`, which must
    be its present parent, ends. Linux only; elsewhere it does nothing."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signum)
    # The parent may have gone between the fork and the line above.
    if os.getppid() != parent:
        os.kill(os.getpid(), signum)
