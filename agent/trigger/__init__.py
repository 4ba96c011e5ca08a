"""When a schedule fires. Pure: no clock is read, every instant is an aware datetime in UTC.

A schedule is a cron line of five fields, an `@name`, or an `every ...` phrase. It is read into one of two triggers:

- `Every`: an interval without a time of day (`every 10 minutes`, `every 2 weeks`). It follows elapsed time from an
  anchor that never moves, so neither a restart nor a change of the clock's offset shifts it.
- `Cron`: a pattern of wall-clock times in a zone (cron lines, `@names`, `every monday at 03:00`).

What a pattern does when the zone's clock is put forward (a gap of missing times) or back (repeated times):

- A time of day is **frequent** if the pattern fires in every hour of the day (`0 * * * *`, `*/10 * * * *`,
  `every hour at :30`), or more than once an hour and in at least three hours in a row, 23 being followed by 0
  (`*/10 0-6 * * *`). Three hours are longer than any gap, so a gap never swallows such a stretch whole.
  Frequent times follow elapsed time: they fire whenever the wall clock reads so, thus in both passes of a repeated
  hour, and missing ones are not made up for, since the next one is as near as ever.
- Every other time is **fixed** (`30 2 * * *`, `*/30 2 * * *`, `0 */2 * * *`). It fires at the first instant at which
  the wall clock has reached it: once, in the first pass, if it is repeated; once, at the first instant after the gap,
  if it is missing. Times that meet in one instant this way are one due time.

A due time is an instant; two runs for one instant are never asked for. As in cron, day of month and day of week must
both match if either field begins with `*`, else one of them is enough.
"""

from agent.trigger.fires import EPOCH, fires, last_fire, never_fires, next_fire, period
from agent.trigger.jitter import jitter
from agent.trigger.parse import parse
from agent.trigger.values import Cron, Every, ScheduleError, Trigger
from agent.trigger.zones import zone

__all__ = [
    "EPOCH",
    "Cron",
    "Every",
    "ScheduleError",
    "Trigger",
    "fires",
    "jitter",
    "last_fire",
    "never_fires",
    "next_fire",
    "parse",
    "period",
    "zone",
]
