/** The outside system that crashing executors act upon: it counts every effect, and can kill whoever calls it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { onLoopback } from '../../support/on-loopback.ts';

/** When an executor is killed by what it called: the write has arrived and nothing is done; or all is done but the answer. */
export type Moment = 'outside: write arrived' | 'outside: write done, not answered';

export async function startOutside(slots: number) {
  /** By `path mark`: how often it really happened. */
  const effects = new Map<string, number>();
  /** Answers by key and address, as a system that enforces keys keeps them. */
  const answered = new Set<string>();
  let die: (slot: number, moment: Moment) => boolean = () => false;

  function act(slot: number, request: IncomingMessage, response: ServerResponse): void {
    const [, path = '', mark = ''] = (request.url ?? '').split('/');
    const effect = `${path} ${mark}`;
    if (request.method === 'GET') {
      response.writeHead(effects.has(effect) ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    if (die(slot, 'outside: write arrived')) return void request.destroy();
    const key = `${request.headers['idempotency-key']} ${request.url}`;
    const isReplayed = (path === 'keyed' || path === 'second') && answered.has(key);
    answered.add(key);
    const isRepeated = isReplayed || (path === 'natural' && effects.has(effect));
    if (!isRepeated) effects.set(effect, (effects.get(effect) ?? 0) + 1);
    if (die(slot, 'outside: write done, not answered')) return void request.destroy();
    response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
  }

  const servers = await Promise.all(
    Array.from({ length: slots }, (_, slot) =>
      onLoopback((request, response) => {
        request.resume().on('end', () => act(slot, request, response));
      }),
    ),
  );
  return {
    effects,
    portOf: (slot: number): number => servers[slot]!.port,
    /** Asked at both moments of each write; true where it has killed the caller. */
    onMoment(ask: typeof die): void {
      die = ask;
    },
    stop: () => Promise.all(servers.map((server) => server.stop())),
  };
}
