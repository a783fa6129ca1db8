"""The prover market as a model: what each award policy does to shares, waste and delay."""
