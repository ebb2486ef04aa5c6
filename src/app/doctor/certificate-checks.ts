import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { Failure } from '../failure.ts'
import { publicAddressOf } from '../public-address.ts'
import type { Patient } from './check.ts'

/** A certificate that ends sooner should have been renewed by now. */
const certificateDaysMin = 14
const dayMs = 86_400_000

/**
 * How many days a certificate is good for. Throws Failure, with what to do, when they are so few that it should have
 * been renewed.
 */
export function daysLeft(whose: string, endsMs: number, nowMs: number): number {
  const days = Math.floor((endsMs - nowMs) / dayMs)
  if (days < 0) throw new Failure(`${whose} has ended ${-days} days ago: renew it${then}`)
  if (days < certificateDaysMin) throw new Failure(`${whose} ends in ${days} days: renew it${then}`)
  return days
}

const then = ', then send the server SIGHUP if it is the one that serves it.'

/** Whether the certificates of listeners are good for a while, belong to their keys, and name the server. */
export function checkCertificates({ config, clock }: Patient): string {
  let soonest = Infinity
  for (const { tls } of config.listeners) {
    if (tls === undefined) continue
    const certificate = new X509Certificate(readFileSync(tls.certificate))
    if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(tls.key))))
      throw new Failure(`${tls.key} is not the key of ${tls.certificate}: name those that belong together.`)
    if (process.platform !== 'win32' && (statSync(tls.key).mode & 0o007) !== 0)
      throw new Failure(`${tls.key} can be read by everybody: chmod 600 it.`)
    if (Date.parse(certificate.validFrom) > clock.now())
      throw new Failure(
        `${tls.certificate} is not good yet: it begins at ${certificate.validFrom}. Is the clock right?`,
      )
    soonest = Math.min(soonest, daysLeft(tls.certificate, Date.parse(certificate.validTo), clock.now()))
    const { hostname } = new URL(publicAddressOf(config, undefined))
    const isNamed = /^[\d.]+$|^\[/.test(hostname)
      ? certificate.checkIP(hostname.replace(/^\[(.*)\]$/, '$1'))
      : certificate.checkHost(hostname)
    if (isNamed === undefined)
      throw new Failure(
        `${tls.certificate} is not for ${hostname}, which clients are told to use: get one for it, or see public_address.`,
      )
  }
  if (soonest === Infinity) return 'No listener has a certificate: what is in front of the server has.'
  return `The certificates of the listeners are good for ${soonest} days.`
}
