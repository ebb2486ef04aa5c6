import { readFile } from 'node:fs/promises'

/** Certificate and key of a listener, in PEM. Throws Node's error for a file that cannot be read. */
export async function readTls(files: {
  readonly certificate: string
  readonly key: string
}): Promise<{ certificate: string; key: string }> {
  const [certificate, key] = await Promise.all([readFile(files.certificate, 'utf8'), readFile(files.key, 'utf8')])
  return { certificate, key }
}
