/** What whoever edits a message is told: it counts as it was taken in. */
import { requestsOfTurn } from './approval/requests.ts';
import type { StoredTurn } from './intake/turns.ts';
import type { TurnId } from './model/ids.ts';
import type { Sql } from './store/database.ts';

const AS_WRITTEN =
  'You edited a message that I had taken in already. What you asked for with it stands as it was first written; the new wording changes nothing.';

/** `edited`: the turn that the message was made of. */
export async function editedInWords(sql: Sql, { place }: StoredTurn, edited: TurnId): Promise<string> {
  const waits = (await requestsOfTurn(sql, edited)).some(
    ({ state, effect }) => state === 'pending' && effect === 'write',
  );
  const anew = `send the new wording as a new message${place.direct ? '' : ' that mentions me'}`;
  return waits
    ? `${AS_WRITTEN} Press Edit on the card that waits, or ${anew}.`
    : `${AS_WRITTEN} Please ${anew}.`;
}
