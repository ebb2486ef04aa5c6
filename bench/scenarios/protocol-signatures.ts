import { WorkerPool } from '#base/worker-pool.ts'
import { sign } from '#protocol/crypto.ts'
import { checkSignatures, packSignatureChecks } from '#protocol/signature-batch.ts'
import { newSigningKey } from '#protocol/signing-keys.ts'
import { type CoreScenario, median } from '../kit/core-scenario.ts'
import type { Figures } from '../kit/measure.ts'

/** Checks in a batch, as one transaction of another server brings them. */
const batchChecks = 50
const batches = 200
const threads = 2
const rounds = 5

async function signatures(): Promise<Figures> {
  const key = newSigningKey()
  const checks = Array.from({ length: batchChecks }, (_, index) => {
    const text = `{"body":"${'x'.repeat(500)}","number":${index}}`
    return { text, signature: sign(text, key.secretKey), publicKey: key.publicKey }
  })
  const module = new URL('../../src/protocol/signature-batch.ts', import.meta.url)
  const pool = new WorkerPool({ module, exportName: 'checkSignatures', threads })
  const onThreads = async (): Promise<void> => {
    const packed = Array.from({ length: batches }, () => packSignatureChecks(checks))
    await Promise.all(packed.map(async (batch) => await pool.run(batch)))
  }
  const here = (): void => {
    for (let index = 0; index < batches; index += 1) checkSignatures(packSignatureChecks(checks))
  }
  try {
    return { onePerSecond: await perSecond(here), twoThreadsPerSecond: await perSecond(onThreads) }
  } finally {
    await pool.close()
  }
}

async function perSecond(run: () => void | Promise<void>): Promise<number> {
  await run()
  const rates: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now()
    await run()
    rates.push((batches * batchChecks * 1000) / (performance.now() - started))
  }
  return median(rates)
}

/** Ed25519 checks, packed and handed over in batches, on the main thread and on two others. */
export const signatureScenario: CoreScenario = {
  name: 'protocol-signatures',
  about: `signatures of 500 bytes, in batches of ${batchChecks}`,
  targets: { onePerSecond: { min: 20_000 }, twoThreadsPerSecond: { min: 35_000 } },
  run: signatures,
}
