// node:test's `test` with a deadline: a promise that stays pending for ever must fail its test, not hang the run.
import nodeTest from 'node:test';

export function test(name, ...rest) {
  const [options, work] = rest.length === 2 ? rest : [{}, rest[0]];
  return nodeTest(name, { timeout: 60_000, ...options }, work);
}
