"""The `poe` command, also as `python -m poe`: Ctrl+C ends it quietly from its first import on."""

from __future__ import annotations

import sys

EXIT_INTERRUPTED = 130


def main() -> None:
    """Entry point of the `poe` script."""
    try:
        from poe.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
