/** Applies variants to a model: the statements that result, and the blocks that are replaced. */

import type { FileScope } from '../check/context.ts'
import { names } from '../diagnostics/catalogue/names.ts'
import { type Diagnostic, diagnose } from '../diagnostics/diagnostic.ts'
import { suggest } from '../diagnostics/suggest.ts'
import type { Bind, Expr, Ident, Model, SetEdit, Span, Statement, Variant } from '../syntax/ast.ts'
import { printAst } from '../syntax/print.ts'

/** A block name that an edit replaces: the way to it from the model, `DAB`, `TAB`, and what stands there instead. */
export interface BlockEdit {
  readonly path: readonly string[]
  readonly value: Expr
  readonly variant: string
  readonly span: Span
  /** Where the edit was written. */
  readonly file: string
}

export interface EditedModel {
  readonly statements: readonly Statement[]
  readonly blocks: readonly BlockEdit[]
  readonly diagnostics: readonly Diagnostic[]
}

/** A name that no spec can spell, for a part of a tuple that an edit replaced. */
export const hiddenName = (name: string): string => `${name}'`
/** The name as it was written. */
export const spokenName = (name: string): string => name.replace(/'+$/, '')

/** The names that a statement binds, in the space that all statements share. */
export const boundNames = (statement: Statement): readonly Ident[] => {
  switch (statement.kind) {
    case 'bind':
      return statement.names
    case 'equation':
    case 'input':
    case 'target':
    case 'hyper':
    case 'labels':
    case 'param':
    case 'state':
      return [statement.name]
    case 'seq':
      return statement.names.map((item) => item.name)
    default:
      return []
  }
}

/** The statements of `model` after the edits of `variants`, in order. Two that edit one name clash. */
export function applyVariants(model: Model, variants: readonly Variant[], scope: FileScope, file: string): EditedModel {
  const diagnostics: Diagnostic[] = []
  let statements = [...model.body]
  const blocks: BlockEdit[] = []
  const editedBy = new Map<string, { variant: string; span: Span }>()

  const claim = (name: string, variant: Variant, span: Span): boolean => {
    const before = editedBy.get(name)
    if (!before) {
      editedBy.set(name, { variant: variant.name.value, span })
      return true
    }
    if (before.variant === variant.name.value)
      diagnostics.push(diagnose(names.duplicateName, span, { name, first: before.span }))
    else
      diagnostics.push(
        diagnose(names.editClash, span, { name, first: before.span, one: before.variant, other: variant.name.value }),
      )
    return false
  }
  const candidates = (): string[] => [
    ...statements.flatMap(boundNames).map((ident) => ident.name),
    ...scope.items.keys(),
  ]
  const unknown = (ident: Ident): void => {
    const name = ident.name
    const where = `\`${model.name.name}\``
    diagnostics.push(diagnose(names.editUnknown, ident.span, { name, where, suggestion: suggest(name, candidates()) }))
  }

  const same = (a: Expr, b: Expr): boolean => JSON.stringify(printAst(a)) === JSON.stringify(printAst(b))
  const unchanged = ({ name }: Ident, base: Span, span: Span): void => {
    diagnostics.push(diagnose(names.editSame, span, { name, base }))
  }

  /** Takes a bound name out of the model; its new binding follows. */
  const remove = (ident: Ident): boolean => {
    const at = statements.findIndex((statement) => boundNames(statement).some((bound) => bound.name === ident.name))
    const statement = statements[at]
    if (!statement) return false
    if (statement.kind === 'bind' && statement.names.length > 1) {
      const renamed = statement.names.map((bound) =>
        bound.name === ident.name ? { ...bound, name: hiddenName(bound.name) } : bound,
      )
      statements[at] = { ...statement, names: renamed }
    } else statements.splice(at, 1)
    return true
  }

  const set = (variant: Variant, edit: SetEdit): void => {
    const [target] = edit.targets
    if (!target?.[0]) return
    const [head] = target
    const label = target.map((ident) => ident.name).join('.')
    if (edit.tuple || edit.targets.length > 1) {
      const idents = edit.targets.map((path) => path[0] as Ident)
      if (!idents.every((ident) => claim(ident.name, variant, edit.span))) return
      const missing = idents.find((ident) => !remove(ident))
      if (missing) {
        unknown(missing)
        return
      }
      statements.push({ kind: 'bind', doc: '', names: idents, tuple: true, value: edit.value, span: edit.span })
      return
    }
    if (!claim(label, variant, edit.span)) return
    if (target.length > 1) {
      // Only the first name must be visible here; the others are looked up where they stand.
      if (scope.items.get(head.name)?.item.kind !== 'block') {
        unknown(head)
        return
      }
      blocks.push({
        path: target.map((ident) => ident.name),
        value: edit.value,
        variant: variant.name.value,
        span: edit.span,
        file,
      })
      return
    }
    const at = statements.findIndex((statement) => boundNames(statement).some((bound) => bound.name === head.name))
    const statement = statements[at]
    if (!statement) {
      if (scope.items.get(head.name)?.item.kind !== 'block') {
        unknown(head)
        return
      }
      blocks.push({ path: [head.name], value: edit.value, variant: variant.name.value, span: edit.span, file })
      return
    }
    switch (statement.kind) {
      case 'hyper':
        if (same(statement.default, edit.value)) unchanged(head, statement.default.span, edit.span)
        statements[at] = { ...statement, default: edit.value }
        return
      case 'bind':
      case 'equation':
      case 'input': {
        if (statement.kind === 'bind' && !statement.tuple && same(statement.value, edit.value))
          unchanged(head, statement.value.span, edit.span)
        const bind: Bind = { kind: 'bind', doc: '', names: [head], tuple: false, value: edit.value, span: edit.span }
        remove(head)
        statements.splice(at, 0, bind)
        return
      }
      default:
        diagnostics.push(
          diagnose(names.editKind, edit.span, {
            name: head.name,
            what: `a \`${statement.kind}\``,
            help:
              statement.kind === 'labels'
                ? `write \`labels ${head.name} = […]\``
                : 'only bindings, inputs, hypers, labels and blocks are edited',
          }),
        )
    }
  }

  for (const variant of variants) {
    for (const edit of variant.edits) {
      switch (edit.kind) {
        case 'setEdit':
          set(variant, edit)
          break
        case 'labels': {
          const at = statements.findIndex(
            (statement) => statement.kind === 'labels' && statement.name.name === edit.name.name,
          )
          if (!claim(edit.name.name, variant, edit.span)) break
          if (at < 0) unknown(edit.name)
          else statements[at] = edit
          break
        }
        case 'newEdit': {
          const taken = boundNames(edit.statement).find((ident) =>
            statements.some((statement) => boundNames(statement).some((bound) => bound.name === ident.name)),
          )
          if (taken) diagnostics.push(diagnose(names.newExists, taken.span, { name: taken.name }))
          else statements.push(edit.statement)
          break
        }
        case 'dropEdit': {
          if (!claim(`${edit.what} ${edit.name.name}`, variant, edit.span)) break
          const kept = statements.filter(
            (statement) => !(statement.kind === edit.what && statement.name.name === edit.name.name),
          )
          if (kept.length === statements.length) {
            const there = statements.flatMap((statement) => (statement.kind === edit.what ? [statement.name.name] : []))
            diagnostics.push(
              diagnose(names.editUnknown, edit.name.span, {
                name: `${edit.what} ${edit.name.name}`,
                where: `\`${model.name.name}\``,
                suggestion: suggest(edit.name.name, there),
              }),
            )
          }
          statements = kept
          break
        }
      }
    }
  }
  return { statements, blocks, diagnostics }
}
