import { accessSync, constants, statSync } from 'node:fs'
import { request } from 'undici'
import { silentLogger } from '#observability/logger.ts'
import { exitCode, houseOptions, type Command } from '../command.ts'
import type { Config } from '../config.ts'
import { controlSocketPath, operatorBehind } from '../control-socket.ts'
import { explain, Failure } from '../failure.ts'
import { layGround } from '../floors/ground.ts'
import { openStorage } from '../floors/storage.ts'
import { openSigningKey, signingKeyFile } from '../signing-key-file.ts'
import type { Terminal } from '../terminal.ts'
import { findHouse } from '../which-house.ts'

/** How long the server may take to answer. */
const answerMsMax = 5_000

/** Looks for what is wrong with an installation. */
export const doctor: Command = {
  name: 'doctor',
  about: 'Looks at configuration, files, database and the running server, and says what is wrong. Changes nothing.',
  positionals: [],
  options: houseOptions,
  run: async (given, terminal) => {
    const { config, configFile } = findHouse(given)
    terminal.print(`fine   The configuration ${configFile} can be used.`)
    const socket = controlSocketPath(config.dataFolder)
    const isRunning = socket !== undefined && (await operatorBehind(socket)) !== undefined
    const checks = [checkFolder, checkKey, isRunning ? checkAddress : checkDatabase]
    let wrong = 0
    for (const check of checks) if (!(await holds(check, config, terminal))) wrong += 1
    if (!isRunning) terminal.print('note   The server does not run, so its address was not tried.')
    return wrong === 0 ? exitCode.fine : exitCode.failed
  },
}

/** Gives what is fine; throws what is wrong. */
type Check = (config: Config) => string | Promise<string>

async function holds(check: Check, config: Config, terminal: Terminal): Promise<boolean> {
  try {
    terminal.print(`fine   ${await check(config)}`)
    return true
  } catch (error) {
    terminal.print(`WRONG  ${explain(error) ?? String(error)}`)
    return false
  }
}

function checkFolder({ dataFolder }: Config): string {
  accessSync(dataFolder, constants.R_OK | constants.W_OK)
  return `The data folder ${dataFolder} can be read and written.`
}

function checkKey({ dataFolder }: Config): string {
  const file = signingKeyFile(dataFolder)
  const { mode } = statSync(file)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new Failure(`${file} can be read by others: chmod 600 it.`)
  return `The signing key ${openSigningKey(dataFolder).keyId} is there.`
}

async function checkDatabase(config: Config): Promise<string> {
  const { database } = await openStorage(layGround(config, silentLogger))
  await database.close()
  return `The database (${database.engine}) opens and is of this version.`
}

async function checkAddress(config: Config): Promise<string> {
  const { publicAddress } = layGround(config, silentLogger)
  const url = `${publicAddress}/_matrix/client/versions`
  const why = await request(url, { headersTimeout: answerMsMax, bodyTimeout: answerMsMax }).then(
    async ({ statusCode, body }) => (await body.text(), statusCode === 200 ? undefined : `answers ${statusCode}`),
    (error: Error) => `does not answer (${error.message})`,
  )
  if (why !== undefined)
    throw new Failure(`The server runs, but ${url} ${why}. Clients are told this address: see public_address.`)
  return `The server runs and answers at ${publicAddress}.`
}
