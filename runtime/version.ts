/** The version of this package, which files and runs record. */
import manifest from '../package.json' with { type: 'json' }

export const version: string = manifest.version
