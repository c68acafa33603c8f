/** What values held in parts share (`phases.ts`, `groups.ts`): a node is written once for each part. */
import type { AnyNode, ValueId } from '../../ir/graph.ts'
import type { Operand } from './emission.ts'

/** Writes a node with these operands. */
export type Make = (node: AnyNode, operands: readonly Operand[]) => string

/** A value that is put together where it is read whole. */
export interface Parted {
  readonly whole: () => string
}

/** How values are called in the part that is being written. */
export interface PartNames {
  /** A value's name there; undefined outside, and for what has no parts. */
  nameOf(value: ValueId): string | undefined
  /**
   * Writes in a part where values are called so; does not nest. While `names` looks for a name, values are called as outside,
   * since it may have to take one apart.
   */
  within<T>(names: (value: ValueId) => string | undefined, write: () => T): T
}

export function createPartNames(): PartNames {
  let current: ((value: ValueId) => string | undefined) | undefined
  return {
    nameOf: (value) => current?.(value),
    within: (names, write) => {
      const inside = (value: ValueId): string | undefined => {
        current = undefined
        const name = names(value)
        current = inside
        return name
      }
      current = inside
      const written = write()
      current = undefined
      return written
    },
  }
}
