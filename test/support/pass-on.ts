/** A call that a proxy of the tests hands on to the system behind it. */
import http from 'node:http';

/** `heard`: what is done with its answer, by itself handed back; where there is none, the caller is cut off. */
export function passOn(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  target: string,
  heard: (answer: http.IncomingMessage) => void = (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
  },
): void {
  const { method = 'GET', headers } = request;
  const onward = http.request(new URL(request.url ?? '/', target), { method, headers }, heard);
  onward.on('error', () => request.socket.destroy());
  request.pipe(onward);
}
