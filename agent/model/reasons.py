"""Why: the closed list of reasons for every skip, refusal, hold, kept and deleted object.

A reason is stored, counted as a metric label and explained by `hostkeeper why`, so it is never free text.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Each member's value is the word in the store, in metrics and on the command line."""

    # A run waits.
    JITTER = "jitter"
    WINDOW_CLOSED = "window_closed"
    WILL_NOT_FIT = "will_not_fit"
    NEEDS_WAITING = "needs_waiting"
    CONCURRENCY = "concurrency"
    OVERLAP_QUEUED = "overlap_queued"
    RETRY_DELAY = "retry_delay"

    # A run is skipped or missed.
    NEEDS_FAILED = "needs_failed"
    OVERLAP = "overlap"
    DISABLED = "disabled"
    ON_HOLD = "on_hold"
    REMOVED_FROM_POLICY = "removed_from_policy"
    SUPERSEDED = "superseded"
    DUE_WHILE_DOWN = "due_while_down"
    COMMAND_SAYS_SKIP = "command_says_skip"
    NOTHING_TO_DO = "nothing_to_do"

    # A threshold that fires is muted, or a remedy is held.
    PARENT_FIRING = "parent_firing"
    OWN_MAINTENANCE = "own_maintenance"
    DOES_NOT_HELP = "does_not_help"

    # A run is stopped or fails.
    STEP_FAILED = "step_failed"
    MAX_DURATION = "max_duration"
    REPLACED = "replaced"
    AGENT_STOPPING = "agent_stopping"
    KILLED = "killed"
    WINDOW_ENDED = "window_ended"
    UNDO_FAILED = "undo_failed"
    CANNOT_RESUME = "cannot_resume"

    # A run is refused before it touches anything.
    LIMIT_ITEMS = "limit_items"
    LIMIT_BYTES = "limit_bytes"
    LIMIT_PERCENT = "limit_percent"
    BEYOND_HISTORY = "beyond_history"
    LISTING_INCOMPLETE = "listing_incomplete"
    CLOCK_SUSPECT = "clock_suspect"
    WORLD_DRIFTED = "world_drifted"
    BREAKER_OPEN = "breaker_open"
    REPOSITORY_IN_USE = "repository_in_use"
    ROTATED_ELSEWHERE = "rotated_elsewhere"
    UNSAFE_DIRECTORY = "unsafe_directory"

    # A message waits, or is not delivered.
    GROUPING = "grouping"
    QUIET_HOURS = "quiet_hours"
    BEING_SENT = "being_sent"
    RECEIVER_FAILS = "receiver_fails"
    RECEIVER_REFUSED = "receiver_refused"

    # An object is deleted.
    TOO_OLD = "too_old"
    OVER_COUNT = "over_count"
    OVER_SIZE = "over_size"
    EMPTY_DIRECTORY = "empty_directory"
    OUTSIDE_KEEP = "outside_keep"

    # An object is kept.
    YOUNG_ENOUGH = "young_enough"
    WITHIN_LIMITS = "within_limits"
    AMONG_LATEST = "among_latest"
    NOT_MATCHED = "not_matched"
    EXCLUDED = "excluded"
    NOT_A_REGULAR_FILE = "not_a_regular_file"
    SYMBOLIC_LINK = "symbolic_link"
    OTHER_FILE_SYSTEM = "other_file_system"
    CHANGED_SINCE_SEEN = "changed_since_seen"
    VANISHED = "vanished"
    UNREADABLE = "unreadable"
    UNDELETABLE = "undeletable"
    NOT_EMPTY = "not_empty"
    DATED_IN_THE_FUTURE = "dated_in_the_future"
    KEPT_BY_RULE = "kept_by_rule"
    NEWEST_PROVEN = "newest_proven"
    NEEDED_BY_KEPT = "needed_by_kept"
    NOT_MADE_HERE = "not_made_here"
