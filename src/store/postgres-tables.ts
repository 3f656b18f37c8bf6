/**
 * The tables of a shared journal: those of the file, with the agent beside each event, and with numbers that are never given twice.
 * The events are text, since JSON of PostgreSQL cannot hold every string; to look after the run of each would take a third of its time. Step n makes the tables of version n out of those before.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE rein_done (what TEXT PRIMARY KEY, time BIGINT NOT NULL);
  CREATE TABLE rein_sessions (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL UNIQUE, created BIGINT NOT NULL
  );
  CREATE TABLE rein_runs (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE, session BIGINT REFERENCES rein_sessions,
    agent TEXT NOT NULL, model TEXT NOT NULL, started BIGINT NOT NULL
  );
  CREATE INDEX rein_runs_session ON rein_runs (session, number);
  CREATE TABLE rein_events (
    run BIGINT NOT NULL, seq INTEGER NOT NULL, time BIGINT NOT NULL, type TEXT NOT NULL, agent_id TEXT,
    event TEXT NOT NULL, PRIMARY KEY (run, seq)
  );
  CREATE INDEX rein_turn_ends ON rein_events (run) WHERE type = 'turn_end' AND agent_id IS NULL;
  CREATE INDEX rein_routes ON rein_events (time) WHERE type = 'route';
  CREATE TABLE rein_attachments (sha256 TEXT PRIMARY KEY, bytes BYTEA NOT NULL);
  CREATE TABLE rein_uses (sha256 TEXT NOT NULL, run BIGINT NOT NULL, PRIMARY KEY (sha256, run));
  CREATE INDEX rein_uses_run ON rein_uses (run);
  CREATE TABLE rein_removed (number BIGINT PRIMARY KEY, id TEXT NOT NULL);
  CREATE INDEX rein_removed_id ON rein_removed (id);
  CREATE TABLE rein_calls (
    run BIGINT NOT NULL, seq INTEGER NOT NULL, time BIGINT NOT NULL, kind TEXT NOT NULL,
    agent TEXT NOT NULL, agent_id TEXT, model TEXT NOT NULL, side TEXT,
    input BIGINT NOT NULL, output BIGINT NOT NULL, cached BIGINT NOT NULL, cache_write BIGINT NOT NULL,
    reasoning BIGINT NOT NULL, cost DOUBLE PRECISION, notional BOOLEAN NOT NULL, estimated BOOLEAN NOT NULL,
    duration_ms DOUBLE PRECISION, first_token_ms DOUBLE PRECISION,
    PRIMARY KEY (run, seq)
  );
  CREATE INDEX rein_calls_time ON rein_calls (time)`,
  // The user and the machine that a run was begun, or added, by.
  `ALTER TABLE rein_runs ADD COLUMN owner TEXT;
  CREATE INDEX rein_runs_owner ON rein_runs (owner, number)`,
];
