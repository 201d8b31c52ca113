// The command line of `npm run bench`, read once. Unknown options stop the run: a typo must not cost ten minutes.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../scripts/paths.mjs';
import { SetupError } from '../../scripts/run.mjs';
import { workloadNames } from './workloads.mjs';

export const usage = `npm run bench -- [options]
  --gpu              what a call costs on WebGPU, counted in software (SwiftShader), beside the peer
  --quick            only ours: cold start, 20 and 50 chunks of the demo, one worker
  --passes N         timed passes of every row (default 5)
  --only a,b,c16     workloads of the comparison
  --cold             only cold starts: first score and memory
  --model DIR        our model folder (default: the package's own)
  --peer-model DIR   the same weights for the peer (see benches/README.md)
  --json FILE        where the numbers go (default pkg/bench.json)
  --no-build         measure what pkg/ holds`;

export function readOptions(args) {
  const { values } = parse(args);
  const passes = Number(values.passes ?? 5);
  if (!Number.isInteger(passes) || passes < 1)
    throw new SetupError('--passes must be a whole number of at least 1');
  const only = values.only?.split(',') ?? workloadNames;
  const unknown = only.find((name) => !workloadNames.includes(name));
  if (unknown !== undefined)
    throw new SetupError(`--only knows ${workloadNames.join(', ')}, not "${unknown}"`);
  return {
    help: values.help,
    gpu: values.gpu,
    quick: values.quick,
    cold: values.cold,
    build: !values['no-build'],
    passes,
    only,
    model: values.model && path.resolve(values.model),
    peerModel: values['peer-model'] && path.resolve(values['peer-model']),
    json: path.resolve(values.json ?? path.join(root, values.gpu ? 'pkg/bench-gpu.json' : 'pkg/bench.json')),
  };
}

function parse(args) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean', default: false }];
  const options = {
    passes: text,
    only: text,
    model: text,
    'peer-model': text,
    json: text,
    gpu: flag,
    quick: flag,
    cold: flag,
    'no-build': flag,
    help: flag,
  };
  try {
    return parseArgs({ args, options });
  } catch (error) {
    throw new SetupError(`${error.message}\n${usage}`);
  }
}
