import { isIP } from 'node:net'
import { isServerName } from '#protocol/identifiers.ts'
import { memberOf } from './json-member.ts'
import type { Outside, Place } from './outside.ts'

const defaultPort = 8_448

/** Where other servers would call a server. */
export interface FoundServer extends Place {
  /** The name that its certificate has to have, and that requests name as their host. */
  readonly authority: string
  /** How it was found, as the part of a sentence. */
  readonly by: string
}

/**
 * Goes the way that other servers go from a server name to an address.
 * https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names
 */
export async function findServer(serverName: string, outside: Outside): Promise<FoundServer> {
  const { host, port } = splitName(serverName)
  // 1. and 2. An address, or a name with a port, is taken as it is.
  if (isIP(host) !== 0) return found(serverName, { host, port: port ?? defaultPort }, 'the address is its name')
  if (port !== undefined) return found(serverName, { host, port }, 'its name says the port')
  // 3. Another name may stand under the well-known address, and goes the same way from there but for that address.
  const url = `https://${serverName}/.well-known/matrix/server`
  const heard = await outside.get(url)
  const delegated = heard.why === undefined ? memberOf(heard.body, 'm.server') : undefined
  if (typeof delegated === 'string' && isServerName(delegated)) {
    const other = splitName(delegated)
    const by = `${url} names ${delegated}`
    if (isIP(other.host) !== 0 || other.port !== undefined)
      return found(delegated, { host: other.host, port: other.port ?? defaultPort }, by)
    return byService(delegated, outside, by)
  }
  // 4. to 6.
  return byService(serverName, outside, heard.why === undefined ? `${url} names no server` : `${url} ${heard.why}`)
}

/** The SRV records of a name, today's before those of old; without any, the name itself at the usual port. */
async function byService(name: string, outside: Outside, before: string): Promise<FoundServer> {
  for (const service of ['_matrix-fed._tcp', '_matrix._tcp']) {
    const [place] = await outside.services(`${service}.${name}`)
    if (place !== undefined) return found(name, place, `${before}, and the SRV record ${service}.${name} leads there`)
  }
  return found(name, { host: name, port: defaultPort }, `${before}, there is no SRV record, and that port is the usual`)
}

function found(authority: string, place: Place, by: string): FoundServer {
  return { ...place, authority, by }
}

function splitName(name: string): { readonly host: string; readonly port: number | undefined } {
  const { bare, braced, port } = /^(?:\[(?<braced>.*)\]|(?<bare>[^:]*))(?::(?<port>\d+))?$/.exec(name)?.groups ?? {}
  return { host: braced ?? bare ?? name, port: port === undefined ? undefined : Number(port) }
}
