/** What a worker answers, unless it is too busy or gone: one worker must not hold up what concerns all. */

/** @returns undefined when there is no answer within `timeoutMs`, or a failure. */
export async function inTime<Answer>(
  answer: Promise<Answer>,
  timeoutMs: number,
): Promise<Answer | undefined> {
  const timeout = Promise.withResolvers<undefined>()
  const timer = setTimeout(timeout.resolve, timeoutMs, undefined)
  try {
    return await Promise.race([answer.catch(() => undefined), timeout.promise])
  } finally {
    clearTimeout(timer)
  }
}
