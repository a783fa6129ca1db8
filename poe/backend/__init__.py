"""The door to heavy arithmetic: the only package that imports the Rust core."""
