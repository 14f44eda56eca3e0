-- The statements of release 0.1.0, one a line, with values in place of its parameters. After a rollback they
-- have to work on whatever a later release has written. Never changes while that release may come back.
SELECT version FROM schema_version LIMIT 1
SELECT slot, id, at, note FROM operation ORDER BY at
SELECT document FROM resource LIMIT 1
SELECT key, value FROM item
DELETE FROM item WHERE key = 'k0'
INSERT INTO item (key, value) VALUES ('k1', 'v') ON CONFLICT (key) DO UPDATE SET value = excluded.value
INSERT INTO operation (slot, id, at, note) VALUES (0, 'req-1', 1, '') ON CONFLICT (slot) DO UPDATE SET id = excluded.id, at = excluded.at, note = excluded.note
INSERT INTO outbox (project_id, revision, name) VALUES ('0a1b', 1, 'server:x') ON CONFLICT (project_id) DO UPDATE SET revision = revision + 1
SELECT project_id, revision, name FROM outbox
DELETE FROM outbox WHERE project_id = '0a1b' AND revision = 1
INSERT INTO resource (id, document) VALUES (1, '{}') ON CONFLICT (id) DO UPDATE SET document = excluded.document
DELETE FROM item
DELETE FROM resource
