// What npm starts, it does not end when it is killed itself.

const EVERY_MS = 250;

/**
 * Calls back once the process that started this one is gone, where that is npm: somebody who starts a script by
 * hand may well leave it running.
 * @param {() => void} callback
 */
export function onceNpmIsGone(callback) {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, EVERY_MS);
  timer.unref();
}
