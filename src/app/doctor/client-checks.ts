import { Failure } from '../failure.ts'
import { isTrial } from '../public-address.ts'
import { daysLeft } from './certificate-checks.ts'
import { Note, type Patient } from './check.ts'
import { memberOf } from './json-member.ts'
import type { Heard } from './outside.ts'

/** Whether clients reach the running server where they are told that it is. */
export async function checkAddress(patient: Patient): Promise<string | Note> {
  if (patient.running === undefined) return new Note('The server does not run, so its address was not tried.')
  const { publicAddress } = patient.running
  const url = `${publicAddress}/_matrix/client/versions`
  const heard = await patient.outside.get(url)
  if (heard.why !== undefined)
    throw new Failure(`The server runs, but ${url} ${heard.why}. Clients are told this address: see public_address.`)
  const good = goodFor(patient, publicAddress, heard)
  if (!Array.isArray(memberOf(heard.body, 'versions')))
    throw new Failure(`The server runs, but something else answers at ${url}. See public_address.`)
  return `The server runs and answers at ${publicAddress}${good}.`
}

/** Whether the server name leads clients to the running server. */
export async function checkWellKnown(patient: Patient): Promise<string | Note> {
  const { serverName } = patient.config
  if (isTrial(patient.config)) return 'localhost has no well-known address, and needs none.'
  if (patient.running === undefined) return new Note(`Whether ${serverName} leads clients to the server was not tried.`)
  const { publicAddress } = patient.running
  const url = `https://${serverName}/.well-known/matrix/client`
  const heard = await patient.outside.get(url)
  const advice = `Let ${url} answer {"m.homeserver": {"base_url": "${publicAddress}"}}, or be passed on to the server.`
  if (heard.why !== undefined) throw new Failure(`${url} ${heard.why}. ${advice}`)
  const good = goodFor(patient, url, heard)
  const home = memberOf(heard.body, 'm.homeserver')
  const leads = typeof home === 'object' && home !== null ? (home as Record<string, unknown>)['base_url'] : undefined
  if (typeof leads !== 'string' || leads.replace(/\/$/, '') !== publicAddress)
    throw new Failure(`${url} leads ${typeof leads === 'string' ? `to ${leads}` : 'nowhere'}. ${advice}`)
  if (heard.headers['access-control-allow-origin'] !== '*')
    throw new Failure(`Clients in a browser may not read ${url}: let it answer with Access-Control-Allow-Origin: *`)
  return `${serverName} leads clients to ${publicAddress}${good}.`
}

/** Notes the clock of whoever answered; says how long its certificate is good. Throws Failure when it ends soon. */
function goodFor({ clock, clocks }: Patient, whose: string, { headers, certificateEndsMs }: Heard): string {
  const date = typeof headers['date'] === 'string' ? Date.parse(headers['date']) : Number.NaN
  if (!Number.isNaN(date)) clocks.push({ whose, aheadMs: date - clock.now() })
  if (certificateEndsMs === undefined) return ''
  return `, with a certificate that is good for ${daysLeft(`The certificate of ${whose}`, certificateEndsMs, clock.now())} days`
}
