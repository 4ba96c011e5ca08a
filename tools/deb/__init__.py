"""Builds the Debian package: one archive with all it needs besides Python, for every Python that Debian has."""
