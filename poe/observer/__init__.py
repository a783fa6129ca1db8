"""The role that only watches: standings from L1 events."""
