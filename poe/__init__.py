"""poe: a permissionless prover marketplace for a ZK rollup.

cli         commands                     sequencer   orders L2 transactions into batches
assembly    names concrete classes       prover      races to prove batches
testnet     many processes, one machine  observer    standings from L1 events only
backend     the door to the Rust core    l1          the door to Ethereum
net         the door to libp2p           metrics     the door to Prometheus
config      TOML, environment, flags     rollup      what the rollup means, pure
crypto      plain slow reference         errors      every expected failure and its code
"""

__version__ = "0.1.0"
