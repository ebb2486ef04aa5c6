import type { Type as TypeBox } from 'typebox'

/**
 * The part of TypeBox's language that the doors speak, with TypeBox's own types: `Static` gives the TypeScript type of
 * a schema. The values are plain JSON Schema, made here: loading TypeBox itself takes a quarter of the memory of an idle
 * server, and as long as everything else at the start.
 */
type Language = Pick<
  typeof TypeBox,
  | 'Array'
  | 'Boolean'
  | 'Enum'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'String'
  | 'Union'
  | 'Unknown'
  | 'Unsafe'
>

/** The keywords of JSON Schema that `validation.ts` checks. */
export interface Schema {
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'null' | 'array' | 'object'
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  /** Marks a property that may be missing; read by the object it stands in. */
  readonly '~optional'?: true
}

const builders = {
  Array: (items: Schema, options?: Schema): Schema => ({ ...options, type: 'array', items }),
  Boolean: (options?: Schema): Schema => ({ ...options, type: 'boolean' }),
  Enum: (values: readonly unknown[], options?: Schema): Schema => ({ ...options, enum: values }),
  Integer: (options?: Schema): Schema => ({ ...options, type: 'integer' }),
  Literal: (value: unknown, options?: Schema): Schema => ({ ...options, const: value }),
  Null: (options?: Schema): Schema => ({ ...options, type: 'null' }),
  Number: (options?: Schema): Schema => ({ ...options, type: 'number' }),
  Object: (properties: Readonly<Record<string, Schema>>, options?: Schema): Schema => ({
    ...options,
    type: 'object',
    properties,
    required: Object.keys(properties).filter((name) => properties[name]?.['~optional'] !== true),
  }),
  Optional: (schema: Schema): Schema => ({ ...schema, '~optional': true }),
  String: (options?: Schema): Schema => ({ ...options, type: 'string' }),
  Union: (anyOf: readonly Schema[], options?: Schema): Schema => ({ ...options, anyOf }),
  Unknown: (options?: Schema): Schema => ({ ...options }),
  Unsafe: (schema: Schema): Schema => schema,
}

/** Makes schemas: `Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1 })) })`. */
export const Type = builders as unknown as Language
