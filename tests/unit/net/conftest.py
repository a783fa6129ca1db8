"""Loads libp2p through the one file that knows how to import it quietly, before any test module names it."""

import poe.net.library  # noqa: F401
