"""The agent beside its peers, as ratios; `python -m benchmarks` runs every module here that has a `run`.

`run()` returns rows: what was measured, our number, the peer's in the same unit, their ratio, and the goal that the
ratio must not exceed.
"""
