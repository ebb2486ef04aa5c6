/**
 * Matrix identifiers as branded strings: a value of these types has passed its `parse…` function.
 * https://spec.matrix.org/v1.19/appendices/#identifier-grammar
 */
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type UserId = Branded<'UserId'>
export type RoomId = Branded<'RoomId'>
export type EventId = Branded<'EventId'>
export type RoomAlias = Branded<'RoomAlias'>
export type ServerName = Branded<'ServerName'>
