/** What a model's answer rests on, below it: our number and title, then an outside system's own words, literal. */
import type { Source } from '../../src/model/card.ts';
import { visible } from '../../src/surface/unseen.ts';
import { type Block, type Inline, link, rich, section, text } from './blocks.ts';
import { LABEL_MAX } from './limits.ts';
import { clip } from './outbound-text.ts';

/** The others are counted; the workspace shows all. */
const SHOWN_MAX = 5;
const REF_MAX = 90;
/** An address is shown as what it is or not at all: never in part, never behind words. */
const ADDRESS_MAX = 150;

export function sourcesOf(sources: readonly Source[] = []): Block[] {
  if (sources.length === 0) return [];
  const shown = sources
    .slice(0, SHOWN_MAX)
    .flatMap((source, nth): Inline[] => [
      text(`${nth === 0 ? '' : '\n'}[${nth + 1}] ${clip(visible(source.title), LABEL_MAX)}: `),
      text(clip(visible(source.ref), REF_MAX), { code: true }),
      ...addressOf(source),
    ]);
  const more = sources.length - SHOWN_MAX;
  const rest = more > 0 ? [text(`\nand ${more} more`)] : [];
  return [rich(section(text('Sources\n', { italic: true }), ...shown, ...rest))];
}

function addressOf({ url }: Source): Inline[] {
  return url === null || url.length > ADDRESS_MAX || visible(url) !== url ? [] : [text(' '), link(url, url)];
}
