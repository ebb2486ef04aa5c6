import { serverNameOf } from '#protocol/identifiers.ts'
import type { Session } from '#users/sessions.ts'

/** A session as /login and /register tell it. `home_server` is deprecated and still read by older clients. */
export function sessionAnswer(session: Session): object {
  return {
    user_id: session.userId,
    device_id: session.deviceId,
    home_server: serverNameOf(session.userId),
    ...tokensAnswer(session),
  }
}

/** The tokens of a session; those that it does not have are left out. */
export function tokensAnswer(session: Session): object {
  return {
    access_token: session.accessToken,
    ...(session.refreshToken === undefined ? {} : { refresh_token: session.refreshToken }),
    ...(session.expiresInMs === undefined ? {} : { expires_in_ms: session.expiresInMs }),
  }
}
