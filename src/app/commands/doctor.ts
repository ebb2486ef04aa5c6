import { exitCode, houseOptions, type Command } from '../command.ts'
import type { Config } from '../config.ts'
import { controlSocketPath, operatorBehind } from '../control-socket.ts'
import {
  checkAddress,
  checkCertificates,
  checkClock,
  checkDatabase,
  checkFolder,
  checkKey,
  checkWellKnown,
  configFileCheck,
  type Check,
} from '../doctor-checks.ts'
import { explain } from '../failure.ts'
import type { Terminal } from '../terminal.ts'
import { findHouse } from '../which-house.ts'

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
    const always = [configFileCheck(configFile), checkFolder, checkKey, checkCertificates, checkClock]
    // The embedded database is the running server's alone.
    const database = isRunning && config.database.url.startsWith('sqlite:') ? [] : [checkDatabase]
    const checks = [...always, ...database, ...(isRunning ? [checkAddress, checkWellKnown] : [])]
    let wrong = 0
    for (const check of checks) if (!(await holds(check, config, terminal))) wrong += 1
    if (!isRunning) terminal.print('note   The server does not run, so its address was not tried.')
    return wrong === 0 ? exitCode.fine : exitCode.failed
  },
}

async function holds(check: Check, config: Config, terminal: Terminal): Promise<boolean> {
  try {
    terminal.print(`fine   ${await check(config)}`)
    return true
  } catch (error) {
    terminal.print(`WRONG  ${explain(error) ?? String(error)}`)
    return false
  }
}
