import { DatabaseError } from '#storage/database-error.ts'
import { MatrixError } from '#protocol/errors.ts'
import { ConfigError } from './config.ts'

/** Something that the operator can mend: its message is all that has to be shown. */
export class Failure extends Error {}

/**
 * What went wrong in words for the operator, one line for each problem; undefined for an error that is a fault of the
 * program, whose stack is worth seeing.
 */
export function explain(error: unknown): string | undefined {
  if (error instanceof ConfigError) {
    const { file, problems } = error
    return problems.map((problem) => `${file === undefined ? '' : `${file}: `}${problem}`).join('\n')
  }
  if (error instanceof Failure || error instanceof MatrixError) return error.message
  if (error instanceof DatabaseError && error.kind !== 'usage') return `Database: ${error.message}`
  return explainSystem(error as NodeJS.ErrnoException)
}

function explainSystem(
  error: NodeJS.ErrnoException & { readonly address?: string; readonly port?: number },
): string | undefined {
  const where = error.address === undefined ? '' : `${error.address}:${error.port ?? ''}`
  if (error.syscall === 'listen' || error.syscall === 'bind' || error.syscall === 'getaddrinfo') {
    const why = listenFailures[error.code ?? ''] ?? error.message
    return `Cannot listen on ${where}: ${why}. Choose another with --listen ADDRESS:PORT, or under listeners in the configuration.`
  }
  if (error.path === undefined) return undefined
  const why = fileFailures[error.code ?? ''] ?? error.message
  return `${error.path}: ${why}.`
}

const listenFailures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses this port',
  EACCES: 'this port needs more rights than this user has',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such address',
}

const fileFailures: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read or write here',
  EPERM: 'this user may not read or write here',
  EROFS: 'the disk can only be read',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'is not in a folder',
  EEXIST: 'is there already',
  EISDIR: 'is a folder',
}
