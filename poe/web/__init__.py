"""The live page: what L1 and gossip tell of the race, read by browsers on this machine."""
