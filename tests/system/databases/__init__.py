"""Real database servers for tests, and what every driver of a database owes.

`servers` starts them, `fixtures` keeps one of each for a whole session: a conftest that wants them imports from there.
"""
