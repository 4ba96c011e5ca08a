"""Pure decisions: from values to values, without I/O."""
