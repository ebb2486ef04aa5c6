import { section } from './section.ts'
import { text, wholeNumber } from './setting.ts'

/** Without a host, as in `postgres://user@/name?host=/run/postgresql`, it is a Unix socket, which `URL` cannot read. */
function isPostgresUrl(value: string): boolean {
  return /^postgres(ql)?:\/\//.test(value) && URL.canParse(value.replace('@/', '@localhost/'))
}

/** Where everything is kept. */
export const database = section('Where everything is kept.', {
  url: text({
    description:
      'sqlite:FILE, a path relative to data_folder, is embedded and needs nothing else.\npostgres://USER:PASSWORD@HOST:PORT/NAME is for servers that have outgrown it.',
    otherwise: 'sqlite:homeserver.db',
    secret: true,
    wanted: 'sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/NAME',
    accept: (value) => /^sqlite:.+/.test(value) || isPostgresUrl(value),
  }),
  poolSize: wholeNumber({
    description: 'The most connections to PostgreSQL, for the whole process.',
    otherwise: 10,
    min: 1,
    max: 500,
  }),
})
