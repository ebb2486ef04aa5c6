// Every ban says why, and what to use instead. Floors, doors, purity and sizes of files are scripts/check-house.ts.
import tseslint from 'typescript-eslint'
import { docComment } from './scripts/doc-comment-rule.ts'

const clock = 'Time is given: take a Clock (base/clock.ts), so that a test can hold it in its hand.'

const bannedTypebox = {
  name: 'typebox',
  importNames: ['Type', 'default'],
  allowTypeImports: true,
  message:
    'Loading it takes a quarter of the memory of an idle server: take Type from #http/schema.ts, types from here.',
}

const lazyPackages = {
  regex: '^(prom-client|@opentelemetry/)',
  message: 'Loaded only where somebody reads them: use the facades, observability/metrics.ts and spans.ts.',
}

const bannedGlobals = [
  { name: 'fetch', message: 'Costs four times undici.request, and follows redirects to anywhere: use undici.request.' },
  { name: 'console', message: 'Nobody can filter or count it: take a Logger (observability/logger.ts).' },
]

const bannedProperties = [
  { object: 'Date', property: 'now', message: clock },
  { object: 'Math', property: 'random', message: 'Guessable: use node:crypto, or take the random numbers you need.' },
  {
    object: 'process',
    property: 'env',
    message: 'Configuration is read once, in app/config: take the value you need.',
  },
]

const bannedSyntax = [
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: clock },
  { selector: 'ExportDefaultDeclaration', message: 'A thing has one name everywhere: export it by its name.' },
  {
    selector: 'TSEnumDeclaration',
    message: 'Types are stripped, not compiled: use a union of strings, or `as const`.',
  },
]

const bannedCasts = {
  selector: 'TSAsExpression > TSTypeReference[typeName.name=/^(UserId|RoomId|EventId|RoomAlias|ServerName)$/]',
  message: 'An identifier has been checked, or it is not one: use parseUserId and its like (protocol/identifiers.ts).',
}

export default tseslint.config(
  { ignores: ['node_modules', 'data', 'tmp', 'bin/*.js', '**/*.d.ts'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { tessera: { rules: { 'doc-comment': docComment } } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-namespace': 'error',
      '@typescript-eslint/no-require-imports': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // What is left of an import of types alone would still load the file at run time.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-eval': 'error',
      'no-new-func': 'error',
      'no-debugger': 'error',
      'no-control-regex': 'error',
      'no-unsafe-finally': 'error',
      'no-async-promise-executor': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-self-compare': 'error',
      'no-fallthrough': 'error',
      'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true, IIFEs: true }],
      'max-params': ['error', 4],
      '@typescript-eslint/no-restricted-imports': ['error', { paths: [bannedTypebox], patterns: [lazyPackages] }],
      'no-restricted-globals': ['error', ...bannedGlobals],
      'no-restricted-properties': ['error', ...bannedProperties],
      'no-restricted-syntax': ['error', ...bannedSyntax, bannedCasts],
      'tessera/doc-comment': 'error',
    },
  },
  {
    // The clock and chance live here; the configuration is read here; rows of our own database are trusted here.
    files: ['src/base/**', 'src/app/config/**', 'src/app/config.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['src/observability/prometheus-metrics.ts', 'src/observability/otel-tracer.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: [bannedTypebox] }] },
  },
  {
    files: ['src/base/**', 'src/storage/**', 'src/protocol/{identifiers,hashes,build-event}.ts'],
    rules: { 'no-restricted-syntax': ['error', ...bannedSyntax.filter((ban) => ban.message !== clock)] },
  },
  {
    // Tests, benchmarks and scripts are their own world: real time, the environment, casts of made-up names.
    files: ['**/*.test.ts', 'test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'suite', 'describe'], package: 'node:test' },
          ],
        },
      ],
      'max-lines-per-function': ['error', { max: 150, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 6],
      'no-restricted-globals': 'off',
      'no-restricted-properties': 'off',
      'no-restricted-syntax': ['error', ...bannedSyntax.filter((ban) => ban.message !== clock)],
      'tessera/doc-comment': 'off',
    },
  },
)
