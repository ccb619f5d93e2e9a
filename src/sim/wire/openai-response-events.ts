/** The events of one Responses stream, numbered in order. */
import { cutText } from '../tokens.ts'
import { frame } from './wire.ts'
import type { Block, Plan, TextBlock, ThinkingBlock, ToolBlock } from '../plan.ts'
import type { Frame } from './wire.ts'

/** The objects that events carry whole. */
export interface ResponseObjects {
  responseObject(plan: Plan, status: 'in_progress' | 'completed' | 'incomplete'): string
  item(plan: Plan, block: Block, index: number): string
}

export class ResponseEvents {
  readonly #plan: Plan
  readonly #objects: ResponseObjects
  #sequence = 0
  /** Events that go out with the next content. */
  #held = ''

  constructor(plan: Plan, objects: ResponseObjects) {
    this.#plan = plan
    this.#objects = objects
  }

  *frames(): Generator<Frame> {
    const started = `"response":${this.#objects.responseObject(this.#plan, 'in_progress')}`
    const opening = this.#event('response.created', started) + this.#event('response.in_progress', started)
    yield frame('opening', opening)
    let index = 0
    for (const block of this.#plan.blocks) {
      yield* this.#block(block, index)
      const done = `"output_index":${index},"item":${this.#objects.item(this.#plan, block, index)}`
      this.#held += this.#event('response.output_item.done', done)
      index += 1
    }
    yield frame('closing', this.#held)
    const status = this.#plan.stop === 'length' ? 'incomplete' : 'completed'
    const ended = `"response":${this.#objects.responseObject(this.#plan, status)}`
    yield frame('last', this.#event(`response.${status}`, ended))
  }

  #block(block: Block, index: number): Iterable<Frame> {
    switch (block.kind) {
      case 'text':
        return this.#text(block, index)
      case 'thinking':
        return this.#reasoning(block, index)
      case 'tool':
        return this.#tool(block, index)
    }
  }

  *#text(block: TextBlock, index: number): Generator<Frame> {
    const itemId = `msg_${this.#plan.id}_${index}`
    const place = `"item_id":"${itemId}","output_index":${index},"content_index":0`
    const part = (text: string): string =>
      `{"type":"output_text","annotations":[],"logprobs":[],"text":${JSON.stringify(text)}}`
    const empty = `{"id":"${itemId}","type":"message","status":"in_progress","role":"assistant","content":[]}`
    this.#hold('response.output_item.added', `"output_index":${index},"item":${empty}`)
    this.#hold('response.content_part.added', `${place},"part":${part('')}`)
    for (const piece of cutText(block.text, block.pieces, block.bytesBefore)) {
      const delta = `${place},"delta":${JSON.stringify(piece.text)},"logprobs":[]`
      yield this.#content('response.output_text.delta', delta, piece.tokens, 0)
    }
    this.#hold('response.output_text.done', `${place},"text":${JSON.stringify(block.text)},"logprobs":[]`)
    this.#hold('response.content_part.done', `${place},"part":${part(block.text)}`)
  }

  *#reasoning(block: ThinkingBlock, index: number): Generator<Frame> {
    const itemId = `rs_${this.#plan.id}_${index}`
    const empty = `"output_index":${index},"item":{"id":"${itemId}","type":"reasoning","summary":[]}`
    if (!block.shown) {
      yield this.#content('response.output_item.added', empty, 0, block.tokens)
      return
    }
    const place = `"item_id":"${itemId}","output_index":${index},"summary_index":0`
    const part = (text: string): string => `{"type":"summary_text","text":${JSON.stringify(text)}}`
    this.#hold('response.output_item.added', empty)
    this.#hold('response.reasoning_summary_part.added', `${place},"part":${part('')}`)
    for (const piece of cutText(block.text, block.pieces, 0)) {
      const delta = `${place},"delta":${JSON.stringify(piece.text)}`
      yield this.#content('response.reasoning_summary_text.delta', delta, 0, piece.tokens)
    }
    this.#hold('response.reasoning_summary_text.done', `${place},"text":${JSON.stringify(block.text)}`)
    this.#hold('response.reasoning_summary_part.done', `${place},"part":${part(block.text)}`)
  }

  *#tool(block: ToolBlock, index: number): Generator<Frame> {
    const itemId = `${block.custom ? 'ctc' : 'fc'}_${this.#plan.id}_${index}`
    const place = `"item_id":"${itemId}","output_index":${index}`
    const family = block.custom ? 'response.custom_tool_call_input' : 'response.function_call_arguments'
    const member = block.custom ? 'input' : 'arguments'
    const type = block.custom ? 'custom_tool_call' : 'function_call'
    const name = JSON.stringify(block.name)
    const empty = `{"id":"${itemId}","type":"${type}","status":"in_progress","call_id":"call_${block.toolCallId}","name":${name},"${member}":""}`
    this.#hold('response.output_item.added', `"output_index":${index},"item":${empty}`)
    for (const piece of cutText(block.text, block.pieces, block.bytesBefore)) {
      yield this.#content(
        `${family}.delta`,
        `${place},"delta":${JSON.stringify(piece.text)}`,
        piece.tokens,
        0,
      )
    }
    this.#hold(`${family}.done`, `${place},"name":${name},"${member}":${JSON.stringify(block.text)}`)
  }

  #hold(type: string, members: string): void {
    this.#held += this.#event(type, members)
  }

  #content(type: string, members: string, outputTokens: number, reasoningTokens: number): Frame {
    const text = this.#held + this.#event(type, members)
    this.#held = ''
    return frame('content', text, outputTokens, reasoningTokens)
  }

  #event(type: string, members: string): string {
    const sequence = this.#sequence
    this.#sequence += 1
    return `event: ${type}\ndata: {"type":"${type}","sequence_number":${sequence},${members}}\n\n`
  }
}
