"""What each reason means and what can be done about it, for `hostkeeper why` and the reference.

Apart from the reasons themselves, because the daemon names reasons and never explains them.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.model.reasons import Reason

BY_SUBJECT: Mapping[str, Mapping[Reason, str]] = {
    "A run waits": {
        Reason.JITTER: "It is due, and its own part of the schedule's jitter has not passed yet.",
        Reason.WINDOW_CLOSED: "Its window is closed; it starts when the window opens.",
        Reason.WILL_NOT_FIT: "By its own history it would not end before the window does; it waits for the next one.",
        Reason.NEEDS_WAITING: "A task that it needs has not ended yet.",
        Reason.CONCURRENCY: "As many runs as `concurrency` allows are under way; it starts when one of them ends.",
        Reason.OVERLAP_QUEUED: "The run before it has not ended, and the task says `overlap: queue`.",
        Reason.RETRY_DELAY: "A try failed; the next one starts after `retry.delay`.",
    },
    "A run is skipped or missed": {
        Reason.NEEDS_FAILED: "A task that it needs did not succeed; run that one, then this one.",
        Reason.OVERLAP: "The run before it had not ended, and the task says `overlap: skip`.",
        Reason.DISABLED: "The policy says `enabled: false`.",
        Reason.ON_HOLD: "Its circuit breaker tripped earlier; `hostkeeper release-hold` lets it act again.",
        Reason.REMOVED_FROM_POLICY: "The task left the policies before the run started.",
        Reason.SUPERSEDED: "A later due time came before it could start; one run serves both.",
        Reason.DUE_WHILE_DOWN: "It fell due while the agent was down, and its schedule does not catch up.",
        Reason.COMMAND_SAYS_SKIP: "The command ended with an exit code that the task lists as nothing to do.",
        Reason.NOTHING_TO_DO: "The host was already as the task wants it.",
    },
    "A threshold is muted, or a remedy is held": {
        Reason.PARENT_FIRING: "A threshold that explains it fires or is violated; it is told of if it outlasts that.",
        Reason.OWN_MAINTENANCE: "A task that causes it is or was at work; it is told of if it outlasts that.",
        Reason.DOES_NOT_HELP: "It ran, and the threshold went on firing; look why, then `hostkeeper release-hold` it.",
    },
    "A run is stopped or fails": {
        Reason.STEP_FAILED: "A step failed; the run's detail says which and how.",
        Reason.MAX_DURATION: "It took longer than `max_duration`.",
        Reason.REPLACED: "The task fell due again, and says `overlap: replace`.",
        Reason.AGENT_STOPPING: "The agent was stopped; the run goes on or is undone when it starts again.",
        Reason.KILLED: "Its process ended without a word: killed, out of memory, or the host went down.",
        Reason.WINDOW_ENDED: "Its window ended; it stops at a checkpoint and goes on in the next, five times at most.",
        Reason.UNDO_FAILED: "A step could not be taken back; the target needs a person.",
        Reason.CANNOT_RESUME: "The journal does not match what the run would do; the target needs a person.",
    },
    "A run is refused before it touches anything": {
        Reason.LIMIT_ITEMS: "It would touch more objects than `limits.items`.",
        Reason.LIMIT_BYTES: "It would touch more bytes than `limits.bytes`.",
        Reason.LIMIT_PERCENT: "It would touch a larger share than `limits.percent`.",
        Reason.BEYOND_HISTORY: "It would touch far more than its own earlier runs did.",
        Reason.LISTING_INCOMPLETE: "Its repository lacks backups that this host made; `vanished: forget` accepts that.",
        Reason.CLOCK_SUSPECT: "The clock of the host stands where ages cannot be judged by it.",
        Reason.WORLD_DRIFTED: "The host or the policies are not as they were when the plan was made; plan again.",
        Reason.BREAKER_OPEN: "It acted as often as `at_most` allows; it is held until an admin releases it.",
        Reason.REPOSITORY_IN_USE: "Another agent is changing the backups of this task, or the repository, right now.",
        Reason.ROTATED_ELSEWHERE: "The host's own logrotate rotates one of these logs; two that do lose some of it.",
        Reason.UNSAFE_DIRECTORY: "Everybody may write to the directory, and so could have root change other files.",
    },
    "A message is not delivered": {
        Reason.GROUPING: "It waits for `group_wait`, so that what comes together is told together.",
        Reason.QUIET_HOURS: "It waits for the end of the notifier's quiet hours.",
        Reason.BEING_SENT: "It is being sent, or its turn comes; while the agent is down, nothing is sent.",
        Reason.RECEIVER_FAILS: "The receiver did not take it; it is tried again, after a pause that grows.",
        Reason.RECEIVER_REFUSED: "The receiver refused it for good; mend the cause, then `hostkeeper notify retry`.",
    },
    "An object is deleted": {
        Reason.TOO_OLD: "It is older than `max_age`.",
        Reason.OVER_COUNT: "Its group has more objects than `max_count`, and it is among the oldest.",
        Reason.OVER_SIZE: "Its group takes more space than `max_size`, and it is among the oldest.",
        Reason.EMPTY_DIRECTORY: "The directory is empty, and the task removes empty directories.",
        Reason.OUTSIDE_KEEP: "No rule of `keep` wants this backup, and nothing that is kept needs it.",
    },
    "An object is kept": {
        Reason.YOUNG_ENOUGH: "It is not older than `max_age`.",
        Reason.WITHIN_LIMITS: "Its group is within `max_count` and `max_size`.",
        Reason.AMONG_LATEST: "It is among the newest that `keep_latest` protects.",
        Reason.NOT_MATCHED: "No pattern of `match` fits it.",
        Reason.EXCLUDED: "A pattern of `exclude` fits it.",
        Reason.NOT_A_REGULAR_FILE: "It is a device, a socket or a pipe.",
        Reason.SYMBOLIC_LINK: "It is a symbolic link; links are never followed.",
        Reason.OTHER_FILE_SYSTEM: "It lies on another file system, and the task may not cross mounts.",
        Reason.CHANGED_SINCE_SEEN: "It is not what it was when the run judged it.",
        Reason.VANISHED: "It was gone before the run came to it.",
        Reason.UNREADABLE: "It could not be looked at.",
        Reason.UNDELETABLE: "The kernel refused to delete it: it is immutable, or its file system is read-only.",
        Reason.NOT_EMPTY: "Something is in the directory.",
        Reason.DATED_IN_THE_FUTURE: "Its time stamp lies in the future, so its age is unknown.",
        Reason.KEPT_BY_RULE: "A rule of `keep` wants this backup; the detail names each with the slot that it takes.",
        Reason.NEWEST_PROVEN: "It is the newest backup that a restore has proven.",
        Reason.NEEDED_BY_KEPT: "A backup that is kept cannot be restored without it.",
        Reason.NOT_MADE_HERE: "It lies between backups of this host, which did not make it: look who did.",
    },
}
"""Every reason with a sentence, under what it is said of."""


def explain(reason: str) -> str:
    """Given the value of a reason, return its sentence, or "" for a value that is no reason."""
    return next((texts[Reason(reason)] for texts in BY_SUBJECT.values() if reason in texts), "")
