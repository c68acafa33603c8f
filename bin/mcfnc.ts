/** The command line: what each command takes. The commands themselves are loaded when they are called. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { version } from '../runtime/version.ts'
import { exitCodes, guard } from './failure.ts'

/** `name=value`, collected; a later value of the same name wins. */
function override(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  const name = text.slice(0, at).trim()
  if (at < 0 || !/^[A-Za-z_]\w*$/.test(name))
    throw new InvalidArgumentError('write it as name=value, such as -D alpha=0.2')
  return { ...before, [name]: text.slice(at + 1).trim() }
}

const collect = (text: string, before: readonly string[]): string[] => [...before, text]

function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isSafeInteger(value) || value < least || text.trim() === '')
      throw new InvalidArgumentError(`it must be a whole number${least > 0 ? ` from ${least} on` : ', not negative'}`)
    return value
  }
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('it must be a number above 0')
  return value
}

function notNegative(text: string): number {
  const value = Number(text)
  if (!(value >= 0) || !Number.isFinite(value) || text.trim() === '')
    throw new InvalidArgumentError('it must be a number, 0 or more')
  return value
}

function session(text: string): number | 'all' {
  return text === 'all' ? text : whole(0)(text)
}

/** `frames=300`, collected. */
function length(text: string, before: Record<string, number>): Record<string, number> {
  const [name = '', value = ''] = text.split('=')
  if (!/^[A-Za-z_]\w*$/.test(name))
    throw new InvalidArgumentError('write it as name=number, such as --length frames=300')
  return { ...before, [name]: whole(1)(value) }
}

/** An option that starts from `none` and may be given again; help does not print the start as JSON. */
const again = <T>(flags: string, text: string, parse: (text: string, before: T) => T, none: T): Option =>
  new Option(flags, `${text}; may be given again`).argParser(parse).default(none, 'none')

const settings = (): Option =>
  again('-D <name=value>', 'set a hyper-parameter or labels, as -D alpha=0.2 or -D emotions=joy,anger', override, {})
const lengths = (what: string): Option =>
  again('--length <name=n>', `${what} at this length, such as --length frames=300`, length, {}).default({}, '100 each')

/** What every command that reads a spec takes. */
function spec(command: Command): Command {
  return command
    .argument('<file>', 'the spec, a .model file')
    .option('--model <name>', 'the model, where the file has several')
    .addOption(again('--variant <name>', 'apply a variant, on top of those before it', collect, []))
    .addOption(settings())
}

const program = new Command('mcfnc')
  .description('Compiles, trains and runs multimodal networks that are written as `.model` specs.')
  .version(version, '-V, --version')
  .exitOverride()
  .showHelpAfterError('(mcfnc help shows the commands, mcfnc help <command> what it takes)')

spec(program.command('check').description('say what is wrong with a spec, or nothing'))
  .option('--json', 'print the diagnostics as a JSON array')
  .addOption(
    new Option('--emit <stage>', 'print what the compiler makes of it').choices(['ast', 'types', 'ir', 'train-ir']),
  )
  .addOption(again('--print-after <pass>', 'print the graph after a pass', collect, []))
  .option('--verify-ir', 'check the graph after every pass')
  .action((file, options) => guard('check', async () => (await import('./commands/check.ts')).check(file, options)))

spec(program.command('build').description('compile a spec to an ONNX file, or to a module for TensorFlow.js'))
  .usage('<file> --target <target> [options]')
  .addOption(
    new Option('--target <target>', 'onnx: the model; onnx-train: one training step; tfjs: a module that does both')
      .choices(['onnx', 'onnx-train', 'tfjs'])
      .makeOptionMandatory(),
  )
  .option('-o, --output <path>', 'the file, or the folder of a module (default: the model’s name in this folder)')
  .option('--weights <file>', 'weights to put into it, as safetensors (default: those that training starts from)')
  .option('--opset <n>', 'the version of ONNX’s operators, 13 to 21 (default: 17)', whole(1))
  .option('--seed <n>', 'seeds the start weights', whole(0), 0)
  .addOption(
    new Option('--optimiser <name>', 'the optimiser of a training step')
      .choices(['adam', 'adamw', 'sgd'])
      .default('adam'),
  )
  .option('--demo', 'put a page beside a module that trains it in a browser, on a synthetic corpus')
  .addOption(lengths('tell a module’s memory'))
  .option('--batch <n>', 'tell a module’s memory for a batch of this size', whole(1), 32)
  .option('--no-verify', 'do not compare the file with the reference in ONNX Runtime')
  .action((file, options, command: Command) => {
    const given = Object.keys(options).filter((name) => command.getOptionValueSource(name) === 'cli')
    return guard('build', async () => (await import('./commands/build.ts')).build(file, { ...options, given }))
  })

