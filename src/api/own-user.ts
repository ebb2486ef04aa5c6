import { MatrixError } from '#protocol/errors.ts'
import { parseUserId, type UserId } from '#protocol/identifiers.ts'
import type { Requester } from '#users/requester.ts'

/**
 * The user id in a path that may only be the requester's own. Throws M_INVALID_PARAM when it is none, M_FORBIDDEN when
 * it is another user's.
 */
export function ownUserId(requester: Requester, userId: string): UserId {
  if (parseUserId(userId) !== requester.userId)
    throw new MatrixError('M_FORBIDDEN', 'This belongs to another user: you can only read and change your own.')
  return requester.userId
}
