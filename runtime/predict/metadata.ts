/** What a model file says of itself in `metadata_props`: enough to use it without its spec. */
import type { Signature } from '../../compiler/artefact.ts'
import * as messages from '../../compiler/diagnostics/catalogue/commands.ts'
import { DiagnosticError, diagnose } from '../../compiler/diagnostics/diagnostic.ts'
import { type Dim, formatDim, parseDim } from '../../compiler/shapes/dim.ts'

/** How the features that a model was trained on were made; all undefined in a model that was only built. */
export interface FeatureSettings {
  /** Settings of the acoustic features, as the front end reports them. */
  readonly audio?: Readonly<Record<string, string | number>>
  /** SHA-256 of the feature model that computed them, as ONNX. */
  readonly audio_sha256?: string
  readonly text?: { readonly width: number; readonly vectors: string; readonly sha256: string }
}

/** A model's card: its signature and its features. */
export interface ModelCard {
  readonly signature: Signature
  readonly features: FeatureSettings
}

/** Grows when what is written can no longer be read by an older version. */
const format = '1'

/** The entries of `metadata_props`. The signature is JSON, its dims being text; the rest are for people. */
export function describeModel({ signature, features }: ModelCard): Record<string, string> {
  const portable = JSON.stringify(signature, (key, value: unknown) =>
    key === 'dims' && Array.isArray(value) ? value.map((dim: Dim) => formatDim(dim)) : value,
  )
  return {
    'mcfnc.format': format,
    'mcfnc.model': [signature.model, ...signature.variants].join(' + '),
    'mcfnc.spec_sha256': signature.specHash,
    'mcfnc.signature': portable,
    'mcfnc.hypers': JSON.stringify(signature.hypers),
    'mcfnc.features': JSON.stringify(features),
    ...Object.fromEntries(
      signature.targets.flatMap(({ name, classes }) =>
        classes ? [[`mcfnc.classes.${name}`, JSON.stringify(classes)]] : [],
      ),
    ),
  }
}

/** Reads what `describeModel` wrote. Throws a DiagnosticError where a file lacks it. */
export function readModelCard(metadata: Readonly<Record<string, string>>, file: string): ModelCard {
  const { 'mcfnc.format': found, 'mcfnc.signature': signature, 'mcfnc.features': features } = metadata
  if (found === undefined || signature === undefined || features === undefined)
    throw new DiagnosticError([diagnose(messages.notOurModel, undefined, { file })])
  if (found !== format)
    throw new DiagnosticError([diagnose(messages.modelFormat, undefined, { file, found, known: format })])
  return {
    signature: JSON.parse(signature, (key, value: unknown) =>
      key === 'dims' && Array.isArray(value) ? value.map((text: string) => parseDim(text)) : value,
    ) as Signature,
    features: JSON.parse(features) as FeatureSettings,
  }
}
