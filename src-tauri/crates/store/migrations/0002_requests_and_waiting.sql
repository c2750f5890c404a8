-- A plan is executed once. `executes` is the plan again, unique; runs of earlier versions that share a plan
-- keep it on the first of them only, so that it is taken all the same.
ALTER TABLE runs ADD COLUMN executes INTEGER REFERENCES plans (key);
UPDATE runs SET executes = plan WHERE key IN (SELECT min(key) FROM runs GROUP BY plan);
CREATE UNIQUE INDEX runs_by_execution ON runs (executes) WHERE executes IS NOT NULL;

-- The run that this one continues, and which part of it; an undo has its own column.
ALTER TABLE runs ADD COLUMN part_of TEXT;
ALTER TABLE runs ADD COLUMN part TEXT
    CHECK (part IN ('failed_from_their_step', 'failed_and_not_reached', 'everything', 'late'));
CREATE INDEX runs_by_part ON runs (part_of) WHERE part_of IS NOT NULL;

-- Until when hosts that were not reached get their part.
ALTER TABLE runs ADD COLUMN wait_until INTEGER;

-- A run that was found interrupted has still to be brought to its end.
DROP INDEX runs_open;
CREATE INDEX runs_open ON runs (status) WHERE status IN ('running', 'cancelling', 'interrupted');

DROP VIEW run_summaries;
CREATE VIEW run_summaries AS
SELECT r.key, r.id, r.plan, p.digest, r.runbook, r.title, r.undo_of, r.part_of, r.part, r.hosts, r.opened_at,
       r.opened_by, r.owner, r.status, r.outcome, r.ended_at, r.standings, r.head_index + 1 AS records
FROM runs r JOIN plans p ON p.key = r.plan;

-- It is the step's recorded inverse that was sent, in the same run.
ALTER TABLE attempts ADD COLUMN inverse INTEGER NOT NULL DEFAULT 0 CHECK (inverse IN (0, 1));
-- Something of it may still be running, or its dead-man switch may still fire.
ALTER TABLE attempts ADD COLUMN unclear INTEGER NOT NULL DEFAULT 0 CHECK (unclear IN (0, 1));
UPDATE attempts SET unclear = 1 WHERE word IN ('sent', 'running', 'unknown');
CREATE INDEX attempts_unclear ON attempts (run) WHERE unclear = 1;

-- What people ask of a run in a process that does not drive it. Its driver takes them, in their order.
CREATE TABLE requests (
    key      INTEGER PRIMARY KEY AUTOINCREMENT,
    run      INTEGER NOT NULL REFERENCES runs (key),
    at       INTEGER NOT NULL,
    by       TEXT NOT NULL,
    request  TEXT NOT NULL,
    taken_at INTEGER
) STRICT;

CREATE INDEX requests_open ON requests (run, key) WHERE taken_at IS NULL;

-- Hosts that get their part of a run when they can be reached.
CREATE TABLE waiting (
    run          INTEGER NOT NULL REFERENCES runs (key),
    host         TEXT NOT NULL,
    since        INTEGER NOT NULL,
    until        INTEGER NOT NULL,
    state        TEXT NOT NULL
        CHECK (state IN ('waiting', 'delivered', 'expired', 'superseded', 'withdrawn', 'not_delivered')),
    changed_at   INTEGER NOT NULL,
    why          TEXT NOT NULL,
    delivered_by TEXT,
    PRIMARY KEY (run, host)
) STRICT, WITHOUT ROWID;

CREATE INDEX waiting_open ON waiting (host) WHERE state = 'waiting';
