"""The nouns: frozen values that every floor speaks of, without behaviour that touches the host."""
