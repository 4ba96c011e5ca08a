"""Actions on files of the host."""
