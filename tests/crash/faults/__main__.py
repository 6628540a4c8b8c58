"""`python -m tests.crash.faults`: the long proof that a database at fault loses nothing. The exit code tells."""

from __future__ import annotations

import sys

from tests.crash.faults.proof import prove

sys.exit(bool(prove()))
