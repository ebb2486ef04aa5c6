/**
 * matrix-js-sdk leaves the timer of every request's own time-out (some 80 s) behind, which would keep a test's process
 * alive long after its last step. Imported before the client, this lets the process end while such timers run.
 */
const timerMsMax = 30_000

const start = setTimeout
const startUnref = (callback: (...given: unknown[]) => void, ms?: number, ...given: unknown[]): NodeJS.Timeout => {
  const timer = start(callback, ms, ...given)
  return (ms ?? 0) > timerMsMax ? timer.unref() : timer
}
Object.assign(globalThis, { setTimeout: Object.assign(startUnref, start) })
