"""Run one command and print what it alone used: CPU and the most memory. Imports as little as may be.

A new process inherits the peak of the one that forked it; this one is small, so that no figure is its parent's.

    python -I -S bench/alone.py COMMAND...
"""

import os
import sys


def main() -> None:
    """Print milliseconds of CPU and megabytes of memory; exit as the command did."""
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
    _, status, used = os.wait4(child, 0)
    print((used.ru_utime + used.ru_stime) * 1e3, used.ru_maxrss / 1024)
    sys.exit(os.waitstatus_to_exitcode(status) != 0)


if __name__ == "__main__":
    main()
