import type { Transaction } from './transaction.ts'

/** Asks the database for nothing: it answers, or this fails. */
export async function databaseAnswers(txn: Transaction): Promise<void> {
  await txn.get(`SELECT 1 AS one`)
}
