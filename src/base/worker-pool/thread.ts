import { parentPort, workerData } from 'node:worker_threads'
import type { ThreadWork } from '../worker-pool.ts'

/** The thread's side of `WorkerPool`: loads the one function it is there for, and answers each task in turn. */

type Tell = (message: string, fields?: Readonly<Record<string, unknown>>) => void

const { module, exportName } = workerData as { readonly module: string; readonly exportName: string }
const loaded = (await import(module)) as Readonly<Record<string, unknown>>
const work = loaded[exportName] as (input: Uint8Array, tell: Tell) => Uint8Array<ArrayBuffer>

parentPort?.on('message', ({ id, input }: { readonly id: number; readonly input: Uint8Array }) => {
  const told: ThreadWork['told'][number][] = []
  const before = process.threadCpuUsage()
  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage(before)
    return (user + system) / 1000
  }
  try {
    const output = work(input, (message, fields = {}) => void told.push({ message, fields }))
    parentPort?.postMessage({ id, output, cpuMs: cpuMs(), told }, [output.buffer])
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    parentPort?.postMessage({ id, error: text, cpuMs: cpuMs(), told })
  }
})
