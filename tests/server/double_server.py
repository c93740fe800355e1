"""The real server with the engine's double, as a program: double_server.py --state FOLDER [--seconds S] [...]."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from runtime.server.command import serve
from runtime.server.settings import Settings
from tests.jobs.test_workers import DOUBLE


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--seconds", default="0.1")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--socket", type=Path)
    parser.add_argument("--parent-pid", type=int)
    given = parser.parse_args()
    settings = Settings.from_environment(
        os.environ, state=given.state, port=0, workers=given.workers, socket=given.socket
    )
    return serve(settings, given.parent_pid, (*DOUBLE, given.seconds))


if __name__ == "__main__":
    sys.exit(main())
