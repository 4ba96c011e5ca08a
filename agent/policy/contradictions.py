"""What of a condition cannot be meant: bounds that exclude one another, more samples than are looked at. Pure."""

from __future__ import annotations

from typing import Any

from agent.policy.normalise import Complaint, Path


def contradictions(thing: dict[str, Any], path: Path) -> list[Complaint]:
    """Given a normalised condition, such as a threshold, and the path it stands at, return what is wrong with it.

    What is missing is passed over: the schema complains of it.
    """
    found = _bounds(thing, path)
    samples = thing.get("samples")
    if isinstance(samples, dict) and samples.get("violated", 0) > samples.get("of", samples.get("violated", 0)):
        wrong = f"{samples['violated']} of {samples['of']} can never be"
        found.append(((*path, "samples", "violated"), wrong, f"give at most {samples['of']}"))
    if thing.get("change") and thing.get("compare"):
        wrong = "bounds are either on the change or on the comparison"
        found.append(((*path, "compare"), wrong, "remove one of `change` and `compare`"))
    return found


def _bounds(thing: dict[str, Any], path: Path) -> list[Complaint]:
    found: list[Complaint] = []
    above, below, outside = thing.get("above"), thing.get("below"), thing.get("outside")
    for key in ("outside", "clear_inside"):
        bound = thing.get(key)
        if bound and bound[0] > bound[1]:
            found.append(((*path, key), f"{bound[0]} is larger than {bound[1]}", "write the lower number first"))
    clear = thing.get("clear_below", above)
    if above is not None and clear > above:
        found.append(((*path, "clear_below"), f"{clear} is larger than `above`", f"give at most {above}"))
    clear = thing.get("clear_above", below)
    if below is not None and clear < below:
        found.append(((*path, "clear_above"), f"{clear} is smaller than `below`", f"give at least {below}"))
    clear = thing.get("clear_inside")
    if clear and outside and not found and not outside[0] <= clear[0] <= clear[1] <= outside[1]:
        wrong = f"{clear[0]} to {clear[1]} is not within `outside`"
        found.append(((*path, "clear_inside"), wrong, f"give a range within {outside[0]} to {outside[1]}"))
    return found
