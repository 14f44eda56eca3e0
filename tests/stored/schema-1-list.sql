-- What release 0.1.0 stored of a project's list.
CREATE TABLE entry (
    kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
    created INTEGER NOT NULL, PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_by_age ON entry (kind, created, id);
INSERT INTO entry VALUES
    ('image', '5ec95878-b74d-40f2-be61-c3c1ae5e5b19', 'debian', 1767323045000),
    ('server', '5ec95878-b74d-40f2-be61-c3c1ae5e5b19', 'web-1', 1767323045000);
