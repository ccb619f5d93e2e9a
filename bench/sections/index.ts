/** The sections of the benchmark, in the order of the page. */
import type { Section } from '../section.ts'
import { forms } from './forms.ts'

export const SECTIONS: readonly Section[] = [forms]
