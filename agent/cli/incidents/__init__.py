"""The subcommands of `hostkeeper incident`, one file each."""
