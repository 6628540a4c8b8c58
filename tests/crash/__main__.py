"""`make crash`: named points, random kills, the state machine and faults; the last line says what was run and lost."""

from __future__ import annotations

import sys

from tests.crash.run import main

sys.exit(main(sys.argv[1:]))
