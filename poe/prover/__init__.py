"""The role that races to prove batches."""
