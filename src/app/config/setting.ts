/** One thing that is wrong with the configuration: where, and what. */
export interface Problem {
  /** The key's path, as `listeners[0].port`; empty for the whole file. */
  readonly at: string
  readonly text: string
}

/** How the sample file shows a setting. */
export interface Shown {
  /** Lines of YAML, without indentation. The first may stand behind its key when it is the only one. */
  readonly lines: readonly string[]
  /** Lines to stand below the key instead of behind it. */
  readonly block: boolean
}

/**
 * One setting: what it is, how it is read and checked, what holds when it is left out, and how the sample shows it.
 * From this one value come the check, the type and the documentation.
 */
export interface Setting<T> {
  /** For people: full sentences. Becomes the comment in the sample. */
  readonly description: string
  /** What holds when the key is missing; a setting without it has to be given. */
  readonly otherwise: { readonly value: T } | undefined
  /** Checks a value of the file. What is wrong goes to `problems`, and undefined is given. */
  read(value: unknown, at: string, problems: Problem[]): T | undefined
  /** What the sample says; undefined leaves it to a commented-out example. */
  readonly shown: Shown | undefined
  readonly example: Shown
}

/** What a setting gives. */
export type ValueOf<S> = S extends Setting<infer T> ? T : never

function onOneLine(value: unknown): Shown {
  return { lines: [yamlScalar(value)], block: false }
}

function yamlScalar(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yamlScalar).join(', ')}]`
  if (typeof value === 'string') return /^[A-Za-z_./][\w./:@-]*$/.test(value) ? value : JSON.stringify(value)
  return String(value)
}

/** How a wrong value is quoted back. */
function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

interface Scalar<T> {
  readonly description: string
  readonly otherwise?: T
  readonly example?: T
  /** The value may hold a secret: what is wrong with it is said without quoting it. */
  readonly secret?: boolean
}

function scalar<T>(
  options: Scalar<T>,
  wanted: string,
  accept: (value: unknown) => { readonly value: T } | undefined,
): Setting<T> {
  const { description, otherwise, example, secret = false } = options
  return {
    description,
    otherwise: otherwise === undefined ? undefined : { value: otherwise },
    shown: otherwise === undefined ? undefined : onOneLine(otherwise),
    example: onOneLine(example ?? otherwise ?? ''),
    read: (value, at, problems) => {
      const accepted = accept(value)
      const found = secret ? '' : `, and is ${quoted(value)}`
      if (accepted === undefined) problems.push({ at, text: `has to be ${wanted}${found}` })
      return accepted?.value
    },
  }
}

/** A text that `accept` (given: everything not empty) holds for; `wanted` says what that is. */
export function text(
  options: Scalar<string> & { readonly wanted?: string; readonly accept?: (value: string) => boolean },
): Setting<string> {
  const { wanted = 'a text', accept = () => true } = options
  return scalar(options, wanted, (value) =>
    typeof value === 'string' && value !== '' && accept(value) ? { value } : undefined,
  )
}

/** A whole number between `min` and `max`, both included. */
export function wholeNumber(options: Scalar<number> & { readonly min: number; readonly max: number }): Setting<number> {
  const { min, max } = options
  return scalar(options, `a whole number from ${min} to ${max}`, (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? { value } : undefined,
  )
}

/** A number above zero. */
export function positiveNumber(options: Scalar<number>): Setting<number> {
  return scalar(options, 'a number above 0', (value) =>
    typeof value === 'number' && Number.isFinite(value) && value > 0 ? { value } : undefined,
  )
}

/** One of a few words. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  options: Scalar<NoInfer<Word>>,
): Setting<Word> {
  const wanted = `one of ${words.join(', ')}`
  return scalar(options, wanted, (value) => {
    const word = words.find((one) => one === value)
    return word === undefined ? undefined : { value: word }
  })
}

/** A setting that may be left out. */
export function optional<T>(setting: Setting<T>): Setting<T | undefined> {
  return { ...setting, otherwise: { value: undefined }, shown: undefined }
}

/** A setting that the word `off` switches off. */
export function orOff<T>(setting: Setting<T>): Setting<T | undefined> {
  const { read } = setting
  return {
    ...setting,
    // YAML 1.1 readers take a bare `off` for false; both mean the same here.
    read: (value, at, problems) => (value === 'off' || value === false ? undefined : read(value, at, problems)),
  }
}

/** A list of `item`s, at least `min` of them. */
export function list<T>(
  item: Setting<T>,
  options: {
    readonly description: string
    readonly otherwise?: readonly T[]
    readonly shown?: Shown
    readonly min?: number
  },
): Setting<readonly T[]> {
  const { description, otherwise, min = 0 } = options
  const shown = options.shown ?? (otherwise === undefined ? itemShown(item.example) : onOneLine(otherwise))
  return {
    description,
    otherwise: otherwise === undefined ? undefined : { value: otherwise },
    shown,
    example: itemShown(item.example),
    read: (value, at, problems) => {
      if (!Array.isArray(value) || value.length < min) {
        const wanted = min === 0 ? 'a list' : `a list of at least ${min}`
        problems.push({ at, text: `has to be ${wanted}, and is ${quoted(value)}` })
        return undefined
      }
      // What is missing here has left its problem, so the whole is never used.
      return value.map((one, index) => item.read(one, `${at}[${index}]`, problems) as T)
    },
  }
}

function itemShown({ lines }: Shown): Shown {
  return {
    lines: lines.map((line, index) => (index === 0 ? `- ${line}` : line === '' ? '' : `  ${line}`)),
    block: true,
  }
}
