/**
 * The plan of the house as data: which folders `src/` has, on which floor each stands, and which others it may use.
 * `check-house.ts` holds every import to it and `draw-house.ts` draws it into docs/architecture.md.
 */

/** A folder of `src/`. */
export interface Folder {
  readonly name: string
  /** 0 is the ground floor, which all may use. */
  readonly floor: number
  /** The folders it may import from, besides the ground floor. All stand earlier in `house`. */
  readonly mayUse: readonly string[]
  /** One line for the map: what lives here. */
  readonly about: string
}

/** The house, from the ground up. */
export const house: readonly Folder[] = [
  {
    name: 'protocol',
    floor: 0,
    mayUse: [],
    about: 'Matrix as pure functions and values: identifiers, canonical JSON, signatures, room versions, auth rules.',
  },
  {
    name: 'base',
    floor: 0,
    mayUse: [],
    about: 'What the language lacks, nothing of Matrix: clock, linearizer, caches.',
  },
  {
    name: 'observability',
    floor: 0,
    mayUse: [],
    about: 'For whom the running code works; log lines, metrics and traces, as a facade: `app` plugs the outputs in.',
  },
  {
    name: 'storage',
    floor: 1,
    mayUse: [],
    about: 'SQL and nothing else: `runInteraction` on both engines, migrations, one store for each group of tables.',
  },
  {
    name: 'streams',
    floor: 2,
    mayUse: ['storage'],
    about: 'Gap-free positions, sync tokens, and who is woken when a position moves.',
  },
  {
    name: 'cluster',
    floor: 2,
    mayUse: ['streams'],
    about: 'Several nodes: adapters of the ports in `streams`. Only `app` knows it.',
  },
  {
    name: 'remote',
    floor: 2,
    mayUse: ['storage'],
    about: 'Other servers as we see them: discovery, keys, signed requests, back-off.',
  },
  {
    name: 'http',
    floor: 2,
    mayUse: [],
    about: 'The request pipeline: route declarations, schemas, limits, errors as answers. No Matrix behavior.',
  },
  {
    name: 'users',
    floor: 3,
    mayUse: ['storage', 'streams', 'remote'],
    about: 'People: accounts, sessions, devices, keys, profiles, account data, to-device messages. Knows no room.',
  },
  {
    name: 'media',
    floor: 3,
    mayUse: ['storage', 'remote'],
    about: 'Files: upload, download, thumbnails, previews.',
  },
  {
    name: 'rooms',
    floor: 4,
    mayUse: ['storage', 'streams', 'remote', 'users'],
    about: 'The event graph: create, authorize, receive, persist, read.',
  },
  {
    name: 'directory',
    floor: 5,
    mayUse: ['storage', 'remote', 'users', 'rooms'],
    about: 'Finding rooms and people.',
  },
  {
    name: 'push',
    floor: 5,
    mayUse: ['storage', 'streams', 'users', 'rooms'],
    about: 'Notifications to phones and mailboxes.',
  },
  {
    name: 'appservices',
    floor: 5,
    mayUse: ['storage', 'streams', 'users', 'rooms'],
    about: 'Bridges and bots: what concerns them, and its delivery.',
  },
  {
    name: 'federation',
    floor: 5,
    mayUse: ['storage', 'streams', 'remote', 'users', 'rooms'],
    about: 'Ourselves as other servers see us: answers, and a queue for each destination.',
  },
  {
    name: 'sync',
    floor: 5,
    mayUse: ['streams', 'users', 'rooms'],
    about:
      'What changed for a device between two positions, section by section. Reads what others publish, not storage.',
  },
  {
    name: 'api',
    floor: 6,
    mayUse: ['http', 'users', 'media', 'rooms', 'directory', 'push', 'appservices', 'federation', 'sync'],
    about: "The doors: one file for each of the specification's OpenAPI files. Translates, decides nothing.",
  },
  {
    name: 'app',
    floor: 7,
    mayUse: [
      ...['storage', 'streams', 'cluster', 'remote', 'http', 'users', 'media', 'rooms'],
      ...['directory', 'push', 'appservices', 'federation', 'sync', 'api'],
    ],
    about: 'Command line and configuration; builds the house floor by floor, opens and closes it.',
  },
]

/** The folder of that name, or undefined. */
export function folderNamed(name: string): Folder | undefined {
  return house.find((folder) => folder.name === name)
}

/** What a folder may import from, the ground floor included. Ground-floor folders use nothing. */
export function allowedFor(folder: Folder): ReadonlySet<string> {
  if (folder.floor === 0) return new Set()
  const ground = house.filter((other) => other.floor === 0).map((other) => other.name)
  return new Set([...ground, ...folder.mayUse])
}
