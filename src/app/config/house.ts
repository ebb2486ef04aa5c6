import { isServerName } from '#protocol/identifiers.ts'
import { database } from './database.ts'
import { listeners } from './listeners.ts'
import { log } from './log.ts'
import { plugIns } from './plug-ins.ts'
import { rateLimits } from './rate-limits.ts'
import { registration } from './registration.ts'
import { optional, text } from './setting.ts'
import { tracing } from './tracing.ts'

/** Every section of the configuration, in the order of the sample. */
export const houseFields = {
  serverName: text({
    description:
      'The name of this server: what stands behind the colon in @user:example.org. It can never be changed once there are accounts. For a trial on one machine, localhost will do.',
    example: 'example.org',
    wanted: 'a server name, as example.org or example.org:8448',
    accept: isServerName,
  }),
  publicAddress: optional(
    text({
      description:
        'The address that clients are told to use. Without it: https:// and the server name, or for localhost the address of the first listener.',
      example: 'https://matrix.example.org',
      wanted: 'an address as https://matrix.example.org, without a path',
      accept: isBaseAddress,
    }),
  ),
  dataFolder: text({
    description: 'Where the signing key and the embedded database lie. Relative to this file.',
    otherwise: '.',
  }),
  listeners,
  database,
  registration,
  rateLimits,
  plugIns,
  log,
  tracing,
}

function isBaseAddress(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, pathname, search, hash } = new URL(value)
  return (protocol === 'https:' || protocol === 'http:') && pathname === '/' && search === '' && hash === ''
}
