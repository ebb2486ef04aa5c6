import type { Route } from '#http/route.ts'
import type { Requester } from '#users/requester.ts'
import { homeRoutes, type HomeDeps } from './pages/home.ts'

/** The pages for people with a browser. */
export function pageRoutes(deps: HomeDeps): Route<Requester>[] {
  return homeRoutes(deps)
}
