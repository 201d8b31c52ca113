// Helpers in the test page for the GPU: counts and faults of workers made by `createGpuWorker`.

/** Posts to the workers; gives the first `wanted` answers. */
function ask(name, message, wanted) {
  const channel = new BroadcastChannel(name);
  return new Promise((resolve) => {
    const answers = [];
    channel.onmessage = ({ data }) => {
      answers.push(data);
      if (answers.length < wanted) return;
      channel.close();
      resolve(answers);
    };
    channel.postMessage(message);
  });
}

/** What all `alive` workers together asked of the GPU since the last `gpuReset`. */
export async function gpuCounts(alive) {
  const sum = {};
  for (const { counts } of await ask('gpu-count', 'read', alive)) {
    for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
  }
  return sum;
}

export const gpuReset = (alive) => ask('gpu-count', 'reset', alive);

/** Sets the fault of the one worker with a device; gives how many kernels it has. */
export async function gpuFault(fault) {
  const [{ kernels }] = await ask('gpu-fault', fault, 1);
  return kernels;
}
