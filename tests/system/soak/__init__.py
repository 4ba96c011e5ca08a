"""An agent at work while faults strike it every few seconds: after each of them, everything that must hold is asked.

`python -m tests.system.soak --seconds 600 --seed 7` strikes for ten minutes by the schedule of that seed.
"""
