/**
 * What is done to stored text before it is put into a prompt, whatever the prompt is written as: nothing in it may be
 * hidden from people, or be taken by a chat template for its own marks. Escaping for a format is its writer's.
 */

/** Line breaks of all sorts. */
const breaks = /\r\n|[\r\v\f\u0085\u2028\u2029]/g;

/** Controls but tab and line feed, noncharacters, and halves of characters. */
const broken = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f]|\p{Noncharacter_Code_Point}/gu;
const halves = /\p{Surrogate}/gu;

/**
 * Runs of what is not drawn: zero-width characters, marks of direction, tags, selectors of variants, fillers, and the
 * marks of annotations. Text can be hidden in them, or shown in another order than it is read.
 */
const unseen = /[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]+/gu;

/** What scripts and emoji need of them: one selector of style, and one joiner. */
const needed = /^[\ufe0e\ufe0f]?[\u200c\u200d]?$/;

/** How marks of chat templates begin, such as <|im_end|>. */
const mark = "<|";

/** The text as it may be shown: what cannot be seen is taken out, and chat marks are broken up. */
export function clean(text: string): string {
  const whole = text.replace(breaks, "\n").replace(halves, "\ufffd").replace(broken, "");
  const seen = whole.replace(unseen, (run) => (needed.test(run) ? run : ""));
  return seen.replaceAll(mark, "< |").trim();
}

/** A name as it may be shown: in one line. */
export function cleanName(name: string): string {
  return clean(name).replace(/\s+/g, " ");
}
