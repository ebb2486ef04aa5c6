import { Failure } from '../failure.ts'
import { isTrial } from '../public-address.ts'
import { Note, type Patient } from './check.ts'
import { memberOf } from './json-member.ts'
import { findServer, type FoundServer } from './server-discovery.ts'

const notHere = 'This version of Tessera does not talk with other servers, so nothing has to answer there.'

/**
 * What other servers would find under our name. That nobody answers them is as it should be in this version; that
 * somebody does is wrong.
 */
export async function checkFederation({ config, outside }: Patient): Promise<Note> {
  const { serverName } = config
  if (isTrial(config)) return new Note('Other servers cannot find one that is called localhost.')
  let server: FoundServer
  try {
    server = await findServer(serverName, outside)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return new Note(`Where other servers would look for ${serverName} is not known: DNS does not answer (${why}).`)
  }
  const { authority, host, port, by } = server
  const heard = await outside.get(`https://${authority}/_matrix/federation/v1/version`, { host, port })
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const program = heard.why === undefined ? memberOf(heard.body, 'server') : undefined
  if (typeof program === 'object' && program !== null) {
    const { name, version } = program as Record<string, unknown>
    throw new Failure(
      `Other servers find ${String(name)} ${String(version)} at ${where} under the name ${serverName} (${by}): another homeserver has this name. ` +
        `Take it away or let it keep the name: two servers of one name break the rooms of both.`,
    )
  }
  const there = heard.why ?? 'answers something that is no homeserver'
  return new Note(`Other servers would call ${where} for ${serverName} (${by}); it ${there}. ${notHere}`)
}
