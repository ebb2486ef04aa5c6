import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Logger } from '#observability/logger.ts'
import type { JsonObject } from '#protocol/json.ts'
import type { UnsignedAdder } from '#rooms/unsigned-additions.ts'
import type { Config } from './config.ts'
import { Failure } from './failure.ts'

/** How long a plug-in may take to begin. */
const beginningMsMax = 10_000

/** What a plug-in is given when it begins: docs/plug-ins.md. */
export interface PlugInHouse {
  readonly serverName: string
  /** What the configuration says under `settings`. */
  readonly settings: JsonObject
  readonly logger: Logger
}

/** What a plug-in may do; each member may be missing: docs/plug-ins.md. */
export interface PlugIn {
  readonly addToUnsigned?: UnsignedAdder['addToUnsigned']
}

/**
 * Loads the plug-ins that the configuration names, in their order, and lets each begin. Throws Failure for one that is
 * not there, has no `plugIn` function, or does not begin: a server without it would not be what its operator asked for.
 */
export async function loadPlugIns(deps: {
  readonly config: Pick<Config, 'plugIns' | 'dataFolder' | 'serverName'>
  readonly logger: Logger
}): Promise<readonly UnsignedAdder[]> {
  const { config, logger } = deps
  const adders: UnsignedAdder[] = []
  for (const { module: name, settings } of config.plugIns) {
    const house = { serverName: config.serverName, settings, logger: logger.child({ plugIn: name }) }
    const { addToUnsigned } = await begin(name, config.dataFolder, house)
    if (addToUnsigned !== undefined) adders.push({ name, addToUnsigned })
    logger.info('Plug-in begun', { plugIn: name })
  }
  return adders
}

async function begin(name: string, folder: string, house: PlugInHouse): Promise<PlugIn> {
  try {
    const file = createRequire(join(folder, 'plug-ins')).resolve(name)
    const { plugIn } = (await import(pathToFileURL(file).href)) as { readonly plugIn?: unknown }
    if (typeof plugIn !== 'function') throw new TypeError('it exports no function plugIn')
    const begun: unknown = await inTime(Promise.resolve(plugIn(house) as unknown))
    if (!isPlugIn(begun)) throw new TypeError('its function plugIn gives no plug-in')
    return begun
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)
    throw new Failure(`The plug-in ${name} cannot be used: ${why}.`)
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(new Error(`it did not begin within ${beginningMsMax} ms`))
  }, beginningMsMax)
  try {
    return await Promise.race([work, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

function isPlugIn(value: unknown): value is PlugIn {
  if (typeof value !== 'object' || value === null) return false
  const { addToUnsigned } = value as { readonly addToUnsigned?: unknown }
  return addToUnsigned === undefined || typeof addToUnsigned === 'function'
}
