import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Makes a key and a certificate signed with it, good for `name` and localhost; gives the two files, in PEM. */
export function makeCertificate(folder: string, name: string, days = 30): { certificate: string; key: string } {
  const files = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.key]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name},DNS:localhost,IP:127.0.0.1`]
  execFileSync('openssl', ['req', '-x509', ...key, '-out', files.certificate, '-days', String(days), ...subject], {
    stdio: 'ignore',
  })
  return files
}
