/** The catalogue's rows 2xxx: names, files and variants. */
import type { Span } from '../../syntax/ast.ts'
import { error, type Label, warning } from '../diagnostic.ts'

const didYouMean = (suggestion: string | undefined): string[] => (suggestion ? [`did you mean \`${suggestion}\`?`] : [])
/** Help for a name that a file of the shipped library has. */
export const inLibrary = (library: string): string =>
  `\`${library}\` has it: write \`use "${library}"\` at the top of the file`
const first = (span: Span | undefined, text: string): Label[] => (span ? [{ span, text }] : [])

export const names = {
  unknownName: error<{ name: string; suggestion: string | undefined; what: string }>(
    'MCF2001',
    'unknown-name',
    (p) => ({
      message: `there is no ${p.what} called \`${p.name}\` here`,
      caption: 'not known',
      help: didYouMean(p.suggestion),
    }),
  ),
  duplicateName: error<{ name: string; first: Span | undefined }>('MCF2002', 'duplicate-name', (p) => ({
    message: `\`${p.name}\` is bound twice; every name is bound once`,
    caption: 'bound again here',
    labels: first(p.first, 'first bound here'),
    help: ['give one of them another name'],
  })),
  reservedName: error<{ name: string }>('MCF2003', 'reserved-name', (p) => ({
    message: `\`${p.name}\` is a reserved word and cannot be bound`,
    caption: 'reserved',
    help: ['choose another name; the reserved words are listed in docs/language.md'],
  })),
  hiddenName: error<{ name: string; first: Span | undefined }>('MCF2004', 'hidden-name', (p) => ({
    message: `the index \`${p.name}\` would hide a name that is visible here`,
    caption: 'this index',
    labels: first(p.first, 'the visible name'),
    help: ['choose another letter for the index'],
  })),
  cycle: error<{ names: readonly string[] }>('MCF2005', 'cyclic-definition', (p) => ({
    message: `\`${p.names[0]}\` is defined by itself${p.names.length > 2 ? `: ${p.names.join(' -> ')}` : ''}`,
    caption: 'needs itself',
    help: [
      'statements may stand in any order, but none may need its own value',
      'there is no recurrence over a length; `repeat n from h = x { … }` unrolls a fixed number of rounds',
    ],
  })),
  recursiveBlock: error<{ names: readonly string[] }>('MCF2006', 'recursive-block', (p) => ({
    message: `block \`${p.names[0]}\` is built of itself: ${p.names.join(' -> ')}`,
    caption: 'used inside itself',
    help: ['a block may not contain itself; `repeat n from h = x { … }` unrolls a fixed number of rounds'],
  })),
  noModel: error<{ available: readonly string[]; wanted: string | undefined }>('MCF2007', 'no-model', (p) => ({
    message: p.wanted ? `there is no model called \`${p.wanted}\` in this file` : 'this file has no model',
    help: p.available.length ? [`it has: ${p.available.join(', ')}`] : ['add `model NAME { … }`'],
  })),
  severalModels: error<{ available: readonly string[] }>('MCF2008', 'several-models', (p) => ({
    message: `this file has ${p.available.length} models`,
    help: [`say which with --model: ${p.available.join(', ')}`],
  })),
  unknownVariant: error<{ name: string; available: readonly string[]; suggestion: string | undefined }>(
    'MCF2009',
    'unknown-variant',
    (p) => ({
      message: `there is no variant "${p.name}"`,
      notes: p.available.length ? [`there are: ${p.available.map((n) => `"${n}"`).join(', ')}`] : ['the file has none'],
      help: didYouMean(p.suggestion),
    }),
  ),
  variantBase: error<{ variant: string; base: string; suggestion: string | undefined }>(
    'MCF2010',
    'variant-base',
    (p) => ({
      message: `variant "${p.variant}" is of \`${p.base}\`, which is not a model in this file`,
      caption: 'not a model',
      help: didYouMean(p.suggestion),
    }),
  ),
  editUnknown: error<{ name: string; where: string; suggestion: string | undefined }>(
    'MCF2011',
    'edit-unknown',
    (p) => ({
      message: `there is no \`${p.name}\` in ${p.where} to edit`,
      caption: 'nothing of this name',
      help: [...didYouMean(p.suggestion), 'write `new` before a declaration that the base lacks'],
    }),
  ),
  editUnused: error<{ name: string; where: string }>('MCF2012', 'edit-changes-nothing', (p) => ({
    message: `this edit changes nothing: \`${p.name}\` is not used in ${p.where}`,
    caption: 'never reached',
    help: ['to reach inside a block write its path, such as `DAB.TAB = …`'],
  })),
  editSame: error<{ name: string; base: Span }>('MCF2023', 'edit-is-the-same', (p) => ({
    message: `this edit changes nothing: \`${p.name}\` is that already`,
    caption: 'the same',
    labels: [{ span: p.base, text: 'in the base' }],
    help: ['leave the edit out'],
  })),
  editClash: error<{ name: string; first: Span; one: string; other: string }>('MCF2013', 'edit-clash', (p) => ({
    message: `variants "${p.one}" and "${p.other}" both edit \`${p.name}\``,
    caption: 'edited again here',
    labels: [{ span: p.first, text: `edited by "${p.one}" here` }],
    help: ['write a variant of its own that says which edit is meant'],
  })),
  editKind: error<{ name: string; what: string; help: string }>('MCF2014', 'edit-kind', (p) => ({
    message: `\`${p.name}\` is ${p.what}, which this edit cannot replace`,
    caption: 'this edit',
    help: [p.help],
  })),
  newExists: error<{ name: string }>('MCF2015', 'new-exists', (p) => ({
    message: `the base already has \`${p.name}\``,
    caption: 'not new',
    help: ['leave out `new` to replace it'],
  })),
  unknownHyper: error<{ name: string; suggestion: string | undefined; available: readonly string[] }>(
    'MCF2016',
    'unknown-hyper',
    (p) => ({
      message: `-D ${p.name}: the model has no hyper or labels of this name`,
      notes: p.available.length ? [`it has: ${p.available.join(', ')}`] : [],
      help: p.suggestion
        ? didYouMean(p.suggestion)
        : ['labels and constants beside the model cannot be set: declare them in it'],
    }),
  ),
  hyperValue: error<{ name: string; value: string; wants: string }>('MCF2017', 'hyper-value', (p) => ({
    message: `\`${p.name}\` cannot be ${p.value}: it takes ${p.wants}`,
    caption: 'declared here',
    help: [`give ${p.wants}`],
  })),
  misplaced: error<{ what: string; where: string }>('MCF2018', 'misplaced-statement', (p) => ({
    message: `${p.what} cannot stand in ${p.where}`,
    caption: 'not here',
  })),
  missingReturn: error<{ what: string }>('MCF2019', 'missing-return', (p) => ({
    message: `${p.what} returns nothing`,
    caption: 'no `return` in it',
    help: ['end it with `return expr`'],
  })),
  duplicateVariant: error<{ name: string; first: Span }>('MCF2020', 'duplicate-variant', (p) => ({
    message: `two variants are called "${p.name}"`,
    caption: 'again here',
    labels: [{ span: p.first, text: 'first here' }],
  })),
  unknownTarget: error<{ name: string; suggestion: string | undefined }>('MCF2021', 'predict-unknown-target', (p) => ({
    message: `\`predict ${p.name}\` names no target`,
    caption: 'no target of this name',
    help: p.suggestion ? didYouMean(p.suggestion) : [`declare it: \`target ${p.name}: [] of labels\``],
  })),
  duplicateLabel: error<{ label: string }>('MCF2022', 'duplicate-label', (p) => ({
    message: `the label "${p.label}" stands twice`,
    caption: 'these labels',
  })),
  unusedName: warning<{ name: string; where: string }>('MCF2024', 'unused-name', (p) => ({
    message: `nothing in ${p.where} uses \`${p.name}\``,
    caption: 'not used',
    help: [`leave it out, or call it \`_${p.name}\`: a name that begins with \`_\` may go unused`],
  })),
} as const
