/** Mistakes in the configuration, collected so that all of them are told at once. */
export class Problems {
  readonly sentences: string[] = [];

  /** `key` has this value, and `cure` says what is wrong with it and what to do. */
  add(key: string, value: unknown, cure: string): void {
    this.sentences.push(`${key} is ${show(value)}: ${cure}`);
  }

  missing(key: string, cure: string): void {
    this.sentences.push(`${key} is missing: ${cure}`);
  }
}

function show(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length <= 80 ? text : `${text.slice(0, 76)} …`;
}

/** The one of `known` that the word was most likely meant to be; none when nothing is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const near = known
    .map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.candidate;
}

/** "did you mean …?" with the list of what is known. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  const list = known.length > 0 ? `known: ${known.join(", ")}` : "none is known";
  return near === undefined ? list : `did you mean ${near}? (${list})`;
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
