//! The heavy arithmetic of poe. Knows no Python.
