/**
 * ioredis has a class that extends `String`. From then on V8 keeps the methods of strings in a table to be searched, as
 * those of a prototype that is still being set up, until it has seen a few reads of an object that inherits from it.
 * Strings are no objects to V8, so that reading theirs does not end it: all over the process, no method of a string would
 * be inlined any more (docs/decisions/2026-11-30-string-methods.md).
 */

/** V8 learns from the reads of a function once it has run for a while; 15 were enough. */
const READS = 1_000

/** Has V8 see an object that inherits the methods of strings, after which it does not do so again. */
export function keepStringMethodsFast(): void {
  const text: { readonly at?: unknown } = Object('')
  for (let read = 0; read < READS; read += 1)
    if (text.at === undefined) throw new Error('strings have lost a method')
}
