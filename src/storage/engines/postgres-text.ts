/** A statement in PostgreSQL's words. */
export interface PostgresStatement {
  /** Name of the prepared statement; undefined for one that is not worth keeping prepared. */
  readonly name: string | undefined
  readonly text: string
}

const statements = new Map<string, PostgresStatement>()

/** Strings, quoted names and comments (left alone), arrays, placeholders, and the words that differ. */
const tokens =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|(?:\b(not\s+)?in\s*)?@(ints|texts)\(\?\)|\?|\b(?:integer|blob|text|without\s+rowid)\b/gi

/**
 * The portable statement `sql` (see `transaction.ts`) for PostgreSQL: numbered placeholders, arrays, types. Kept by text,
 * so that a statement is translated once and prepared once on each connection.
 */
export function postgresStatement(sql: string): PostgresStatement {
  const known = statements.get(sql)
  if (known !== undefined) return known
  const prepared = /^\s*(?:select|insert|update|delete|with)\b/i.test(sql)
  const statement = { name: prepared ? `t${statements.size}` : undefined, text: postgresText(sql) }
  statements.set(sql, statement)
  return statement
}

function postgresText(sql: string): string {
  // Text is ordered by code point everywhere, as SQLite does, whatever the locale of the server.
  const definesTable = /^\s*(?:create\s+table|alter\s+table)\b/i.test(sql)
  let placeholders = 0
  return sql.replaceAll(tokens, (token: string, not: string | undefined, array: string | undefined) => {
    if (array !== undefined) {
      placeholders += 1
      const value = `$${placeholders}::${array.toLowerCase() === 'ints' ? 'bigint' : 'text'}[]`
      // Seen through a query, an array has no length that the planner knows: one plan does for all, and is kept.
      if (token.startsWith('@')) return `(SELECT unnest(ARRAY(SELECT unnest(${value}))) AS value)`
      return not === undefined ? `= ANY(${value})` : `<> ALL(${value})`
    }
    if (token === '?') {
      placeholders += 1
      return `$${placeholders}`
    }
    return postgresWord(token, definesTable)
  })
}

function postgresWord(token: string, definesTable: boolean): string {
  switch (token.toLowerCase()) {
    case 'integer':
      return 'BIGINT'
    case 'blob':
      return 'BYTEA'
    case 'text':
      return definesTable ? 'TEXT COLLATE "C"' : token
    default:
      return /^without\s/i.test(token) ? '' : token
  }
}
