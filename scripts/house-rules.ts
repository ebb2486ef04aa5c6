/** The rules of the house, one function each, over a parsed file. `house-rules.test.ts` seeds a fault for every one. */
import ts from 'typescript'
import { allowedFor, folderNamed, house, type Folder } from './house.ts'

/** What is wrong, where, and what to do instead. */
export interface Fault {
  readonly path: string
  readonly line: number
  readonly problem: string
}

const fileLinesMax = 400
const importsMax = 20
const frontDoorsMax = 30
/** Folders of many small things, and the one that holds most of what a homeserver does. */
const moreFrontDoorsMax: ReadonlyMap<string, number> = new Map([
  ['storage', 60],
  ['protocol', 60],
  ['rooms', 40],
])

/** Names that invite anything. */
const vagueNames = /^(utils?|helpers?|managers?|handlers?|common|shared|misc|types|index)$/

/** What a pure function has no use for. */
const impureNames = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Date', 'performance'])
for (const name of ['process', 'fetch', 'console', 'Promise', 'AbortSignal', 'globalThis']) impureNames.add(name)

/** The one file of `protocol/` that uses anything from outside, and what it uses. */
const protocolPackages: Readonly<Record<string, readonly string[]>> = {
  'src/protocol/crypto.ts': ['node:crypto', 'sodium-native'],
}

/** The one place where events become what clients read. */
const eventTextCore = 'src/rooms/client-events/'

const sqlStart =
  /^\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX)\s)/
const selectStar = /\bSELECT\s+(DISTINCT\s+)?(\w+\.)?\*/i

interface File {
  readonly path: string
  /** The folder of `src/` it stands in; undefined outside `src/`. */
  readonly folder: Folder | undefined
  readonly isTest: boolean
  readonly isMigration: boolean
  readonly source: ts.SourceFile
}

type Report = (node: ts.Node, problem: string) => void

/** Every fault of one file. `path` is relative to the repository (`src/rooms/receipts.ts`). */
export function faultsOfFile(path: string, text: string): Fault[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const inSource = path.startsWith('src/')
  const folder = inSource ? folderNamed(path.split('/')[1] ?? '') : undefined
  const isTest = path.endsWith('.test.ts') || path.startsWith('test/')
  const file: File = { path, folder, isTest, isMigration: path.startsWith('src/storage/migrations/'), source }
  const faults: Fault[] = []
  const report: Report = (node, problem) => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
    faults.push({ path, line, problem })
  }
  if (inSource && folder === undefined) report(source, 'stands in no folder of the plan: add one to scripts/house.ts')
  checkSize(file, text, report)
  checkName(file, report)
  let imports = 0
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node)
    if (specifier !== undefined) {
      imports += 1
      checkImport(file, specifier, report)
    }
    checkBarrel(file, node, report)
    checkSql(file, node, report)
    checkEventText(file, node, report)
    checkPurity(file, node, report)
    ts.forEachChild(node, visit)
  }
  visit(source)
  if (inSource && !isTest && folder?.name !== 'app' && imports > importsMax && !isRouteList(path)) {
    report(source, `has ${imports} imports; ${importsMax} is the limit: split the file by what it does`)
  }
  return faults
}

/** Faults of the folders as wholes: too many front doors. */
export function faultsOfFolders(paths: readonly string[]): Fault[] {
  return house.flatMap((folder) => {
    if (folder.name === 'api') return []
    const door = new RegExp(`^src/${folder.name}/[^/]+\\.ts$`)
    const doors = paths.filter((path) => door.test(path) && !path.endsWith('.test.ts')).length
    const limit = moreFrontDoorsMax.get(folder.name) ?? frontDoorsMax
    if (doors <= limit) return []
    const problem = `has ${doors} front doors; ${limit} is the limit: move what only its own folder uses into a subfolder`
    return [{ path: `src/${folder.name}`, line: 1, problem }]
  })
}

/** `api/client.ts` and its like list every route file beside them. */
function isRouteList(path: string): boolean {
  return /^src\/api\/[^/]+\.ts$/.test(path)
}

function checkSize(file: File, text: string, report: Report): void {
  const lines = text.split('\n').length - 1
  if (lines > fileLinesMax && !file.isMigration) {
    report(file.source, `has ${lines} lines; ${fileLinesMax} is the limit: one file does one thing`)
  }
}

function checkName(file: File, report: Report): void {
  const words = file.path.replace(/(\.test)?\.ts$/, '').split('/')
  const vague = words.find((word) => vagueNames.test(word))
  if (vague !== undefined) report(file.source, `'${vague}' says nothing: name a file after the one thing it holds`)
}

/** The literal that an import, a re-export, an `import()` or an import type names; undefined for other nodes. */
function specifierOf(node: ts.Node): ts.StringLiteral | undefined {
  let named: ts.Node | undefined
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) named = node.moduleSpecifier
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) named = node.arguments[0]
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) named = node.argument.literal
  return named !== undefined && ts.isStringLiteral(named) ? named : undefined
}

