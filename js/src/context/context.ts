/**
 * A context that has been fitted: what is in it, what is not, and every form it can be written in.
 */

import { forms, messagesOf } from "./render.js";
import type { Candidate } from "./draft.js";
import type { Chosen, Fitted } from "./fit.js";
import type { ContextFormat, ContextMessage, ContextPiece, OmittedPiece } from "./types.js";

/**
 * Memories chosen for a prompt. Made by {@link ContextBuilder.fit}.
 *
 * @example
 * const context = await memory.context("Which units should I use?").fit({ maxTokens: 500 });
 * console.log(context.text, context.tokens);
 * for (const { cite, id } of context.pieces) console.log(`[${cite}] is ${id}`);
 */
export class Context {
  /** The question it was made for. */
  readonly question: string;
  /** What it was fitted as. Written otherwise it may have more tokens. */
  readonly format: ContextFormat;
  /** Tokens of the whole in its format, counted as it was asked for; at most `maxTokens` less `reserve`. */
  readonly tokens: number;
  readonly maxTokens: number;
  /** In the order in which they are written: pinned, summaries, recalled with what stands beside it, recent; by time in each. */
  readonly pieces: readonly ContextPiece[];
  /** What was considered and left out. */
  readonly omitted: readonly OmittedPiece[];
  readonly #chosen: readonly Chosen[];

  /** @internal */
  constructor(question: string, format: ContextFormat, maxTokens: number, { chosen, tokens, omitted }: Fitted) {
    this.question = question;
    this.format = format;
    this.maxTokens = maxTokens;
    this.tokens = tokens;
    this.omitted = omitted;
    this.#chosen = chosen;
    this.pieces = chosen.map(pieceOf);
  }

  /** The context as it was fitted: of messages their contents, separated by an empty line. Empty if nothing fits. */
  get text(): string {
    return this.#as(this.format);
  }

  /** As lines of text: each memory begins with its number and who said it, and its further lines are indented. */
  asText(): string {
    return this.#as("text");
  }

  /** As XML: an element for each memory. */
  asXml(): string {
    return this.#as("xml");
  }

  /** As JSON: an object with a list of memories, each on a line. */
  asJson(): string {
    return this.#as("json");
  }

  /**
   * As chat messages: what does not depend on the question as one of the system, so that prompt caches hold it, and what
   * was found for the question as one of the user. None if nothing fits.
   *
   * @example
   * const context = await memory.context("When is the demo?").fit({ maxTokens: 800, format: "messages" });
   * const messages = [...context.asMessages(), { role: "user", content: "When is the demo?" }];
   */
  asMessages(): ContextMessage[] {
    return messagesOf(this.#chosen);
  }

  /** Its text as one message of the system. */
  asSystemMessage(): ContextMessage {
    return { role: "system", content: this.text };
  }

  /** What it is made of, for logs: without the records and the reasons of scores. */
  toJSON(): Record<string, unknown> {
    const { question, format, tokens, maxTokens, omitted } = this;
    const pieces = this.pieces.map(({ record: { actor, occurredAt }, why: _why, ...piece }) => ({ ...piece, ...(actor !== undefined && { actor }), occurredAt }));
    return { question, format, tokens, maxTokens, pieces, omitted };
  }

  #as(format: ContextFormat): string {
    return forms[format].whole(this.#chosen).join("\n\n");
  }
}

function pieceOf({ cite, draft: { candidate, section, text, cut }, tokens }: Chosen): ContextPiece {
  const { record, rank, score, why } = candidate;
  return {
    ...{ cite, id: record.id, section, text, cut, tokens, because: reasonOf(candidate) },
    ...(rank !== undefined && { rank }),
    ...(score !== undefined && { score }),
    ...(why !== undefined && { why }),
    record,
  };
}

/** The first reason, and what the searches say. */
function reasonOf({ section, beside, why }: Candidate): string {
  const first = { pinned: "pinned", summaries: "a summary", recent: "among the latest", recalled: "recalled", related: `beside ${beside}` }[section];
  return why === undefined ? first : `${first}: ${why.summary}`;
}
