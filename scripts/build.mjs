/** Builds `dist/` from the sources: `npm run build`. */
import { ensureBuild } from './prepare.mjs'

process.exitCode = ensureBuild() ? 0 : 1
