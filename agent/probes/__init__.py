"""Sources of signals, one file per group of them."""
