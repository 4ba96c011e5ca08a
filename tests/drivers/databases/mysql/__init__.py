"""Tests of the driver of MariaDB that need no server."""
