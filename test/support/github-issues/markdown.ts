/** How GitHub shows Markdown, by a parser of GitHub Flavored Markdown: literally in code, and elsewhere with what a name or a number does. */
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';

const CODE = /<(code)(?: [^>]*)?>([\s\S]*?)<\/\1>/g;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&' };

const plain = (html: string): string =>
  html.replace(/&(lt|gt|quot|amp);/g, (_whole, name: string) => ENTITIES[name] ?? '');

/** Text outside code: people and teams are told, issues linked, images loaded, comments not shown. */
const acted = (html: string): string =>
  html
    .replace(/<!--[\s\S]*?(?:-->|$)/g, '')
    .replace(/<img\b[^>]*>/g, '<loaded>')
    .replace(/@[a-z0-9][a-z0-9/-]*/gi, '<told $&>')
    .replace(/(?:\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?) )?(?:\bGH-|#)[0-9]+/gi, '<linked $&>')
    .replace(/<\/?(?:p|pre|br)(?: [^>]*)?>/g, '');

/** As a reader sees it; what it does stands in angle brackets: `<told @team>`, `<linked Fixes #1>`, `<loaded>`. */
export function seen(markdown: string): string {
  const html = micromark(markdown, {
    extensions: [gfm()],
    htmlExtensions: [gfmHtml()],
    allowDangerousHtml: true,
    allowDangerousProtocol: true,
  });
  let text = '';
  let from = 0;
  for (const found of html.matchAll(CODE)) {
    text += acted(html.slice(from, found.index)) + plain(found[2] ?? '');
    from = found.index + found[0].length;
  }
  return (text + acted(html.slice(from))).trim();
}
