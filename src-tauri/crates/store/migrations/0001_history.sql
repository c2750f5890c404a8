-- Marks the file as a history of Daytwo ("D2HI"), so that another program's database is refused.
PRAGMA application_id = 1144145993;

-- Times are milliseconds since 1970 (UTC). Ids that people see are text; `key` columns are this
-- database's own small integers, so that the many rows of records and outputs stay narrow.

CREATE TABLE plans (
    key      INTEGER PRIMARY KEY,
    digest   TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE plan_hosts (
    plan INTEGER NOT NULL REFERENCES plans (key),
    host INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (plan, host)
) STRICT, WITHOUT ROWID;

CREATE INDEX plan_hosts_by_name ON plan_hosts (name, plan);

CREATE TABLE plan_steps (
    plan  INTEGER NOT NULL REFERENCES plans (key),
    step  INTEGER NOT NULL,
    id    TEXT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (plan, step)
) STRICT, WITHOUT ROWID;

-- One row per run. `fence` grows with each change of owner; `head_*` is the last record's number
-- and hash, so that a journal whose tail was cut off is noticed. The rest is computed from records.
CREATE TABLE runs (
    key           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    plan          INTEGER NOT NULL REFERENCES plans (key),
    runbook       TEXT NOT NULL,
    title         TEXT NOT NULL,
    undo_of       TEXT,
    hosts         INTEGER NOT NULL,
    opened_at     INTEGER NOT NULL,
    opened_by     TEXT NOT NULL,
    owner         TEXT,
    fence         INTEGER NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('running', 'cancelling', 'interrupted', 'ended')),
    outcome       TEXT,
    ended_at      INTEGER,
    standings     TEXT NOT NULL,
    head_index    INTEGER NOT NULL,
    head_hash     TEXT NOT NULL,
    CHECK ((status = 'ended') = (outcome IS NOT NULL AND ended_at IS NOT NULL))
) STRICT;

CREATE INDEX runs_by_time ON runs (opened_at, key);
CREATE INDEX runs_by_runbook ON runs (runbook, opened_at);
CREATE INDEX runs_by_undo ON runs (undo_of) WHERE undo_of IS NOT NULL;
CREATE INDEX runs_open ON runs (status) WHERE status IN ('running', 'cancelling');

-- Columns of a run as every question about runs wants them.
CREATE VIEW run_summaries AS
SELECT r.key, r.id, r.plan, p.digest, r.runbook, r.title, r.undo_of, r.hosts, r.opened_at, r.opened_by, r.owner,
       r.status, r.outcome, r.ended_at, r.standings, r.head_index + 1 AS records
FROM runs r JOIN plans p ON p.key = r.plan;

-- The journal. A record's predecessor is the row before it, so its hash is not stored twice.
CREATE TABLE records (
    run   INTEGER NOT NULL REFERENCES runs (key),
    idx   INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    event TEXT NOT NULL,
    hash  TEXT NOT NULL,
    PRIMARY KEY (run, idx)
) STRICT, WITHOUT ROWID;

-- What the records say of each attempt. A step that was skipped has a row without an id.
-- `*_kept` count what is in `outputs`; `tally` is what the host wrote, whether kept or not.
CREATE TABLE attempts (
    key           INTEGER PRIMARY KEY,
    id            TEXT UNIQUE,
    run           INTEGER NOT NULL REFERENCES runs (key),
    host          INTEGER NOT NULL,
    step          INTEGER NOT NULL,
    word          TEXT NOT NULL,
    state         TEXT NOT NULL,
    captured      TEXT NOT NULL,
    tally         TEXT NOT NULL,
    sent_at       INTEGER,
    changed_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    stdout_kept   INTEGER NOT NULL DEFAULT 0,
    stderr_kept   INTEGER NOT NULL DEFAULT 0,
    stdout_lines  INTEGER NOT NULL DEFAULT 0,
    stderr_lines  INTEGER NOT NULL DEFAULT 0,
    -- Of everything kept, once somebody asked for it; empty again when more is kept.
    output_digest TEXT
) STRICT;

CREATE INDEX attempts_by_place ON attempts (run, step, host);

-- Output as it came, in pieces. `position` counts bytes over both streams in order of arrival,
-- `start` within the stream; `lines_before` counts the stream's newlines before this piece.
CREATE TABLE outputs (
    key          INTEGER PRIMARY KEY,
    attempt      INTEGER NOT NULL REFERENCES attempts (key),
    position     INTEGER NOT NULL,
    stream       INTEGER NOT NULL CHECK (stream IN (0, 1)),
    start        INTEGER NOT NULL,
    lines_before INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    bytes        BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX outputs_by_position ON outputs (attempt, position);
CREATE UNIQUE INDEX outputs_by_stream ON outputs (attempt, stream, start);

-- What people decided. Starts, cancels and interruptions are computed from records.
CREATE TABLE decisions (
    key     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    by      TEXT NOT NULL,
    kind    TEXT NOT NULL,
    run     TEXT,
    subject TEXT NOT NULL,
    why     TEXT NOT NULL
) STRICT;

CREATE INDEX decisions_by_run ON decisions (run) WHERE run IS NOT NULL;

CREATE TABLE observations (
    host     TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Every change of what `mark` names, and otherwise one now and then.
CREATE TABLE observation_history (
    key      INTEGER PRIMARY KEY AUTOINCREMENT,
    host     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    mark     TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE INDEX observation_history_by_host ON observation_history (host, key);

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
