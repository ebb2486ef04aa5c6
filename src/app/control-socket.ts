import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { RateLimits } from '#http/rate-limits.ts'
import { createServer, type HttpServer } from '#http/server.ts'
import { MatrixError, type ErrorCode } from '#protocol/errors.ts'
import { Failure } from './failure.ts'
import type { Ground } from './floors/ground.ts'
import { operatorPaths, operatorRoutes, type Operator } from './operator.ts'

/** Longest path that a Unix socket can have everywhere. */
const socketPathBytesMax = 100

/** Where commands reach the running server; undefined where there can be no such socket. */
export function controlSocketPath(dataFolder: string): string | undefined {
  const path = join(dataFolder, 'control.sock')
  return process.platform === 'win32' || Buffer.byteLength(path) > socketPathBytesMax ? undefined : path
}

/**
 * Opens the socket by which commands of the same user on the same machine ask the running server; undefined where there
 * can be none. Only to be called by the process that has the database, so that a socket left behind is nobody's.
 */
export async function openControlSocket(ground: Ground, operator: Operator): Promise<HttpServer | undefined> {
  const path = controlSocketPath(ground.config.dataFolder)
  if (path === undefined) return undefined
  const { clock, logger } = ground
  const nobody = {
    requesterOf: () => Promise.reject(new Error('no tokens here')),
    isAdmin: () => false,
    nameOf: () => '',
  }
  const limits = new RateLimits({ clock, settings: {} })
  const server = createServer({ routes: operatorRoutes(operator), doorkeeper: nobody, limits, clock, logger })
  rmSync(path, { force: true })
  await server.listen({ path })
  chmodSync(path, 0o600)
  return server
}

/**
 * Throws Failure when a running server has this data folder. The embedded database says so by itself; with PostgreSQL
 * this is how two servers do not write side by side by mistake.
 */
export async function refuseSecondServer(dataFolder: string): Promise<void> {
  const path = controlSocketPath(dataFolder)
  if (path === undefined || (await operatorBehind(path)) === undefined) return
  throw new Failure(`${dataFolder} is in use by another process: stop that one first.`)
}

/** An operator whose work is done by the server behind a control socket. Undefined when nobody is there. */
export async function operatorBehind(path: string): Promise<Operator | undefined> {
  try {
    await ask(path, '/', {})
  } catch (error) {
    if (!(error instanceof MatrixError)) return undefined
  }
  return {
    createUser: (user, password, admin) => ask(path, operatorPaths.createUser, { user, password, admin }),
    setPassword: (user, password) => ask(path, operatorPaths.setPassword, { user, password }),
    createToken: (uses) => ask(path, operatorPaths.createToken, { uses }),
    publicAddress: () => ask(path, operatorPaths.publicAddress, {}),
  }
}

/** One question to the running server. Throws the MatrixError it answers, or Node's error when it is not there. */
async function ask(socketPath: string, path: string, body: object): Promise<string> {
  const text = await new Promise<string>((resolve, reject) => {
    const question = process.getBuiltinModule('node:http').request({ socketPath, path, method: 'POST' }, (response) => {
      let answer = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (answer += part))
      response.on('end', () => resolve(answer))
      response.on('error', reject)
    })
    question.on('error', reject)
    question.end(JSON.stringify(body))
  })
  const answer = JSON.parse(text) as { result?: string; errcode?: ErrorCode; error?: string }
  if (answer.result !== undefined) return answer.result
  throw new MatrixError(answer.errcode ?? 'M_UNKNOWN', answer.error ?? 'The server gave no answer.')
}
