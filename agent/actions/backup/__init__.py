"""Actions that make backups, look whether they are whole, and bring them back."""
