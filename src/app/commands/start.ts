import { exitCode, houseOptions, type Arguments, type Command } from '../command.ts'
import { giveBackMemory } from '../give-back-memory.ts'
import { openHomeserver, type Homeserver } from '../homeserver.ts'
import { explain } from '../failure.ts'
import { programVersion } from '../program-version.ts'
import { ServiceNotice } from '../service-notice.ts'
import { untilToldToStop } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'
import { changeOptions, findHouse, findOrMakeHouse, type House } from '../which-house.ts'
import { createLogger, logTo, type Logger } from '#observability/logger.ts'

/** When the start is surely over, and clients that waited for it have had their first answers. */
const settledMs = 1_000

/** Runs the homeserver until it is told to stop. */
export const start: Command = {
  name: 'start',
  about: `Runs the homeserver. The first time, it makes a folder with configuration, signing key and database; what the
options say is kept in that configuration. Later, options stand above the configuration for this run.`,
  positionals: [],
  options: { ...houseOptions, ...changeOptions },
  run: async (given, terminal) => {
    const house = findOrMakeHouse(given)
    const { config } = house
    const logger = createLogger({ ...config.log, destination: logTo(1) })
    const stop = untilToldToStop(logger)
    let opened: Homeserver | undefined
    // From the first moment on: by itself the signal would end the process.
    process.on('SIGHUP', () => void (opened !== undefined && reread(given, opened, logger)))
    const homeserver = (opened = await openHomeserver(config, logger))
    announce(house, homeserver, config.log.format === 'text' ? terminal : inLog(logger))
    const notice = new ServiceNotice()
    await notice.ready()
    setTimeout(giveBackMemory, settledMs).unref()
    const reason = await stop
    logger.info('Stopping', { reason: reason.name })
    await Promise.all([notice.stopping(), homeserver.close()])
    logger.info('Stopped')
    return reason.isFault ? exitCode.failed : exitCode.fine
  },
}

/** Reads the configuration again; one that cannot be used changes nothing. */
async function reread(given: Arguments, homeserver: Homeserver, logger: Logger): Promise<void> {
  try {
    await homeserver.reload(findHouse(given).config)
  } catch (error) {
    logger.error('The configuration cannot be used, and the one before stays in force', {
      problem: explain(error) ?? String(error),
    })
  }
}

/** Says where everything is and what to do next. */
function announce(
  { config, configFile, isNew }: House,
  homeserver: Homeserver,
  terminal: Pick<Terminal, 'print'>,
): void {
  const { print } = terminal
  const { addresses, firstAdminToken } = homeserver
  const page = pageAddress(addresses[0] ?? homeserver.publicAddress)
  print(`Tessera ${programVersion()} serves ${config.serverName}.`)
  print(`  Listens on     ${addresses.join(', ')}`)
  print(`  Data           ${config.dataFolder} ${isNew ? '(made just now)' : '(kept from before)'}`)
  print(`  Configuration  ${configFile}`)
  if (firstAdminToken === undefined) {
    print(`Nothing is left to do: open ${page} to see which clients there are.`)
    return
  }
  print('There is no account yet. To make the first one, which administers the server, open')
  print(`  ${page}`)
  print('and give this token, which works once:')
  print(`  ${firstAdminToken}`)
}

/** The address to type on this machine for one that is listened on. */
function pageAddress(address: string): string {
  return address.replace(/\/\/(127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?=:|$)/, '//localhost')
}

/** For programs that read the log, what would be printed are lines of the log. */
function inLog(logger: Logger): Pick<Terminal, 'print'> {
  return { print: (line) => logger.info(line.trim()) }
}
