import type { Schema } from './schema.ts'

/** What is wrong with a value, and where in it. */
export interface Fault {
  /** From the whole to the part, as `['devices', '0', 'name']`. */
  readonly path: readonly string[]
  /** True when the part is missing; else it is there, and wrong. */
  readonly missing: boolean
  /** Says it of the part: "has to be a text". */
  readonly text: string
}

/** Gives the first fault of a value, undefined when there is none. Linear in the value and the schema. */
export type FaultFinder = (value: unknown) => Fault | undefined

/** Keywords that say nothing about which values are right. */
const silentKeywords = new Set(['~kind', '~optional', '~unsafe', 'description', 'default', 'title'])
/** The keywords that are checked. A schema with another is a fault of ours, found when its door is made. */
const knownKeywords = new Set(
  'type const enum anyOf properties required additionalProperties items minimum maximum minLength maxLength minItems maxItems'.split(
    ' ',
  ),
)

/** Turns a schema into the function that checks values against it. Throws Error for a keyword that is not known. */
export function faultFinderFor(schema: Schema): FaultFinder {
  for (const keyword of Object.keys(schema)) {
    if (!knownKeywords.has(keyword) && !silentKeywords.has(keyword))
      throw new Error(`schema keyword ${keyword} is not checked`)
  }
  const finders = [typeFinder(schema), valueFinder(schema), rangeFinder(schema), ...partFinders(schema)]
  const present = finders.filter((finder) => finder !== undefined)
  const [first, second] = present
  if (first === undefined) return () => undefined
  if (second === undefined) return first
  return (value) => {
    for (const finder of present) {
      const fault = finder(value)
      if (fault !== undefined) return fault
    }
    return undefined
  }
}

function wrong(text: string): Fault {
  return { path: [], missing: false, text }
}

function inside(key: string, fault: Fault | undefined): Fault | undefined {
  return fault === undefined ? undefined : { ...fault, path: [key, ...fault.path] }
}

const types: Readonly<
  Record<NonNullable<Schema['type']>, { readonly is: (value: unknown) => boolean; readonly name: string }>
> = {
  string: { is: (value) => typeof value === 'string', name: 'a string' },
  integer: { is: (value) => Number.isSafeInteger(value), name: 'an integer' },
  number: { is: (value) => typeof value === 'number' && Number.isFinite(value), name: 'a number' },
  boolean: { is: (value) => typeof value === 'boolean', name: 'true or false' },
  null: { is: (value) => value === null, name: 'null' },
  array: { is: (value) => Array.isArray(value), name: 'an array' },
  object: { is: (value) => typeof value === 'object' && value !== null && !Array.isArray(value), name: 'an object' },
}

function typeFinder({ type }: Schema): FaultFinder | undefined {
  if (type === undefined) return undefined
  const { is, name } = types[type]
  const fault = wrong(`has to be ${name}`)
  return (value) => (is(value) ? undefined : fault)
}

function valueFinder(schema: Schema): FaultFinder | undefined {
  if (Object.hasOwn(schema, 'const')) {
    const fault = wrong(`has to be ${JSON.stringify(schema.const)}`)
    return (value) => (value === schema.const ? undefined : fault)
  }
  if (schema.enum !== undefined) {
    const values = new Set(schema.enum)
    const fault = wrong(`has to be one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}`)
    return (value) => (values.has(value) ? undefined : fault)
  }
  if (schema.anyOf === undefined) return undefined
  const finders = schema.anyOf.map((one) => faultFinderFor(one))
  return (value) => {
    const faults = finders.map((finder) => finder(value))
    if (faults.includes(undefined)) return undefined
    return wrong([...new Set(faults.map((fault) => fault?.text))].join(', or '))
  }
}

function rangeFinder(schema: Schema): FaultFinder | undefined {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems } = schema
  const low = minimum ?? minLength ?? minItems ?? -Infinity
  const high = maximum ?? maxLength ?? maxItems ?? Infinity
  if (low === -Infinity && high === Infinity) return undefined
  const unit =
    minItems !== undefined || maxItems !== undefined ? ' elements' : schema.type === 'string' ? ' characters' : ''
  const has = unit === '' ? 'has to be' : 'has to have'
  const tooLow = wrong(`${has} at least ${low}${unit}`)
  const tooHigh = wrong(`${has} at most ${high}${unit}`)
  return (value) => {
    const size =
      typeof value === 'number' ? value : typeof value === 'string' || Array.isArray(value) ? value.length : low
    return size < low ? tooLow : size > high ? tooHigh : undefined
  }
}

function partFinders(schema: Schema): (FaultFinder | undefined)[] {
  return [requiredFinder(schema), propertiesFinder(schema), othersFinder(schema), itemsFinder(schema)]
}

type Members = Readonly<Record<string, unknown>>

function requiredFinder({ required = [] }: Schema): FaultFinder | undefined {
  if (required.length === 0) return undefined
  return (value) => {
    const name = required.find((one) => (value as Members)[one] === undefined)
    return name === undefined ? undefined : { path: [name], missing: true, text: 'is missing' }
  }
}

function propertiesFinder({ properties = {} }: Schema): FaultFinder | undefined {
  const finders = Object.entries(properties).map(([name, schema]) => ({ name, find: faultFinderFor(schema) }))
  if (finders.length === 0) return undefined
  return (value) => {
    for (const { name, find } of finders) {
      const member = (value as Members)[name]
      const fault = member === undefined ? undefined : find(member)
      if (fault !== undefined) return inside(name, fault)
    }
    return undefined
  }
}

function othersFinder({ properties = {}, additionalProperties = true }: Schema): FaultFinder | undefined {
  if (additionalProperties === true) return undefined
  const find = additionalProperties === false ? () => wrong('is not known here') : faultFinderFor(additionalProperties)
  return (value) => {
    for (const [name, member] of Object.entries(value as Members)) {
      const fault = Object.hasOwn(properties, name) ? undefined : find(member)
      if (fault !== undefined) return inside(name, fault)
    }
    return undefined
  }
}

function itemsFinder({ items }: Schema): FaultFinder | undefined {
  if (items === undefined) return undefined
  const find = faultFinderFor(items)
  return (value) => {
    for (const [index, item] of (value as readonly unknown[]).entries()) {
      const fault = find(item)
      if (fault !== undefined) return inside(String(index), fault)
    }
    return undefined
  }
}
