"""The subcommands of `hostkeeper notify`."""
