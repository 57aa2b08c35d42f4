/** The samples as Teams would be sent them: what the page draws, and nothing else. */
import { adaptiveCard } from '../../adapters/teams/elements.ts';
import { contentOf, renderMessage } from '../../adapters/teams/render-message.ts';
import { ASKING, SAMPLES, type Sample } from './samples.ts';

/** A text, or an Adaptive Card as JSON. */
export type TeamsPart = { text: string } | { card: object };
export type TeamsFrame = { caption: string; byModel: boolean; parts: TeamsPart[] };

function frame({ caption, message }: Sample): TeamsFrame {
  const rendered = renderMessage(message)!;
  const content = contentOf(message, rendered, { full: true, personal: true });
  const first = 'card' in content ? { card: content.card } : { text: content.text };
  const rest = rendered.rest.map(({ body }) => ({ card: adaptiveCard(body) }));
  return { caption, byModel: content.byModel, parts: [first, ...rest] };
}

export const TEAMS_FRAMES: readonly TeamsFrame[] = [...SAMPLES, ASKING].map(frame);
