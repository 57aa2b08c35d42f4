/** What parent and child say to each other: one call in on stdin, lines of JSON out on stdout. */
import type { Json } from '../../model/request.ts';

export type CallName = 'preview' | 'run' | 'reconcile' | 'follow';

/**
 * One call of one operation. `input` is the digested arguments, or for `follow` the handle. `describe` asks an action from
 * elsewhere what it says of itself; nothing else stands in its call.
 */
export type Call = {
  call: CallName | 'describe';
  operation: string;
  input: Record<string, Json>;
  settings: Json;
  pinned: Record<string, string>;
  mark: string;
  requester: string;
  idempotencyKey: string;
};

/** What the child may print, one a line; the last two end it. */
export type Line =
  | { progress: string }
  | { value: Json }
  | { error: { code: 'threw' | 'out_of_memory'; message: string } };
