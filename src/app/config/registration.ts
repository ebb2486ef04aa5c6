import { section } from './section.ts'
import { oneOf, optional, text } from './setting.ts'

export const registrationModes = ['open', 'token', 'closed'] as const

/** Characters below which a shared secret can be guessed. */
const sharedSecretLengthMin = 16

/** Who may make an account. */
export const registration = section('Who may make an account.', {
  mode: oneOf(registrationModes, {
    description:
      'open: anybody who can reach the server.\ntoken: whoever has a registration token that an administrator gave out.\nclosed: nobody; accounts are made with `tessera user create`.',
    otherwise: 'token',
  }),
  sharedSecret: optional(
    text({
      description:
        'With this secret, scripts make accounts by /_synapse/admin/v1/register, whatever the mode. Keep it to yourself.',
      example: 'a long random text',
      secret: true,
      wanted: `a text of at least ${sharedSecretLengthMin} characters`,
      accept: (value) => value.length >= sharedSecretLengthMin,
    }),
  ),
})
