"""Tests of the driver of PostgreSQL that need no server."""
