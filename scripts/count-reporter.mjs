// A reporter for node's test runner that writes how many tests passed, failed and were skipped, as JSON.

/** @param {AsyncIterable<import("node:test/reporters").TestEvent>} events */
export default async function* countReporter(events) {
  for await (const { type, data } of events) {
    // Each file has a summary of its own; the one of the whole run names no file.
    if (type !== "test:summary" || data.file !== undefined) continue;
    const { tests, passed, skipped, todo } = data.counts;
    yield JSON.stringify({ passed, failed: tests - passed - skipped - todo, skipped: skipped + todo });
  }
}
