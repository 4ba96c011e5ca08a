"""Implementations behind a port: one package or file per driver, one conformance suite per family.

`databases` copies databases and brings them back, `repositories` keeps backups.
"""