function checkImport(file: File, specifier: ts.StringLiteral, report: Report): void {
  const target = specifier.text
  if (target.endsWith('.test.ts')) report(specifier, `imports a test ('${target}'): move what both need into a file`)
  if (file.folder === undefined) return
  if (target.startsWith('.')) checkRelative(file, specifier, report)
  else if (target.startsWith('#')) checkNamed(file, file.folder, specifier, report)
  else if (file.folder.name === 'protocol' && !file.isTest) {
    const allowed = protocolPackages[file.path] ?? []
    if (!allowed.includes(target)) report(specifier, `protocol/ is pure: '${target}' may not be imported here`)
  }
}

/** A relative import stays in its own folder; a test may also reach what tests share in `test/`. */
function checkRelative(file: File, specifier: ts.StringLiteral, report: Report): void {
  const resolved = new URL(specifier.text, `file:///${file.path}`).pathname.slice(1)
  if (resolved.startsWith(`src/${file.folder?.name}/`)) return
  if (file.isTest && resolved.startsWith('test/')) return
  report(specifier, `'${specifier.text}' leaves its folder: write '#folder/file.ts' for another folder`)
}

function checkNamed(file: File, folder: Folder, specifier: ts.StringLiteral, report: Report): void {
  const [name = '', ...rest] = specifier.text.slice(1).split('/')
  const target = folderNamed(name)
  if (target === undefined) {
    report(specifier, `'${name}' is no folder of the plan (scripts/house.ts)`)
    return
  }
  if (name === folder.name) report(specifier, `'${specifier.text}' is in this very folder: use a relative path`)
  else if (rest.length !== 1) {
    report(specifier, `'${specifier.text}' is a back room: only files at the top of ${name}/ may be imported`)
  }
  if (name === folder.name) return
  const mayUse = file.isTest ? target.floor < folder.floor : allowedFor(folder).has(name)
  if (!mayUse) {
    const may = [...allowedFor(folder)].join(', ') || 'nothing'
    report(specifier, `${folder.name}/ may not use ${name}/ (it may use: ${may})`)
  }
}

function checkBarrel(file: File, node: ts.Node, report: Report): void {
  if (!ts.isExportDeclaration(node) || node.moduleSpecifier === undefined) return
  if (file.path.startsWith('src/'))
    report(node, 'exports again what another file has: import from the file that has it')
}

function checkSql(file: File, node: ts.Node, report: Report): void {
  if (!ts.isStringLiteralLike(node) && !ts.isTemplateExpression(node)) return
  const text = ts.isTemplateExpression(node) ? node.head.text : node.text
  if (file.path.startsWith('src/') && !file.isTest && file.folder?.name !== 'storage' && sqlStart.test(text)) {
    report(node, 'SQL stands in storage/ alone: call a store function, or add one')
  }
  if (!file.path.startsWith('scripts/') && selectStar.test(text)) {
    report(node, "'SELECT *' breaks when a column is added: name the columns")
  }
}

/** What clients read of events is made in one place, so that nothing is told of one that its reader may not know. */
function checkEventText(file: File, node: ts.Node, report: Report): void {
  if (file.isTest || !file.path.startsWith('src/')) return
  if (ts.isImportDeclaration(node)) {
    const from = ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : ''
    const isCore = file.path.startsWith(eventTextCore)
    const takesTypes = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    if (from === '#protocol/client-event.ts' && !isCore && !takesTypes)
      report(node, `only ${eventTextCore} makes the text of events: use rooms/client-events.ts`)
    return
  }
  const name = file.folder?.name
  if (name !== 'api' && name !== 'sync') return
  const reads =
    (ts.isPropertyAccessExpression(node) && node.name.text === 'json') ||
    (ts.isBindingElement(node) && (node.propertyName ?? node.name).getText() === 'json')
  if (reads) report(node, `${name}/ may not look into the text of events: use rooms/client-events.ts`)
}

function checkPurity(file: File, node: ts.Node, report: Report): void {
  if (file.folder?.name !== 'protocol' || file.isTest) return
  const problem = impurityOf(node)
  if (problem !== undefined) report(node, `protocol/ is pure: ${problem}`)
}

function impurityOf(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'no async function; the caller loads what is needed'
  if (ts.isAwaitExpression(node)) return 'no await; the caller loads what is needed'
  if (ts.isForOfStatement(node) && node.awaitModifier !== undefined) return 'no for await'
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return 'no dynamic import'
  if (ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random') return 'no Math.random; take the bytes'
  if (ts.isIdentifier(node) && impureNames.has(node.text) && !isMemberName(node)) {
    return `no '${node.text}'; take the value as a parameter`
  }
  return undefined
}

/** Whether an identifier is only the name of a member (`limits.process`), not the global of that name. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node
  if (ts.isQualifiedName(parent)) return parent.right === node
  const isMember = ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodDeclaration(parent)
  return isMember && parent.name === node
}
