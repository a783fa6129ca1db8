"""The door to Ethereum: the only package that imports web3."""
