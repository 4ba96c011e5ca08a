"""Kinds of probes, one file each; a kind is imported only by the process that measures."""
