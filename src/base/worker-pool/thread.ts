import { parentPort, workerData } from 'node:worker_threads'

/** The thread's side of `WorkerPool`: loads the one function it is there for, and answers each task in turn. */

const { module, exportName } = workerData as { readonly module: string; readonly exportName: string }
const loaded = (await import(module)) as Readonly<Record<string, unknown>>
const work = loaded[exportName] as (input: Uint8Array) => Uint8Array<ArrayBuffer>

parentPort?.on('message', ({ id, input }: { readonly id: number; readonly input: Uint8Array }) => {
  try {
    const output = work(input)
    parentPort?.postMessage({ id, output }, [output.buffer])
  } catch (error) {
    parentPort?.postMessage({ id, error: error instanceof Error ? error.message : String(error) })
  }
})