spec(program.command('train').description('train a model on a manifest, into a folder'))
  .usage('<file> --data <manifest.jsonl> --out <folder> [options]')
  .requiredOption('--data <manifest.jsonl>', 'the samples, one JSON object a line')
  .option('--vectors <file>', 'word vectors in the format of GloVe, for models that take text')
  .option('--test-session <n|all>', 'the session to hold out; all: each in turn, into a folder each', session)
  .option('--folds <n>', 'cross-validate on n parts instead, by speaker where they are known', whole(2))
  .requiredOption('--out <folder>', 'the run’s folder; it must be empty or not there, unless with --resume')
  .option('--resume', 'go on with the run in the folder, started with the same options')
  .option('--recipe <file.json>', 'the training recipe; the options below go before it')
  .option('--epochs <n>', 'the most epochs', whole(1))
  .option('--seed <n>', 'seeds weights, order, noise and the validation split', whole(0))
  .option('--lr <rate>', 'the learning rate', positive)
  .option('--batch-size <n>', 'the most samples in a batch', whole(1))
  .option('--weight-decay <x>', 'the weight decay', notNegative)
  .addOption(new Option('--optimiser <name>', 'the optimiser').choices(['adam', 'adamw', 'sgd']))
  .option('--patience <n>', 'epochs without a better validation score before stopping', whole(1))
  .addOption(new Option('--engine <name>', 'what computes').choices(['onnxruntime', 'tfjs']).default('onnxruntime'))
  .option(
    '--backend <name>',
    'onnxruntime’s: cpu, webgpu, cuda; tfjs’s: tensorflow, webgpu, wasm, cpu, or auto, the best that there is (default: cpu; auto with tfjs)',
  )
  .option('--threads <n>', 'threads to compute with (default: physical cores, at most 8)', whole(1))
  .action((file, options) => guard('train', async () => (await import('./commands/train.ts')).train(file, options)))

program
  .command('eval')
  .description('score a trained model on a manifest')
  .argument('<model>', 'the model, an .onnx file')
  .usage('<model> --data <manifest.jsonl> [options]')
  .requiredOption('--data <manifest.jsonl>', 'the samples, one JSON object a line')
  .option('--vectors <file>', 'word vectors in the format of GloVe, for models that take text')
  .option('--session <n>', 'only the samples of this session', whole(0))
  .option('--threads <n>', 'threads to compute with (default: physical cores, at most 8)', whole(1))
  .option('--json', 'print the scores as JSON')
  .action((model, options) => guard('eval', async () => (await import('./commands/eval.ts')).evaluate(model, options)))

program
  .command('predict')
  .description('apply a trained model to one recording and its text')
  .argument('<model>', 'the model, an .onnx file')
  .option('--audio <file.wav>', 'the recording')
  .option('--text <text>', 'what is said in it')
  .option('--vectors <file>', 'word vectors in the format of GloVe, for models that take text')
  .option('--threads <n>', 'threads to compute with (default: physical cores, at most 8)', whole(1))
  .option('--json', 'print the probabilities as JSON')
  .action((model, options) =>
    guard('predict', async () => (await import('./commands/predict.ts')).predict(model, options)),
  )

spec(program.command('summary').description('list a model’s blocks: shapes, parameters, arithmetic'))
  .addOption(lengths('count'))
  .option('--batch <n>', 'count for a batch of this size', whole(1), 1)
  .option('--json', 'print it as JSON')
  .action((file, options) =>
    guard('summary', async () => (await import('./commands/summary.ts')).summary(file, options)),
  )

program
  .command('variants')
  .description('list a spec’s variants, and how each changes parameters, arithmetic and inputs')
  .argument('<file>', 'the spec, a .model file')
  .option('--model <name>', 'the model, where the file has several')
  .addOption(settings())
  .addOption(lengths('count'))
  .option('--json', 'print it as JSON')
  .action((file, options) =>
    guard('variants', async () => (await import('./commands/variants.ts')).variants(file, options)),
  )

program
  .command('quickstart')
  .description('try every step on a synthetic corpus, in a minute or so')
  .option('--out <folder>', 'where to put corpus and run', 'runs/quickstart')
  .option('--epochs <n>', 'epochs to train', whole(1), 12)
  .action((options) => guard('quickstart', async () => (await import('./commands/quickstart.ts')).quickstart(options)))

spec(program.command('bench').description('measure a training step in each engine, its memory, and the compiler'))
  .option('--batch <n>', 'samples in the batch', whole(1), 32)
  .option('--frames <n>', 'frames a sample', whole(1), 300)
  .option('--words <n>', 'words a sample', whole(1), 32)
  .option('--steps <n>', 'steps of varying lengths, to watch the memory', whole(8), 200)
  .option('--threads <n>', 'threads to compute with (default: physical cores, at most 8)', whole(1))
  .option('--products', 'list the matrix products')
  .option('--json', 'print it as JSON')
  .addOption(new Option('--probe <name>', 'measure one engine in this process').hideHelp())
  .action((file, options) => guard('bench', async () => (await import('./commands/bench.ts')).bench(file, options)))

program
  .command('doctor')
  .description('list the engines and backends of this machine, and how to get what is missing')
  .option('--json', 'print it as JSON')
  .addOption(new Option('--probe <name>', 'try one of them in this process').hideHelp())
  .action((options) => guard('doctor', async () => (await import('./commands/doctor.ts')).doctor(options)))

// `mcfnc … | head` closes the pipe early; that is no fault.
process.stdout.on('error', (failure: NodeJS.ErrnoException) => {
  if (failure.code !== 'EPIPE') throw failure
  process.exit()
})

// Commander throws where a call is wrong or only help was wanted; it has printed what there is to say.
try {
  await program.parseAsync()
} catch (failure) {
  const isHelp = failure instanceof Error && 'exitCode' in failure && failure.exitCode === 0
  process.exitCode = isHelp ? exitCodes.fine : exitCodes.usage
}
