"""Actions that run a program of the admin's own."""
