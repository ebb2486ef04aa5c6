import { write, writeSync } from 'node:fs'

import type { LogDestination } from './logger.ts'

/** Lines are written together after this time. */
const gatherMs = 50
/** A pipe that is full is tried again after this time; doubled each time up to the limit. */
const fullMsMin = 2
const fullMsMax = 64
/** Characters that wait to be written at most, and as many again on their way; lines beyond are counted and dropped. */
const waitingCharactersMax = 4_194_304
/** How long the end of the process waits for a reader that is behind. */
const lastWaitMsMax = 500
const lastWaitStepMs = 10

/**
 * Writes lines to a file descriptor, many at once and never on the way of a request. When the reader does not read, what
 * cannot wait is dropped, and how much it was is said when it flows again: a log that blocks stops nothing else, not even
 * the end of the process. A pipe has to be one that does not block.
 */
export class BufferedOutput implements LogDestination {
  readonly #fileDescriptor: number
  #waiting = ''
  /** What was taken to be written and is not yet. */
  #sending: Buffer = Buffer.alloc(0)
  #writing = false
  #timer: NodeJS.Timeout | undefined
  #fullMs = fullMsMin
  #dropped = 0
  #tellDropped: ((lines: number) => void) | undefined

  constructor(fileDescriptor: number) {
    this.#fileDescriptor = fileDescriptor
    process.on('exit', () => this.flush())
  }

  write(line: string): void {
    if (this.#waiting.length + line.length > waitingCharactersMax) {
      this.#dropped += 1
      return
    }
    this.#waiting += line
    this.#sendAfter(gatherMs)
  }

  /** Who writes a line about lines that were dropped. */
  whenDropped(tell: (lines: number) => void): void {
    this.#tellDropped = tell
  }

  /** Writes everything that waits before it returns, as far as somebody reads. */
  flush(): void {
    // What a thread of its own is at just now cannot be waited for here, nor overtaken.
    if (this.#writing) return
    const deadline = performance.now() + lastWaitMsMax
    while (this.#take().length > 0) {
      try {
        this.#sending = this.#sending.subarray(writeSync(this.#fileDescriptor, this.#sending))
      } catch (error) {
        // Whoever read is gone, or does not read, and there is nowhere else to say so.
        if (!isFull(error) || performance.now() > deadline) return
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lastWaitStepMs)
      }
    }
  }

  #sendAfter(ms: number): void {
    if (!this.#writing) this.#timer ??= setTimeout(() => this.#send(), ms).unref()
  }

  #send(): void {
    this.#timer = undefined
    const bytes = this.#take()
    if (bytes.length === 0) return
    this.#writing = true
    write(this.#fileDescriptor, bytes, (error, written) => {
      this.#writing = false
      if (isFull(error)) {
        this.#sendAfter(this.#fullMs)
        this.#fullMs = Math.min(this.#fullMs * 2, fullMsMax)
        return
      }
      this.#fullMs = fullMsMin
      // A pipe whose reader is gone takes nothing any more.
      this.#sending = error === null ? bytes.subarray(written) : Buffer.alloc(0)
      if (this.#sending.length > 0) this.#send()
      else if (this.#waiting !== '') this.#sendAfter(gatherMs)
    })
  }

  /** What is to be written next: the rest of what was taken before, else all that waits. */
  #take(): Buffer {
    if (this.#sending.length > 0) return this.#sending
    const text = this.#waiting
    this.#waiting = ''
    const dropped = this.#dropped
    this.#dropped = 0
    if (dropped > 0) this.#tellDropped?.(dropped)
    this.#sending = Buffer.from(text)
    return this.#sending
  }
}

function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'EAGAIN'
}
