/** The catalogue's 1xxx rows: text that is not a spec yet. */
import type { Span } from '../../syntax/ast.ts'
import { error } from '../diagnostic.ts'

const later = 'it is planned; until then unroll a fixed number of rounds with `repeat`, or attend instead of recur'

export const syntax = {
  unexpected: error<{ expected: string; found: string; hint: string | undefined }>('MCF1001', 'unexpected', (p) => ({
    message: `expected ${p.expected}, found ${p.found}`,
    caption: `expected ${p.expected}`,
    help: p.hint === undefined ? [] : [p.hint],
  })),
  strayCharacter: error<{ text: string; hint: string | undefined }>('MCF1002', 'stray-character', (p) => ({
    message: `\`${p.text}\` is not part of the language`,
    help: p.hint === undefined ? [] : [p.hint],
  })),
  openText: error('MCF1003', 'open-text', () => ({
    message: 'this text has no closing quote',
    caption: 'the line ends before it does',
    help: ['a text begins and ends with `"` on one line'],
  })),
  badEscape: error<{ escape: string }>('MCF1004', 'bad-escape', (p) => ({
    message: `a text cannot hold \`${p.escape}\``,
    help: ['after a backslash stands one of `"`, `\\`, `n` and `t`; write `\\\\` for the backslash itself'],
  })),
  unclosedBracket: error<{ bracket: string; closer: string; by: Span | undefined }>(
    'MCF1005',
    'unclosed-bracket',
    (p) => ({
      message: `\`${p.bracket}\` is never closed`,
      caption: `no \`${p.closer}\` belongs to this`,
      labels: p.by === undefined ? [] : [{ span: p.by, text: `this cannot stand inside \`${p.bracket} ${p.closer}\`` }],
    }),
  ),
  unopenedBracket: error<{ bracket: string; opener: string }>('MCF1006', 'unopened-bracket', (p) => ({
    message: `\`${p.bracket}\` closes nothing`,
    caption: `no \`${p.opener}\` belongs to this`,
  })),
  mismatchedBracket: error<{ opener: string; closer: string; wanted: string; open: Span }>(
    'MCF1007',
    'mismatched-bracket',
    (p) => ({
      message: `\`${p.opener}\` is closed by \`${p.closer}\``,
      caption: `write \`${p.wanted}\``,
      labels: [{ span: p.open, text: 'opened here' }],
    }),
  ),
  badUnit: error<{ number: string; suffix: string; units: readonly string[] }>('MCF1008', 'bad-unit', (p) => ({
    message: `\`${p.suffix}\` is not a unit`,
    help: [
      `the units are ${p.units.map((unit) => `\`${unit}\``).join(', ')}`,
      `a product needs its sign: \`${p.number} * ${p.suffix}\``,
    ],
  })),
  hugeNumber: error<{ digits: number; exponent: number }>('MCF1009', 'huge-number', (p) => ({
    message: `this number is too long`,
    caption: `at most ${p.digits} digits, and an exponent between -${p.exponent} and ${p.exponent}`,
  })),
  tooDeep: error<{ limit: number }>('MCF1010', 'too-deep', (p) => ({
    message: `more than ${p.limit} brackets, \`if\`s and \`repeat\`s inside each other`,
    caption: 'this one is too much',
    help: ['give a name to an inner part: `part = …`'],
  })),
  tooLong: error<{ limit: number }>('MCF1011', 'too-long', (p) => ({
    message: `an expression of more than ${p.limit} operators and calls`,
    caption: 'from here it is too long',
    help: ['give names to its parts: `part = …`'],
  })),
  chainedComparison: error<{ first: string; second: string; left: string; middle: string; right: string }>(
    'MCF1012',
    'chained-comparison',
    (p) => ({
      message: `\`${p.first}\` and \`${p.second}\` cannot be chained`,
      help: [`compare twice: \`${p.left} ${p.first} ${p.middle} and ${p.middle} ${p.second} ${p.right}\``],
    }),
  ),
  pipeNeedsBrackets: error<{ operator: string; examples: readonly string[] }>(
    'MCF1013',
    'pipe-needs-brackets',
    (p) => ({
      message: `\`|>\` beside \`${p.operator}\` needs brackets`,
      caption: 'what does this take?',
      help: [`write ${p.examples.map((text) => `\`${text}\``).join(' or ')}`],
    }),
  ),
  looseOperand: error<{ word: string; operator: string; example: string }>('MCF1014', 'loose-operand', (p) => ({
    message: `\`${p.word}\` beside \`${p.operator}\` needs brackets`,
    help: [`\`${p.word}\` takes all that follows it: write \`${p.example}\``],
  })),
  onlyNamesIndexed: error<{ base: string; indices: string; merged: string | undefined }>(
    'MCF1015',
    'only-names-indexed',
    (p) => ({
      message: 'only a name can be indexed',
      caption: 'this index follows something else',
      help: [
        p.merged === undefined
          ? `bind it first: \`y = ${p.base}\`, then \`y[${p.indices}]\``
          : `write all indices in one bracket: \`${p.merged}\``,
      ],
    }),
  ),
  binderNeedsIndex: error<{ name: string; argument: string }>('MCF1016', 'binder-needs-index', (p) => ({
    message: `\`${p.name}\` must say which index it runs over`,
    caption: 'no index',
    help: [`no function takes an axis: write \`${p.name}[i](${p.argument})\` for an index \`i\` of your own`],
  })),
  reservedWord: error<{ word: string }>('MCF1017', 'reserved-word', (p) => ({
    message: `\`${p.word}\` is a word of the language and cannot be a name`,
    caption: 'reserved',
    help: [`take another name, such as \`${p.word}_1\` or \`my_${p.word}\``],
  })),
  statementGoesOn: error<{ found: string; hint: string | undefined }>('MCF1018', 'statement-goes-on', (p) => ({
    message: `the statement is complete before ${p.found}`,
    caption: 'expected the end of the line',
    help: [p.hint ?? 'an operator may be missing before this; a second statement begins on a new line or after `;`'],
  })),
  loneExpression: error<{ name: string | undefined; found: string; hint: string }>(
    'MCF1019',
    'lone-expression',
    (p) => ({
      message:
        p.name === undefined
          ? `a statement cannot begin with ${p.found}`
          : `expected \`=\` after \`${p.name}\`, found ${p.found}`,
      caption: p.name === undefined ? undefined : 'expected `=`',
      help: [p.hint],
    }),
  ),
  tensorInStatics: error<{ name: string }>('MCF1020', 'tensor-in-statics', (p) => ({
    message: `\`${p.name}\` is a tensor in the list of static parameters`,
    caption: 'a static parameter is `int`, `real` or `bool`',
    help: [
      `a block has two lists, the static one first: \`block NAME()(${p.name}: […]) -> […]\`, or \`block NAME(width: int = 3)(${p.name}: […]) -> […]\``,
    ],
  })),
  missingList: error('MCF1021', 'missing-list', () => ({
    message: 'a block has two lists of parameters, and this header has one',
    caption: 'expected a second list',
    help: ['static parameters stand first, tensors second: `block NAME(width: int = 3)(x: [t, c]) -> [t, c]`'],
  })),
  positionalAfterNamed: error<{ example: string }>('MCF1022', 'positional-after-named', (p) => ({
    message: 'an argument without a name follows one with a name',
    help: [`write \`${p.example}\` first, or name it too`],
  })),
  scanLater: error('MCF1023', 'scan-later', () => ({
    message: '`scan` is reserved, and cannot be compiled yet',
    caption: 'not in this version',
    help: [later],
  })),
  tooMany: error<{ limit: number; more: number }>('MCF1024', 'too-many-errors', (p) => ({
    message: `${p.more} more syntax errors are not shown`,
    help: [`mend the first ${p.limit}; is this a .model file?`],
  })),
}
