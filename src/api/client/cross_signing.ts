import { Type } from '#http/schema.ts'
import { Answer, type Route } from '#http/route.ts'
import type { CrossSigning } from '#users/cross-signing.ts'
import type { KeySignatures } from '#users/key-signatures.ts'
import type { Requester } from '#users/requester.ts'
import { passwordFlows, type UiAuth } from '#users/ui-auth.ts'
import { route } from '../route.ts'
import { jsonObject } from '../schemas.ts'

const uploadOperation = 'POST /keys/device_signing/upload'

/** Cross-signing keys, and the signatures made with them. */
export function crossSigningRoutes(deps: {
  readonly crossSigning: CrossSigning
  readonly keySignatures: KeySignatures
  readonly uiAuth: UiAuth
}): Route<Requester>[] {
  return [
    // POST /_matrix/client/v3/keys/device_signing/upload https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload
    route({
      method: 'POST',
      path: '/_matrix/client/v3/keys/device_signing/upload',
      aliases: ['/_matrix/client/unstable/keys/device_signing/upload'],
      auth: 'user',
      limit: 'keys',
      body: Type.Object({
        master_key: Type.Optional(jsonObject),
        self_signing_key: Type.Optional(jsonObject),
        user_signing_key: Type.Optional(jsonObject),
        auth: Type.Optional(jsonObject),
      }),
      handler: async ({ requester, body }) => {
        const { userId } = requester
        const keys = {
          master: body.master_key,
          selfSigning: body.self_signing_key,
          userSigning: body.user_signing_key,
        }
        const verdict = await deps.crossSigning.upload(userId, keys, { authenticated: false })
        if (verdict === 'stored') return {}
        const proof = { operation: uploadOperation, body: { ...body }, userId, flows: passwordFlows }
        const outcome = await deps.uiAuth.require(proof)
        if (!outcome.complete) return new Answer(401, outcome.body)
        await deps.crossSigning.upload(userId, keys, { authenticated: true })
        return {}
      },
    }),
    // POST /_matrix/client/v3/keys/signatures/upload https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload
    route({
      method: 'POST',
      path: '/_matrix/client/v3/keys/signatures/upload',
      aliases: ['/_matrix/client/unstable/keys/signatures/upload'],
      auth: 'user',
      limit: 'keys',
      body: jsonObject,
      handler: async ({ requester, body }) => ({ failures: await deps.keySignatures.upload(requester.userId, body) }),
    }),
  ]
}
