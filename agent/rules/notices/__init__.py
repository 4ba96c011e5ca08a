"""Rules of telling people: what goes together, when, and in which words."""
