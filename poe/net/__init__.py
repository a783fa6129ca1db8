"""The door to libp2p: the only package that imports it."""
