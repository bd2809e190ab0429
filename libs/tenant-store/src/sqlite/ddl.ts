/**
 * The two files of a tenant. Both are views of the log: each carries its own position, because SQLite does not commit two attached files
 * atomically in WAL mode. Tables with a `hash` column count in the file's digest; the others can be made anew from those.
 */
export const fileFormat = 2;

const meta = `
  CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    format INTEGER NOT NULL,
    tenant_id TEXT NOT NULL,
    -- Made at random with the file: tells it from another file of the same tenant. No part of the state.
    file_id TEXT NOT NULL,
    -- absent, active or deleted
    state TEXT NOT NULL,
    topic TEXT NOT NULL,
    "partition" INTEGER NOT NULL,
    -- The last record that was applied; -1 before the first.
    "offset" INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    -- Number of the tenant's records up to the offset.
    sequence INTEGER NOT NULL,
    log_time_us INTEGER NOT NULL,
    -- Sequence of the newest record that erases, 0 where none does: no restore reaches before it.
    erased_sequence INTEGER NOT NULL,
    digest BLOB NOT NULL,
    hash BLOB NOT NULL
  ) STRICT;`;

/** \`hash\` = rowHash of the other columns, as each writer and reader of the table states them. */
export const canonicalDdl = `${meta}
  -- fields: canonical bytes. Times: log-append time, microseconds.
  CREATE TABLE nodes (
    rid INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fields BLOB NOT NULL,
    hash BLOB NOT NULL
  ) STRICT;
  CREATE INDEX nodes_by_id ON nodes (type, id);
  CREATE INDEX nodes_by_created ON nodes (type, created_at, id);
  CREATE INDEX nodes_by_updated ON nodes (type, updated_at, id);
  CREATE TABLE edges (
    from_id TEXT NOT NULL,
    type INTEGER NOT NULL,
    to_id TEXT NOT NULL,
    key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    fields BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (from_id, type, to_id, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX edges_in ON edges (to_id, type, from_id, key);
  -- value: combinedKey of the fields that \`name\` lists ("1" or "2,5").
  CREATE TABLE unique_keys (
    type INTEGER NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    node_id TEXT NOT NULL,
    PRIMARY KEY (type, name, value)
  ) STRICT, WITHOUT ROWID;
  -- value: orderKey of an indexed field.
  CREATE TABLE field_index (
    type INTEGER NOT NULL,
    field INTEGER NOT NULL,
    value BLOB NOT NULL,
    node_id TEXT NOT NULL,
    PRIMARY KEY (type, field, value, node_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE applied_events (
    tenant_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    result_json TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    request_hash BLOB NOT NULL,
    "offset" INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    hash BLOB NOT NULL,
    -- The file's digest after this record (no part of the row's own hash, nor of the digest).
    digest BLOB NOT NULL,
    PRIMARY KEY (tenant_id, idempotency_key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE schemas (
    fingerprint TEXT PRIMARY KEY,
    -- The order in which the tenant saw them; the catalog is their merger in this order. -1: remembered only.
    ordinal INTEGER NOT NULL,
    definition BLOB NOT NULL,
    hash BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  -- rowid = nodes.rid
  CREATE VIRTUAL TABLE nodes_fts USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
`;

export const mailboxDdl = `${meta}
  CREATE TABLE items (
    rid INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    type INTEGER NOT NULL,
    thread_id TEXT NOT NULL,
    snippet TEXT NOT NULL,
    text TEXT NOT NULL,
    -- 0 or 1
    read INTEGER NOT NULL,
    delivered_at INTEGER NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (user_id, node_id)
  ) STRICT;
  CREATE INDEX items_by_time ON items (user_id, delivered_at, node_id);
  CREATE INDEX items_by_node ON items (node_id);
  CREATE INDEX items_unread ON items (user_id, delivered_at, node_id) WHERE read = 0;
  -- rowid = items.rid; \`owner\` is one token that names the user, so that a search stays within one mailbox.
  CREATE VIRTUAL TABLE items_fts USING fts5 (owner, text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
`;
