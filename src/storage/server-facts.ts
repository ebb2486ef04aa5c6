import type { Transaction } from './transaction.ts'

/**
 * Writes a fact about this database (`server_name`), unless it is there already, and gives what stands there now. For
 * facts that never change.
 */
export async function keepServerFact(txn: Transaction, name: string, value: string): Promise<string> {
  await txn.run(`INSERT INTO server_facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, name, value)
  const row = await txn.get<{ value: string }>(`SELECT value AS "value" FROM server_facts WHERE name = ?`, name)
  return row?.value ?? value
}
