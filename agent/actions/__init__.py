"""What tasks can do: one package per system, one module per action, each exposing `ACTION`."""
