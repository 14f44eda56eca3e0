-- What a later release may add to an object, and a rollback has to bear: columns with a default, tables, and
-- a version that this release has never heard of.
ALTER TABLE resource ADD COLUMN etag TEXT NOT NULL DEFAULT '';
ALTER TABLE item ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operation ADD COLUMN outcome TEXT;
ALTER TABLE outbox ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
CREATE TABLE annotation (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
INSERT INTO annotation VALUES (1, 'kept');
UPDATE resource SET document = json_set(document, '$.server.flavor', json('{"id": "7"}'), '$.zone', 'b')
    WHERE json_type(document, '$.server') = 'object';
UPDATE resource SET document = json_set(document, '$.image.min_disk', 5, '$.zone', NULL)
    WHERE json_type(document, '$.image') = 'object';
UPDATE schema_version SET version = 99;
