"""Checks of the repository that no other tool makes; `python -m tools.house` runs them all and prints every finding."""
