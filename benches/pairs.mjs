// Prints the pairs of one workload of `npm run bench` as JSON, for scripts outside the browser: node benches/pairs.mjs b
import { makeWorkloads, workloadNames } from './browser/workloads.mjs';

const name = process.argv[2];
if (!workloadNames.includes(name)) {
  console.error(`usage: node benches/pairs.mjs ${workloadNames.join('|')}`);
  process.exit(2);
}
const workloads = await makeWorkloads();
console.log(JSON.stringify(workloads[name].pairs));
