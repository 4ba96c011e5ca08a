"""Runs as units of a real systemd: their boxes, and how they are supervised."""
