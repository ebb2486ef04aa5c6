export const name = '0009-server-facts'

/** What a database has to know about itself, by name; written once. */
export const statements = [
  `CREATE TABLE server_facts (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
  )`,
]
