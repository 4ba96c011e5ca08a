"""Real Prometheus servers that scrape real agents, and real Alertmanagers that hear of it."""
