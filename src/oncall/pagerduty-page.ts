/** One page of PagerDuty's on-calls, from bytes to a shape. */
import { z } from 'zod';

/** Far above a page of a hundred entries without their details. */
const PAGE_MAX_BYTES = 1_048_576;

const Moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const Reference = z.object({ id: z.string() });

const Page = z.object({
  oncalls: z.array(
    z.object({
      user: Reference,
      schedule: Reference.nullable(),
      escalation_level: z.int(),
      /** Null: always on call. */
      start: Moment.nullable(),
      /** Null: does not go off call. */
      end: Moment.nullable(),
    }),
  ),
  more: z.boolean(),
});
export type Entry = z.output<typeof Page>['oncalls'][number];

/** @throws where it is too long, no JSON, or of another shape. */
export async function readPage(response: Response): Promise<{ entries: Entry[]; more: boolean }> {
  const { oncalls, more } = Page.parse(JSON.parse(await textWithin(response)));
  return { entries: oncalls, more };
}

async function textWithin(response: Response): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let [text, bytes] = ['', 0];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > PAGE_MAX_BYTES) throw new Error(`a page of more than ${PAGE_MAX_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
