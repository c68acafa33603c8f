/** The samples and their features, as batches that the model takes. */

/** Reads a file beside the page. Throws an Error that names it. */
export async function fetchFile(path) {
  const url = new URL(`../${path}`, import.meta.url)
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${path} does not load: the server says ${response.status} ${response.statusText}`)
  return response
}

/** `corpus.json`, with each sample's rows of each input. */
export async function loadCorpus() {
  const corpus = await (await fetchFile('demo/corpus.json')).json()
  const features = readSafetensors(await (await fetchFile('demo/corpus.safetensors')).arrayBuffer())
  const start = corpus.inputs.map(() => 0)
  for (const sample of corpus.samples)
    sample.features = corpus.inputs.map(({ name }, k) => {
      const { width, values } = features[name]
      const begin = start[k]
      start[k] += sample.rows[k] * width
      return values.subarray(begin, start[k])
    })
  return { ...corpus, widths: corpus.inputs.map(({ name }) => features[name].width) }
}

/** The f32 matrices of a safetensors file by name. */
function readSafetensors(buffer) {
  const size = Number(new DataView(buffer).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, size)))
  const matrices = {}
  for (const [name, { shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [from, to] = data_offsets
    matrices[name] = { width: shape[1], values: new Float32Array(buffer, 8 + size + from, (to - from) / 4) }
  }
  return matrices
}

/** A padded batch; its tensors are the caller's, to dispose of. */
export function makeBatch(tf, { inputs, widths, target }, samples) {
  const labels = Int32Array.from(samples, ({ label }) => label)
  const batch = { [target]: tf.tensor1d(labels, 'int32') }
  inputs.forEach(({ name, lengths }, k) => {
    const longest = Math.max(...samples.map(({ rows }) => rows[k]))
    const values = new Float32Array(samples.length * longest * widths[k])
    samples.forEach(({ features }, i) => {
      values.set(features[k], i * longest * widths[k])
    })
    batch[name] = tf.tensor3d(values, [samples.length, longest, widths[k]])
    batch[lengths] = samples.map(({ rows }) => rows[k])
  })
  return batch
}

/** A list in parts of at most `most`. */
export const cut = (list, most) =>
  Array.from({ length: Math.ceil(list.length / most) }, (_, k) => list.slice(k * most, (k + 1) * most))

/** A shuffled copy (Fisher and Yates), the same for the same seed (xorshift32). */
export function shuffled(list, seed) {
  const copy = [...list]
  let bits = (seed * 0x9e3779b9) | 1
  for (let i = copy.length - 1; i > 0; i--) {
    bits ^= bits << 13
    bits ^= bits >>> 17
    bits ^= bits << 5
    const k = (bits >>> 0) % (i + 1)
    ;[copy[i], copy[k]] = [copy[k], copy[i]]
  }
  return copy
}
