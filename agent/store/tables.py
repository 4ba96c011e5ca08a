"""The tables of the store, as numbered migrations; a migration is never edited, only followed by another."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE facts_of_store (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE documents (digest TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        task TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL, origin TEXT NOT NULL, cause TEXT NOT NULL,
        due REAL NOT NULL, not_before REAL NOT NULL, created REAL NOT NULL, started REAL, ended REAL,
        attempt INTEGER NOT NULL, tries INTEGER NOT NULL, why TEXT NOT NULL, detail TEXT NOT NULL, stop TEXT NOT NULL,
        document TEXT NOT NULL, policy TEXT NOT NULL, code TEXT NOT NULL,
        pid INTEGER, pid_started REAL, boot TEXT NOT NULL, on_interrupt TEXT NOT NULL, crashes INTEGER NOT NULL,
        seal TEXT NOT NULL
    );
    CREATE UNIQUE INDEX runs_once ON runs (task, due) WHERE origin IN ('schedule', 'catch_up');
    CREATE INDEX runs_by_task ON runs (task, id);
    CREATE INDEX runs_by_due ON runs (task, due);
    CREATE INDEX runs_open ON runs (state) WHERE state IN ('pending', 'running', 'interrupted');
    CREATE INDEX runs_unended ON runs (id) WHERE ended IS NULL;
    CREATE INDEX runs_by_cause ON runs (cause, created) WHERE cause <> '';
    CREATE TABLE steps (
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, seq INTEGER NOT NULL,
        name TEXT NOT NULL, state TEXT NOT NULL, started REAL NOT NULL, ended REAL,
        facts TEXT NOT NULL, error TEXT NOT NULL, output TEXT NOT NULL, seal TEXT NOT NULL,
        PRIMARY KEY (run, seq)
    ) WITHOUT ROWID;
    CREATE TABLE marks (
        task TEXT PRIMARY KEY, schedule TEXT NOT NULL, handled REAL NOT NULL, seal TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE holds (
        name TEXT PRIMARY KEY, reason TEXT NOT NULL, detail TEXT NOT NULL, since REAL NOT NULL,
        released REAL, seal TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE conditions (key TEXT PRIMARY KEY, state TEXT NOT NULL, seal TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE memories (
        task TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, seal TEXT NOT NULL,
        PRIMARY KEY (task, key)
    ) WITHOUT ROWID;
    CREATE TABLE fragments (
        name TEXT PRIMARY KEY, path TEXT NOT NULL, signature TEXT NOT NULL, digest TEXT NOT NULL,
        body TEXT NOT NULL, seal TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    "ALTER TABLE runs RENAME COLUMN crashes TO fruitless",
    """
    CREATE TABLE history (
        seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, digest TEXT NOT NULL, at REAL NOT NULL,
        hash TEXT NOT NULL
    );
    CREATE INDEX history_by_subject ON history (kind, subject);
    """,
    """
    CREATE TABLE backups (
        repository TEXT NOT NULL, id TEXT NOT NULL, task TEXT NOT NULL, began REAL NOT NULL,
        stored INTEGER NOT NULL, body TEXT NOT NULL, seal TEXT NOT NULL, PRIMARY KEY (repository, id)
    ) WITHOUT ROWID;
    CREATE INDEX backups_by_task ON backups (repository, task, began);
    CREATE TABLE proofs (
        repository TEXT NOT NULL, id TEXT NOT NULL, task TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL,
        seal TEXT NOT NULL, PRIMARY KEY (repository, id)
    ) WITHOUT ROWID;
    CREATE INDEX proofs_by_task ON proofs (repository, task, at);
    CREATE TABLE verifications (
        repository TEXT NOT NULL, id TEXT NOT NULL, task TEXT NOT NULL, at REAL NOT NULL, deep INTEGER NOT NULL,
        flaws INTEGER NOT NULL, body TEXT NOT NULL, seal TEXT NOT NULL, PRIMARY KEY (repository, id)
    ) WITHOUT ROWID;
    CREATE INDEX verifications_by_task ON verifications (repository, task, at);
    """,
    """
    CREATE TABLE incidents (
        id INTEGER PRIMARY KEY AUTOINCREMENT, threshold TEXT NOT NULL, series TEXT NOT NULL, opened REAL NOT NULL,
        state TEXT NOT NULL, ended REAL, body TEXT NOT NULL, seal TEXT NOT NULL
    );
    CREATE INDEX incidents_open ON incidents (threshold, series) WHERE ended IS NULL;
    CREATE TABLE incident_entries (
        incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE, seq INTEGER NOT NULL,
        at REAL NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL, seal TEXT NOT NULL,
        PRIMARY KEY (incident, seq)
    ) WITHOUT ROWID;
    CREATE TABLE incident_exhibits (
        incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE, name TEXT NOT NULL,
        title TEXT NOT NULL, at REAL NOT NULL, text TEXT NOT NULL, error TEXT NOT NULL, seal TEXT NOT NULL,
        PRIMARY KEY (incident, name)
    ) WITHOUT ROWID;
    CREATE TABLE policy_changes (at REAL NOT NULL, body TEXT NOT NULL, seal TEXT NOT NULL);
    CREATE INDEX policy_changes_by_time ON policy_changes (at);
    """,
    """
    CREATE TABLE series (
        id INTEGER PRIMARY KEY AUTOINCREMENT, signal TEXT NOT NULL, labels TEXT NOT NULL, seen REAL NOT NULL,
        seal TEXT NOT NULL, UNIQUE (signal, labels)
    );
    CREATE TABLE samples (
        step INTEGER NOT NULL, start REAL NOT NULL, until REAL NOT NULL, body BLOB NOT NULL, UNIQUE (step, start)
    );
    CREATE INDEX samples_by_end ON samples (until);
    """,
    """
    CREATE TABLE notices (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, notifier TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL,
        seal TEXT NOT NULL
    );
    CREATE TABLE alerts (
        notifier TEXT NOT NULL, key TEXT NOT NULL, next REAL NOT NULL, body TEXT NOT NULL, seal TEXT NOT NULL,
        PRIMARY KEY (notifier, key)
    ) WITHOUT ROWID;
    CREATE TABLE messages (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL, receiver TEXT NOT NULL, made REAL NOT NULL, state TEXT NOT NULL,
        tries INTEGER NOT NULL, answer TEXT NOT NULL, ended REAL, body TEXT NOT NULL, seal TEXT NOT NULL
    );
    CREATE INDEX messages_by_receiver ON messages (receiver, seq) WHERE state = 'waiting';
    CREATE TABLE receivers (name TEXT PRIMARY KEY, body TEXT NOT NULL, seal TEXT NOT NULL) WITHOUT ROWID;
    """,
    "CREATE TABLE remedies (name TEXT PRIMARY KEY, state TEXT NOT NULL, seal TEXT NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE findings (
        task TEXT NOT NULL, id TEXT NOT NULL, last_seen REAL NOT NULL, body TEXT NOT NULL, seal TEXT NOT NULL,
        PRIMARY KEY (task, id)
    ) WITHOUT ROWID;
    CREATE TABLE readings (
        task TEXT PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL, seal TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE incident_series (
        incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE, series TEXT NOT NULL,
        word TEXT NOT NULL, fired REAL NOT NULL, cleared REAL, body TEXT NOT NULL, seal TEXT NOT NULL,
        PRIMARY KEY (incident, series)
    ) WITHOUT ROWID;
    CREATE INDEX incident_series_by_firing ON incident_series (incident, fired, word);
    CREATE INDEX incident_series_by_clearing ON incident_series (incident, cleared);
    """,
)

CHAINED = 3
"""The version from which on the store has a chain, which is begun in the transaction of the migration.

The chain covers whole rows of runs, steps and holds: a migration that gives them another shape must record each that
has ended anew.
"""

JOINED = 10
"""The version from which on an incident has several series: the one of each that is not closed yet is written then."""
