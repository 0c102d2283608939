// How long a job holds the thread, on a machine that does other things as well.

/**
 * Runs a job and answers `{ took, value }`, in milliseconds: the smaller of the time on the clock, which counts what other
 * programs took meanwhile, and of the processor's time, which counts helper threads of this process.
 */
export async function held(job) {
  const used = process.cpuUsage();
  const started = performance.now();
  const value = await job();
  const passed = performance.now() - started;
  const { user, system } = process.cpuUsage(used);
  return { took: Math.min(passed, (user + system) / 1000), value };
}
