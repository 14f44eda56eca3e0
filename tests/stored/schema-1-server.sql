-- What release 0.1.0 stored of a server.
INSERT INTO resource VALUES (1, '{"server":{"project_id":"e4ee5a9bdf934e35b62c8b995152feee","name":"web-1","vm_state":"active","task_state":null,"power_state":1,"locked":false,"launched":true,"created":"2026-01-02T03:04:05Z","metadata":{},"observed_at":"2026-03-04T05:06:07.123456Z"},"updated":"2026-11-21T20:49:38.640Z"}');
INSERT INTO item VALUES ('a b', '1'), ('clé', 'it''s "2"');
INSERT INTO operation VALUES
    (0, 'req-07cef8af-1b3a-4061-966f-317414ecf948', 1795294178640, 'created'),
    (1, 'req-7c737289-90f0-4185-882a-4a0e43df119f', 1795294178687, '');
