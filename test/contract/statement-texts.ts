import { globSync, readFileSync } from 'node:fs'

import ts from 'typescript'

/** A statement that a store hands to its transaction. */
export interface StatementText {
  /** File and line. */
  readonly place: string
  readonly sql: string
}

const methods = new Set(['all', 'get', 'run', 'runMany'])

/** Every statement in the stores; texts that are put together from constants of the same file are put together here too. */
export function statementTexts(): StatementText[] {
  return globSync('src/storage/*.ts')
    .filter((path) => !path.endsWith('.test.ts'))
    .flatMap((path) => textsOf(path))
}

function textsOf(path: string): StatementText[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true)
  const constants = new Map<string, string>()
  const found: StatementText[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined) {
      const text = constantText(node.initializer, constants)
      if (text !== undefined) constants.set(node.name.text, text)
    }
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const [first] = node.arguments
      const isTransaction = /txn$/i.test(node.expression.expression.getText(source))
      if (first !== undefined && isTransaction && methods.has(node.expression.name.text)) {
        const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
        for (const sql of choices(first, constants)) found.push({ place: `${path}:${line}`, sql })
      }
    }
    ts.forEachChild(node, visit)
  }
  // Twice, since a constant may stand below its use.
  visit(source)
  found.length = 0
  visit(source)
  return found
}

/** The texts that an argument can be; none when that is decided elsewhere. */
function choices(node: ts.Expression, constants: ReadonlyMap<string, string>): string[] {
  if (ts.isConditionalExpression(node)) {
    return [...choices(node.whenTrue, constants), ...choices(node.whenFalse, constants)]
  }
  const text = constantText(node, constants)
  return text === undefined ? [] : [text]
}

function constantText(node: ts.Expression, constants: ReadonlyMap<string, string>): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isIdentifier(node)) return constants.get(node.text)
  if (!ts.isTemplateExpression(node)) return undefined
  let text = node.head.text
  for (const span of node.templateSpans) {
    const value = constantText(span.expression, constants)
    if (value === undefined) return undefined
    text += value + span.literal.text
  }
  return text
}
