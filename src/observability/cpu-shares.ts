import type { RequestContext } from './request-context.ts'

/** The thread's clock is not read more often than this without need. */
const restMs = 0.25

/**
 * The processor time of each request. What the thread uses is shared evenly by the requests that are being worked on: who
 * of them used it cannot be told, but the sum is right. One that waits for something to happen takes no share. Reading the
 * thread's clock takes a microsecond, and everything else is constant. The system moves that clock at its own ticks, of
 * some milliseconds: what it says of one short request is chance, of many together it is right. So it is not read again at
 * once while there is somebody left to whom the time since can be given.
 */
export class CpuShares {
  readonly #threadMicros: () => number
  readonly #wallMs: () => number
  #working = 0
  /** What one request has got that has been worked on from the start, in microseconds. */
  #share = 0
  /** What the thread's clock said when it was read last, and when that was. */
  #read: number
  #readAtMs: number

  constructor(threadMicros: () => number = threadCpuMicros, wallMs: () => number = () => performance.now()) {
    this.#threadMicros = threadMicros
    this.#wallMs = wallMs
    this.#read = threadMicros()
    this.#readAtMs = wallMs()
  }

  /** Work on a request begins, or goes on. */
  begin(context: RequestContext): void {
    this.#advance(this.#working > 0)
    this.#working += 1
    context.cpuSince = this.#share
  }

  /** Work on it is over, or rests. */
  end(context: RequestContext): void {
    this.#advance(this.#working > 1)
    this.#working -= 1
    context.cpuMs += (this.#share - context.cpuSince) / 1000
  }

  #advance(mayWait: boolean): void {
    const wallMs = this.#wallMs()
    if (mayWait && wallMs - this.#readAtMs < restMs) return
    this.#readAtMs = wallMs
    const now = this.#threadMicros()
    if (this.#working > 0) this.#share += (now - this.#read) / this.#working
    this.#read = now
  }
}

function threadCpuMicros(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

const shares = new CpuShares()

/** Work on a request begins. */
export function beginWork(context: RequestContext): void {
  shares.begin(context)
}

/** Work on a request is over. */
export function endWork(context: RequestContext): void {
  shares.end(context)
}

/**
 * Waits for something to happen, as a long poll does, on behalf of the request that `context` is of: meanwhile it uses no processor
 * time, and what it waits is not time that we took.
 */
export async function rest<T>(context: RequestContext | undefined, wait: () => Promise<T>): Promise<T> {
  if (context === undefined || context.background) return wait()
  const since = performance.now()
  shares.end(context)
  try {
    return await wait()
  } finally {
    shares.begin(context)
    context.restedMs += performance.now() - since
  }
}
