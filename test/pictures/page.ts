/** The pages with the samples on them, as one document each that needs nothing else. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';
import { SLACK_FRAMES } from './slack.ts';
import { TEAMS_FRAMES } from './teams.ts';

const require = createRequire(import.meta.url);
const file = (name: string): string => path.join(import.meta.dirname, name);

const LOOKS = `
  * { box-sizing: border-box }
  body { margin: 0; padding: 16px; background: #eceef1; color: #1d1c1d; font: 15px/1.46 Lato, "Liberation Sans", Arial, sans-serif }
  main { max-width: 1248px; columns: 560px; column-gap: 16px }
  figure { margin: 0 0 16px; padding: 12px; background: #fff; border: 1px solid #d5d8dc; border-radius: 8px; break-inside: avoid }
  figcaption { margin: -12px -12px 12px; padding: 6px 12px; border-bottom: 1px solid #d5d8dc; background: #f7f8f9; border-radius: 8px 8px 0 0; color: #50565e; font-size: 13px }
  p { margin: 0 }
`;
/** Slack begins a line for each section of rich text, and where the text says so; the renderer sets them side by side. */
const SLACK_LOOKS = `
  .slack_blocks_to_jsx .slack_blocks_to_jsx__rich_text_section_element { display: block !important; white-space: pre-wrap }
  figure { overflow-wrap: anywhere }
  #slack_blocks_to_jsx { max-width: none !important; overflow-wrap: anywhere }
  #slack_blocks_to_jsx .slack_inline_code { white-space: pre-wrap !important; word-break: break-all }
  #slack_blocks_to_jsx [class*='__context'], #slack_blocks_to_jsx [class*='__context'] * { overflow: visible !important; min-width: 0; max-width: 100%; white-space: normal !important; word-break: break-word }
  .said { display: flex; gap: 8px } .said.reply { margin: 12px 0 0 44px }
  .face { flex: none; width: 36px; height: 36px; border-radius: 6px; background: #1f5f8b; color: #fff; font-weight: 700; line-height: 36px; text-align: center }
  .words { flex: 1; min-width: 0 } .app { padding: 0 3px; border-radius: 2px; background: #ececec; color: #616061; font-size: 10px; vertical-align: middle }
  .title { padding-bottom: 8px; font-size: 20px; font-weight: 700 } .ends { padding-top: 12px; text-align: right }
  .ends button { padding: 6px 12px; border: 1px solid #bbb; border-radius: 4px; background: #fff; font: inherit } .ends .submit { border-color: #007a5a; background: #007a5a; color: #fff }
`;
/** Breaks no word that a card does not break: not every client of Teams does. */
const TEAMS_LOOKS = `
  body { font-family: "Segoe UI", "Liberation Sans", Arial, sans-serif; font-size: 14px }
  .said + .said { margin-top: 12px } .by { margin-bottom: 4px; font-size: 12px } .ai { margin-left: 8px; padding: 1px 6px; border: 1px solid #d1d1d1; border-radius: 4px; color: #616161 }
  .ac-adaptiveCard { border: 1px solid #e0e0e0; border-radius: 4px }
  .ac-input { width: 100%; min-height: 32px; padding: 5px 8px; border: 1px solid #d1d1d1; border-bottom-color: #616161; border-radius: 4px; background: #fff; font: inherit }
  .ac-pushButton { min-height: 32px; padding: 5px 12px; border: 1px solid #d1d1d1; border-radius: 4px; background: #fff; color: #242424; font: 600 14px "Segoe UI", "Liberation Sans", sans-serif }
  .ac-pushButton.style-positive { border-color: #5b5fc7; background: #5b5fc7; color: #fff } .ac-pushButton.style-destructive { border-color: #c4314b; background: #c4314b; color: #fff }
`;

async function scriptOf(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [file(entry)],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  return outputFiles[0]!.text;
}

/** As the value of a script: no word of a sample can end it. */
const literal = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

async function pageOf(title: string, entry: string, samples: string, looks: string): Promise<string> {
  const script = (await scriptOf(entry)).replaceAll('</script', '<\\/script');
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>${LOOKS}${looks}</style><body><main></main><script>globalThis.${samples}</script><script>${script}</script></body></html>`;
}

export const PAGES = {
  slack: (): Promise<string> => {
    const css = readFileSync(require.resolve('slack-blocks-to-jsx/dist/style.css'), 'utf8');
    return pageOf('Slack', 'page-slack.tsx', `SLACK_SAMPLES = ${literal(SLACK_FRAMES)}`, css + SLACK_LOOKS);
  },
  teams: (): Promise<string> =>
    pageOf('Teams', 'page-teams.ts', `TEAMS_SAMPLES = ${literal(TEAMS_FRAMES)}`, TEAMS_LOOKS),
} as const;
export type PageName = keyof typeof PAGES;
