"""The command line: the only composer of the parts, and the only place that prints and chooses exit codes."""
