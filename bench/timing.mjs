// What every measurement of times needs. Runs in Node and in a page.

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);

/** The number that `share` of the numbers do not exceed. */
export const quantile = (numbers, share) => sorted(numbers)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))];

/** The middle one of the numbers. */
export const median = (numbers) => quantile(numbers, 0.5);

/** What a job takes, in milliseconds. */
export async function clock(job) {
  const started = performance.now();
  await job();
  return performance.now() - started;
}
