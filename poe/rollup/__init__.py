"""What the rollup means: pure, synchronous, no I/O, plain enough to be the specification."""
