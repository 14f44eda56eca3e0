-- What release 0.1.0 stored of an image.
INSERT INTO resource VALUES (1, '{"image":{"project_id":"e4ee5a9bdf934e35b62c8b995152feee","name":"debian","status":"active","visibility":"shared","members":["0a1b"],"created":"2026-01-02T03:04:05Z","metadata":{}},"updated":"2026-11-21T20:49:38.677Z"}');
INSERT INTO item VALUES ('a b', '1');
INSERT INTO operation VALUES
    (0, 'req-c1e7b0fc-1990-42b8-8688-e53db2e234ea', 1795294178677, 'created'),
    (1, 'req-021168f0-739c-4f81-975b-ed1657c4f3de', 1795294178691, '');
