import { routeFor } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'

/** Declares an endpoint whose requester is a user of ours. */
export const route = routeFor<Requester>()
