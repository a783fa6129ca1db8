"""A whole network of processes on one machine."""
