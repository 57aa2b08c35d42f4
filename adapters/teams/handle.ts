/** How a message of ours in Teams is found again: to rewrite it, and to know it when somebody presses there. */
import type { Delivered } from '../../src/model/card.ts';
import type { Place } from '../../src/model/turn.ts';

/** Tenant, thread (or nothing) and message, e.g. `<tenant> 1700000000001 1700000000002`. */
export function handle({ tenant, container }: Place, thread: string, id: string): Delivered {
  return { platform: 'teams', container, message: [tenant, thread, id].join(' ') };
}

export function parts({ message }: Delivered): { tenant: string; thread: string; id: string } {
  const [tenant = '', thread = '', id = message] = message.split(' ');
  return { tenant, thread, id };
}
