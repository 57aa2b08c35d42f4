/**
 * Hostile action code for the tests: tries every way out by Node and by bare system calls, and says for each
 * `open` or why not. Bundled and run like an action; not part of the product.
 */
import type { Operation } from '../../../src/action.ts';
import { byCall } from './attacker-calls.ts';
import { use } from './attacker-use.ts';
import { type AttackInput, BY_NODE } from './attacker-ways.ts';

async function attack(input: Record<string, unknown>): ReturnType<Operation['run']> {
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', () => undefined);
  const given = input as AttackInput;
  const results: Record<string, string> = {};
  for (const [name, attempt] of Object.entries(BY_NODE)) {
    try {
      await attempt(given);
      results[name] = 'open';
    } catch (error) {
      results[name] = (error as NodeJS.ErrnoException).code ?? 'refused';
    }
  }
  Object.assign(results, await byCall(given.parentPid));
  return { kind: 'done', result: { code: 'attacked', message: '', data: { results } } };
}

const never = (): Promise<never> => Promise.reject(new Error('Only run.'));
const operation = (run: Operation['run']): Operation => ({
  egress: [],
  writes: 0,
  idempotency: 'natural',
  preview: never,
  run,
  reconcile: never,
  follow: never,
});

export const operations = { attack: operation(attack), use: operation(use) };
