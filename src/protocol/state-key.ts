/**
 * Type and state key as one text, different for different pairs whatever characters they hold: for maps whose keys are
 * parts of a room's state.
 */
export function stateKeyText(type: string, stateKey: string): string {
  return `${type.length} ${type}${stateKey}`
}
