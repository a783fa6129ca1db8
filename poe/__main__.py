"""`python -m poe` is the `poe` command."""

from poe.cli.app import main

main()
