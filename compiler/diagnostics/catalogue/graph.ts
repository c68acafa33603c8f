/** The catalogue's rows 4xxx: what a whole model must be, beyond the shapes of its parts. */
import { error } from '../diagnostic.ts'

export const graph = {
  drawOutsideTraining: error('MCF4001', 'draw-outside-training', () => ({
    message: 'a random number is drawn outside training, so the model would answer differently each time',
    caption: 'drawn here',
    help: ['draw in training alone: `if training then … else x`'],
  })),
  lengthWithoutSource: error<{ name: string }>('MCF4002', 'length-without-source', (p) => ({
    message: `no input tells how long \`${p.name}\` is`,
    caption: 'its length is never given',
    help: [
      `a length is given with an input that has it as its first ragged axis, such as \`input x: [${p.name}, 40]\``,
    ],
  })),
  lengthsName: error<{ name: string; input: string }>('MCF4003', 'lengths-name', (p) => ({
    message: `\`${p.name}\` is the name of the lengths of \`${p.input}\`, which are given beside it`,
    caption: 'another name is needed',
  })),
} as const
