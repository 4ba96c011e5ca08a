"""People are told: a real sender, a real Alertmanager, kills at random."""
