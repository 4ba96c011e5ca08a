"""The subcommands of `hostkeeper backup`, one module each, and what they share."""
