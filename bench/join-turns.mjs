// Makes long items of short ones: so many turns of a session in a row become one, to see how the same questions fare.

/**
 * The set with `count` turns of a session joined to one item, without speaker and session of its own; each line begins with
 * who spoke. Evidence becomes the items that hold it. `rows` of an item are the turns that went into it.
 */
export function joinTurns({ turns, questions }, count) {
  const items = [];
  const itemOf = new Map();
  for (const [row, { conv, id, session, date, speaker, text, caption }] of turns.entries()) {
    const last = items[items.length - 1];
    const fits = last && last.conv === conv && last.from === session && last.rows.length < count;
    const item = fits ? last : { conv, id: `item-${items.length}`, from: session, date, text: "", rows: [] };
    if (!fits) items.push(item);
    item.text += `${speaker}: ${caption ? `${text} [image: ${caption}]` : text}\n`;
    item.rows.push(row);
    itemOf.set(`${conv}/${id}`, item.id);
  }
  const moved = ({ conv, evidence, ...rest }) => ({ conv, ...rest, evidence: [...new Set(evidence.map((id) => itemOf.get(`${conv}/${id}`)))] });
  return { turns: items, questions: questions.map(moved) };
}

/** The mean of vectors, each brought to length 1; nothing of none. */
export function meanVector(vectors) {
  if (vectors.some((vector) => vector === undefined)) return undefined;
  const mean = new Float32Array(vectors[0].length);
  for (const vector of vectors) {
    const length = Math.hypot(...vector) || 1;
    for (const [at, component] of vector.entries()) mean[at] += component / length;
  }
  return mean;
}
