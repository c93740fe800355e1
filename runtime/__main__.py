"""`python -m runtime` runs the command line."""

import signal
import sys
from typing import NoReturn

from runtime.cli import main


def _terminate(number: int, frame: object) -> NoReturn:
    """Let a polite request to end unwind like Ctrl-C, so that nothing half-made is left."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())
