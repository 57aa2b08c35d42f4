/** `evidence REQUEST`, and `evidence verify FILE`, which needs neither server nor configuration. */
import { preimageOf } from '../approval/digest.ts';
import { findRequest } from '../approval/requests.ts';
import { evidenceCommand, evidenceVerify } from '../audit/commands.ts';
import { AppError } from '../errors.ts';
import { RequestId } from '../model/ids.ts';
import type { Json } from '../model/request.ts';
import type { Command } from './command.ts';
import { withHouse } from './open.ts';

export const evidence: Command = async (invocation) => {
  const request = RequestId.safeParse(invocation.words[0]);
  if (!request.success)
    throw new AppError('usage', 'A request is named by its whole id, as its page and its entries show it.');
  return withHouse(invocation, async ({ db, keys, sequence }) => {
    // What happened a moment ago belongs into the bundle, whether or not an assistant runs.
    await sequence();
    const preimage = async (): Promise<Record<string, Json> | null> => {
      const found = await findRequest(db, request.data);
      // Through JSON, as the digest is taken over JSON: absent and undefined are the same there.
      return found && (JSON.parse(JSON.stringify(preimageOf(found))) as Record<string, Json>);
    };
    const deps = { ...invocation.terminal, db, keys, preimageOf: preimage };
    return (await evidenceCommand(deps, { request: request.data })).exit;
  });
};

export const verify: Command = async ({ words, options, json, terminal }) => {
  const key = options.key === undefined ? {} : { key: options.key };
  return (await evidenceVerify(terminal, { file: words[0]!, ...key, json })).exit;
};
