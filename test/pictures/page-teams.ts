/** Draws the frames of `teams.ts` in a browser: Adaptive Cards by Microsoft's own renderer, what surrounds them by us. */
import * as AdaptiveCards from 'adaptivecards';
import type { TeamsFrame, TeamsPart } from './teams.ts';
import { HOST } from './teams-host.ts';

declare global {
  var TEAMS_SAMPLES: readonly TeamsFrame[];
}

function element(name: string, className: string, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

function drawn(part: TeamsPart): HTMLElement {
  if ('text' in part) return element('p', 'text', part.text);
  const card = new AdaptiveCards.AdaptiveCard();
  card.hostConfig = new AdaptiveCards.HostConfig(HOST);
  const context = new AdaptiveCards.SerializationContext();
  card.parse(part.card, context);
  for (let index = 0; index < context.eventCount; index += 1) {
    // What Microsoft's parser finds wrong with a card must fail the test that looks at this page.
    console.error(context.getEventAt(index).message);
  }
  return card.render()!;
}

for (const { caption, byModel, parts } of globalThis.TEAMS_SAMPLES) {
  const label = byModel ? [element('span', 'ai', 'AI generated')] : [];
  const messages = parts.map((part) =>
    element('div', 'said', element('p', 'by', element('b', '', 'Countersign'), ...label), drawn(part)),
  );
  document
    .querySelector('main')!
    .append(element('figure', '', element('figcaption', '', caption), ...messages));
}
document.body.dataset.drawn = 'true';
