/**
 * A board as the action's test needs one: two teams, notes in memory, on this machine only. Stands for the real system. Run it by itself
 * (`node FILE`) to try the action from the workspace.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export type Note = { text: string; by: string; mark: string };

/** Where it listens when it runs by itself. */
const PORT = 4711;

/** Port 0: any that is free. */
export async function startBoard(port = 0) {
  const notes = new Map<string, Note[]>([
    ['web', []],
    ['data', []],
  ]);
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const [, , team = '', what, mark] = (request.url ?? '').split('/');
    const board = notes.get(team);
    if (board === undefined) return answer(404, { message: 'no such team' });
    if (request.method === 'POST' && what === 'notes') {
      board.push(JSON.parse(await text(request)) as Note);
      return answer(201, { count: board.length });
    }
    if (request.method === 'DELETE' && what === 'notes') {
      const left = board.filter((note) => note.mark !== mark);
      notes.set(team, left);
      return answer(200, { count: left.length });
    }
    if (what === undefined) return answer(200, { team });
    if (what === 'notes') return answer(200, { notes: board });
    const found = board.find((note) => note.mark === mark);
    return found ? answer(200, found) : answer(404, { message: 'no such note' });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    notes: (team: string): readonly Note[] => notes.get(team) ?? [],
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

if (import.meta.main) {
  const { url } = await startBoard(PORT);
  console.log(`The board listens on ${url}; its notes of web: ${url}/teams/web/notes. Ctrl-C ends it.`);
}
