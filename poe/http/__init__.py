"""A small strict HTTP server and the TCP door under it: what the sequencer and the live page answer by."""
