import { write, writeSync } from 'node:fs'

/** Lines are written together after this time. */
const gatherMs = 50
/** Characters that wait to be written at most; lines beyond are counted and dropped. */
const waitingCharactersMax = 4_194_304
/** A write that takes longer is taken for blocked: whoever should read does not. */
const blockedMs = 1_000

/**
 * Writes lines to a file descriptor, many at once and never on the way of a request. When the reader does not read, what
 * cannot wait is dropped, and how much it was is said later: a log that blocks stops nothing else.
 */
export class BufferedOutput {
  readonly #fileDescriptor: number
  #waiting = ''
  #timer: NodeJS.Timeout | undefined
  #writingSince: number | undefined
  #dropped = 0

  constructor(fileDescriptor: number) {
    this.#fileDescriptor = fileDescriptor
    process.on('exit', () => this.flush())
  }

  /** Takes a line to write soon; counts it as dropped when too much waits already. */
  write(line: string): void {
    if (this.#waiting.length + line.length > waitingCharactersMax) {
      this.#dropped += 1
      return
    }
    this.#waiting += line
    if (this.#writingSince === undefined) this.#timer ??= setTimeout(() => this.#send(), gatherMs).unref()
  }

  /** Writes everything that waits before it returns, unless nobody reads. */
  flush(): void {
    const blocked = this.#writingSince !== undefined && performance.now() - this.#writingSince > blockedMs
    if (blocked || this.#waiting === '') return
    const text = this.#take()
    try {
      writeSync(this.#fileDescriptor, text)
    } catch {
      // Whoever read is gone, and there is nowhere else to say so.
    }
  }

  #send(): void {
    this.#timer = undefined
    if (this.#waiting === '') return
    this.#writingSince = performance.now()
    this.#continue(Buffer.from(this.#take()))
  }

  #continue(bytes: Buffer): void {
    write(this.#fileDescriptor, bytes, (error, written) => {
      // A pipe that is full for now: the rest is sent a little later.
      if (error?.code === 'EAGAIN') setTimeout(() => this.#continue(bytes), gatherMs)
      else if (error === null && written < bytes.length) this.#continue(bytes.subarray(written))
      else {
        this.#writingSince = undefined
        if (this.#waiting !== '') this.#timer ??= setTimeout(() => this.#send(), gatherMs).unref()
      }
    })
  }

  #take(): string {
    const lost =
      this.#dropped === 0 ? '' : `(${this.#dropped} lines of the log were dropped: nobody read them in time)\n`
    const text = lost + this.#waiting
    this.#dropped = 0
    this.#waiting = ''
    return text
  }
}
