import { Type } from '#http/schema.ts'
import { MatrixError } from '#protocol/errors.ts'
import type { Answer, Route } from '#http/route.ts'
import type { ServerName } from '#protocol/identifiers.ts'
import type { Accounts } from '#users/accounts.ts'
import { checkNewPassword, type Registration } from '#users/registration.ts'
import type { RegistrationTokens } from '#users/registration-tokens.ts'
import type { Requester } from '#users/requester.ts'
import { route } from '../route.ts'
import { html, pageAnswer, type Html } from './html.ts'

export interface HomeDeps {
  readonly serverName: ServerName
  readonly publicAddress: () => string
  readonly accounts: Accounts
  readonly registration: Registration
  readonly registrationTokens: RegistrationTokens
}

/** Programs to talk with, for those who have none yet. */
const clients = [
  { name: 'Element Web', address: 'https://app.element.io', about: 'in the browser' },
  { name: 'Element Classic', address: 'https://element.io/download', about: 'on a phone' },
  { name: 'Cinny', address: 'https://app.cinny.in', about: 'in the browser' },
  { name: 'FluffyChat', address: 'https://fluffychat.im', about: 'in the browser, on a phone, on a desktop' },
] as const

/** What the form holds; what was typed is shown again when something is wrong with it, but for the password. */
interface Typed {
  readonly token: string
  readonly username: string
}

/**
 * The page at `/`: while there is no account, the form by which the holder of the one-time token makes the first,
 * administrator, account; then the clients to open and the address to give them. Works without JavaScript.
 */
export function homeRoutes(deps: HomeDeps): Route<Requester>[] {
  const isNew = newness(deps.accounts)
  return [
    // GET / (ours)
    route({
      method: 'GET',
      path: '/',
      auth: 'none',
      errorPage: (status, text) => failurePage(deps, status, text),
      handler: async () => ((await isNew()) ? formPage(deps, 200, { token: '', username: '' }) : welcomePage(deps)),
    }),
    // POST / (ours)
    route({
      method: 'POST',
      path: '/',
      auth: 'none',
      limit: 'registration',
      bodyFormat: 'form',
      body: Type.Object({ token: Type.String(), username: Type.String(), password: Type.String() }),
      errorPage: (status, text) => failurePage(deps, status, text),
      handler: async (call) => {
        checkOwnForm(call, deps.publicAddress())
        if (!(await isNew())) return welcomePage(deps)
        const { password } = call.body
        const [token, username] = [call.body.token.trim(), call.body.username.trim()]
        try {
          checkNewPassword(password)
          const { userId } = await makeFirst(deps, { token, username, password })
          return welcomePage(deps, userId)
        } catch (error) {
          if (error instanceof MatrixError) return formPage(deps, error.status, { token, username }, error.message)
          throw error
        }
      },
    }),
  ]
}

/** Any registration token would do for a client; here only the one that makes an administrator counts. */
async function makeFirst(
  { registration, registrationTokens }: HomeDeps,
  request: { readonly token: string; readonly username: string; readonly password: string },
): Promise<{ readonly userId: string }> {
  if (request.username === '') throw new MatrixError('M_INVALID_USERNAME', 'Choose a user name.')
  if (request.token !== (await registrationTokens.firstAdminToken())) {
    throw new MatrixError('M_UNAUTHORIZED', 'This is not the token that the server printed when it started.')
  }
  return registration.register({ ...request, inhibitLogin: true })
}

/** Tells whether there is no account yet; once there is one, without asking the database again. */
function newness(accounts: Accounts): () => Promise<boolean> {
  let known = false
  return async () => {
    known ||= await accounts.any()
    return !known
  }
}

/** Throws M_FORBIDDEN for a form that a page of another origin sent. */
function checkOwnForm(call: { header(name: string): string | undefined }, publicAddress: string): void {
  const site = call.header('sec-fetch-site')
  const origin = call.header('origin')
  if (site === 'same-origin' || site === 'none') return
  if (site === undefined && origin === undefined) return
  const ours = [`http://${call.header('host')}`, `https://${call.header('host')}`, publicAddress]
  if (site === undefined && origin !== undefined && ours.includes(origin)) return
  throw new MatrixError('M_FORBIDDEN', 'This form was sent from another page.')
}

function formPage({ serverName }: HomeDeps, status: number, typed: Typed, wrong?: string): Answer {
  const body = html`${wrong === undefined ? undefined : html`<p class="wrong" role="alert">${wrong}</p>`}
    <p>
      Nobody has an account on <strong>${serverName}</strong> yet. The first account administers the server. To make it,
      give the token that the server printed when it started.
    </p>
    <form method="post" action="/">
      <label for="token">One-time token</label>
      <input
        id="token"
        name="token"
        value="${typed.token}"
        required
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
      />
      <label for="username">User name</label>
      <input
        id="username"
        name="username"
        value="${typed.username}"
        required
        autocomplete="username"
        autocapitalize="none"
        spellcheck="false"
        aria-describedby="username-hint"
      />
      <small id="username-hint">Small letters, digits and . _ - / + = ; you will be @name:${serverName}.</small>
      <label for="password">Password</label>
      <input
        id="password"
        name="password"
        type="password"
        required
        minlength="8"
        autocomplete="new-password"
        aria-describedby="password-hint"
      />
      <small id="password-hint">At least 8 characters.</small>
      <button>Make the account</button>
    </form>`
  return pageAnswer(status, { title: 'Welcome to Tessera', about: 'Your Matrix homeserver is running.', body })
}

function welcomePage(deps: HomeDeps, userId?: string): Answer {
  const { serverName } = deps
  const made =
    userId === undefined
      ? undefined
      : html`<p role="status">You are <code>${userId}</code> now, and administer this server.</p>`
  const links = clients.map(
    ({ name, address, about }) => html`<li><a href="${address}" rel="noreferrer">${name}</a>, ${about}</li>`,
  )
  const body = html`${made}
    <h2>Open a client</h2>
    <ul>
      ${links}
    </ul>
    <p>Any other <a href="https://matrix.org/ecosystem/clients/" rel="noreferrer">Matrix client</a> will do as well.</p>
    <h2>Give it this address</h2>
    <p>Where the client asks for the homeserver, type <code>${deps.publicAddress()}</code></p>
    <h2>Let others in</h2>
    <p>${howToJoin(deps)}</p>`
  const title = serverName
  return pageAnswer(200, { title, about: 'A Matrix homeserver, run by Tessera.', body })
}

function howToJoin({ registration }: HomeDeps): Html {
  switch (registration.mode) {
    case 'open':
      return html`Whoever can reach this address can make an account in a client.`
    case 'token':
      return html`Others make an account in a client with a registration token. On the server,
        <code>tessera user token</code> makes one.`
    case 'closed':
      return html`Accounts are made by the administrator: on the server, with <code>tessera user create</code>.`
  }
}

function failurePage({ serverName }: HomeDeps, status: number, text: string): Answer {
  const body = html`<p class="wrong" role="alert">${text}</p>
    <p><a href="/">Back</a></p>`
  return pageAnswer(status, { title: serverName, about: 'A Matrix homeserver, run by Tessera.', body })
}
