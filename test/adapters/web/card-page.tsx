/** The workspace's own card on a page of nothing else, for a browser: `showCard(card)` draws it with all of its values opened. */
import { MantineProvider } from '@mantine/core';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import type { Api } from '../../../adapters/web/client/api.ts';
import { RequestCard } from '../../../adapters/web/client/card/card.tsx';
import { LiveProvider } from '../../../adapters/web/client/live.tsx';
import type { Card } from '../../../src/model/card.ts';

export type Shown = { text: string; links: string[]; elements: string[] };

declare global {
  var showCard: (card: Card) => Shown;
}

/** A server that never answers: what is drawn is the card as it was given. */
const silent = { read: () => new Promise(() => {}), changes: () => new Promise(() => {}) } as unknown as Api;
const page = createRoot(document.querySelector('main')!);

globalThis.showCard = (card) => {
  flushSync(() =>
    page.render(
      <MantineProvider>
        <LiveProvider api={silent}>
          <RequestCard key={card.request} card={card} />
        </LiveProvider>
      </MantineProvider>,
    ),
  );
  for (const more of document.querySelectorAll<HTMLElement>('button[aria-expanded="false"]'))
    flushSync(() => more.click());
  const drawn = document.querySelector('article')!;
  return {
    text: drawn.textContent,
    links: [...drawn.querySelectorAll('a')].map((link) => link.href),
    elements: [...new Set([...drawn.querySelectorAll('*')].map(({ localName }) => localName))],
  };
};
