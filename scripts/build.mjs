/** Builds `dist/` from the sources: `npm run build`. */
import { ensureBuild, ensureDependencies } from './prepare.mjs'

ensureDependencies()
process.exitCode = ensureBuild() ? 0 : 1
