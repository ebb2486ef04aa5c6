import { type DatabaseScenario } from '../kit/database-place.ts'
export const storageScenarios: readonly DatabaseScenario[] = []
