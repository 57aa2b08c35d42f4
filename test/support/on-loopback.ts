/** HTTP servers of tests: on loopback, at a free port. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

type Listener = (request: http.IncomingMessage, response: http.ServerResponse) => unknown;

export async function onLoopback(listener: Listener) {
  const server = http.createServer(async (request, response) => {
    try {
      await listener(request, response);
    } catch (error) {
      if (request.complete) throw error;
      // Whoever asked went away in the middle of it: there is nobody to answer.
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    baseUrl: `http://127.0.0.1:${port}`,
    dropConnections: (): void => server.closeAllConnections(),
    /** Resolves once nobody is connected any more. */
    stop: (): Promise<void> =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

/** The body that a request brings, as text. */
export async function textOf(request: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

/** The same for JSON, where no body is no field. */
export async function fieldsOf(request: http.IncomingMessage): Promise<Record<string, unknown>> {
  const text = await textOf(request);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}
