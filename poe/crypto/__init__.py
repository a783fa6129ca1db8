"""Plain, slow, vector-tested arithmetic: the meaning of the hashes and signatures."""
