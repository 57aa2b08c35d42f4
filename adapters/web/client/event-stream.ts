/** Reading Server-Sent Events from `fetch`: `EventSource` cannot say who is asking. (WHATWG HTML, 9.2.6) */
import type { Change } from '../../../src/model/ports.ts';

/** The changes of a stream, until it ends. Comments and heartbeats are passed over. */
export async function* changesIn(response: Response): AsyncGenerator<Change> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data: ')) yield JSON.parse(line.slice('data: '.length)) as Change;
    }
  }
}
