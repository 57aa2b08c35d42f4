/**
 * What a model's answer rests on: lines of the card, and Teams' citations, whose numbers stand in a text of ours beside the
 * card. learn.microsoft.com/microsoftteams/platform/bots/how-to/bot-messages-ai-generated-content: at most 20, titles of 80
 * characters, abstracts of 160.
 */
import type { Source } from '../../src/model/card.ts';
import { visible } from '../../src/surface/unseen.ts';
import { type Element, line, link, nextLine, text } from './elements.ts';
import { harmless } from './harmless.ts';
import { LABEL_MAX } from './limits.ts';
import { clip, oneLine } from './outbound-text.ts';

export type Claim = {
  '@type': 'Claim';
  position: number;
  appearance: { '@type': 'DigitalDocument'; name: string; abstract: string; url?: string };
};

/** The others are counted; the workspace shows all. */
const SHOWN_MAX = 8;
const NAME_MAX = 80;
const ABSTRACT_MAX = 160;
const REF_MAX = 90;
/** An address is shown as what it is or not at all: never in part, never behind words. */
const ADDRESS_MAX = 150;

export function sourceLines(sources: readonly Source[] = []): Element[] {
  if (sources.length === 0) return [];
  const style = { size: 'Small' } as const;
  const lines = sources.slice(0, SHOWN_MAX).map(({ title, ref, url }, nth) => {
    const name = text(`[${nth + 1}] ${oneLine(visible(title), LABEL_MAX)}: `, style);
    const what = text(oneLine(visible(ref), REF_MAX), { ...style, fontType: 'Monospace' });
    const isWhole = url !== null && url.length <= ADDRESS_MAX && visible(url) === url;
    return nextLine(name, what, isWhole ? [...text(' '), ...link(url, url)] : []);
  });
  const more = sources.length - SHOWN_MAX;
  const rest = more > 0 ? [nextLine(text(`and ${more} more`, style))] : [];
  return [line(text('Sources', { ...style, italic: true })), ...lines, ...rest];
}

/** `text` holds the numbers that open each citation, and nothing else. */
export function citationsOf(sources: readonly Source[] = []): { text: string; claims: Claim[] } | null {
  if (sources.length === 0) return null;
  const claims = sources.slice(0, SHOWN_MAX).map(({ title, ref, url }, nth): Claim => {
    const name = clip(harmless(title), NAME_MAX);
    const abstract = clip(harmless(ref), ABSTRACT_MAX);
    const address = url === null ? {} : { url };
    return {
      '@type': 'Claim',
      position: nth + 1,
      appearance: { '@type': 'DigitalDocument', name, abstract, ...address },
    };
  });
  return { text: `Sources: ${claims.map(({ position }) => `[${position}]`).join(' ')}`, claims };
}
