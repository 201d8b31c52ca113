// One tab at a time for one file: two tabs that load a model at once download each of its files once, because the
// second one finds in the cache what the first one has put there. Where there are no Web Locks, nobody waits.

/** Runs `work` while no other tab of this origin runs work of the same name. An abort ends the wait. */
export async function alone<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  if (locks === undefined) return await work();
  let begun = false;
  try {
    return await locks.request(`crossrank-file ${name}`, { signal }, () => {
      begun = true;
      return work();
    });
  } catch (error) {
    // Not given: aborted, which `work` reports in its own words, or refused on this origin.
    if (begun) throw error;
    return await work();
  }
}
