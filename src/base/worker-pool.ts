import { AsyncLocalStorage } from 'node:async_hooks'
import { Worker } from 'node:worker_threads'

/** What was done on a thread. */
export interface ThreadWork {
  /** Processor time that it took there, in milliseconds. */
  readonly cpuMs: number
  /** What the function had to say, each with facts that can be cloned. */
  readonly told: readonly { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[]
}

/** What a pool runs: a function of a module, from bytes to bytes, and on how many threads. */
export interface WorkerPoolOptions {
  readonly module: URL
  /**
   * The name under which the module exports it. It must not await anything. Beside the bytes it is given
   * `tell(message, fields)`, for what the log should have.
   */
  readonly exportName: string
  readonly threads: number
  /** Called here when a task has been done, for whom it was handed in: log lines and counts made in it are theirs. */
  readonly onWork?: (work: ThreadWork) => void
  /** How many tasks may wait or run at once; `run` throws beyond that. */
  readonly tasksMax?: number
}

interface Task {
  readonly resolve: (output: Uint8Array) => void
  readonly reject: (error: Error) => void
  /** Runs something on behalf of whoever handed the task in. */
  readonly inContext: <R>(fn: () => R) => R
}

interface Thread {
  readonly worker: Worker
  readonly tasks: Map<number, Task>
}

interface Answer extends ThreadWork {
  readonly id: number
  readonly output?: Uint8Array
  readonly error?: string
}

/**
 * Threads that run one pure function, so that long computing does not hold up everything else. Bytes go there and come
 * back without being copied. Threads start with the first task, keep no process alive, and are replaced when they die.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #threads: Thread[] = []
  #nextId = 1
  #closed = false

  constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  /**
   * Runs the function on a thread. `input` must have memory of its own, and is gone here afterwards. Rejects with what
   * the function threw, and with Error when too much waits, when the thread died, and after `close`.
   */
  async run(input: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    if (this.#closed) throw new Error('the worker pool is closed')
    const waiting = this.#threads.reduce((sum, { tasks }) => sum + tasks.size, 0)
    if (waiting >= (this.#options.tasksMax ?? 1_000)) throw new Error('too many tasks wait for a worker thread')
    const thread = this.#leastBusy()
    const id = this.#nextId++
    return await new Promise((resolve, reject) => {
      thread.tasks.set(id, { resolve, reject, inContext: AsyncLocalStorage.snapshot() })
      thread.worker.ref()
      thread.worker.postMessage({ id, input }, [input.buffer])
    })
  }

  /** Ends all threads; what they were at is rejected. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #leastBusy(): Thread {
    const idle = this.#threads.find(({ tasks }) => tasks.size === 0)
    if (idle !== undefined) return idle
    if (this.#threads.length < this.#options.threads) return this.#start()
    return this.#threads.reduce((least, thread) => (thread.tasks.size < least.tasks.size ? thread : least))
  }

  #start(): Thread {
    const { module, exportName } = this.#options
    const workerData = { module: module.href, exportName }
    const worker = new Worker(new URL('./worker-pool/thread.ts', import.meta.url), { workerData })
    const thread: Thread = { worker, tasks: new Map() }
    worker.unref()
    worker.on('message', ({ id, output, error, cpuMs, told }: Answer) => {
      const task = thread.tasks.get(id)
      thread.tasks.delete(id)
      if (thread.tasks.size === 0) worker.unref()
      task?.inContext(() => this.#options.onWork?.({ cpuMs, told }))
      if (output === undefined) task?.reject(new Error(error))
      else task?.resolve(output)
    })
    worker.on('error', (error) => this.#gone(thread, error instanceof Error ? error : new Error(String(error))))
    worker.on('exit', () => this.#gone(thread, new Error('the worker thread ended')))
    this.#threads.push(thread)
    return thread
  }

  #gone(thread: Thread, error: Error): void {
    const at = this.#threads.indexOf(thread)
    if (at >= 0) this.#threads.splice(at, 1)
    for (const task of thread.tasks.values()) task.reject(error)
    thread.tasks.clear()
  }
}
