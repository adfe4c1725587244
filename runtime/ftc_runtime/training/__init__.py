"""The training loop: order of rows, adapters, collation, curves."""
