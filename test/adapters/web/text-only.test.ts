/** What people, models and outside systems wrote is text in our pages: no way to write markup may exist in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const CLIENT = join(import.meta.dirname, '../../../adapters/web/client');

/** Ways into the page that are not text, and ways out to other hosts. */
const FORBIDDEN = [
  /dangerouslySetInnerHTML/,
  /\.(inner|outer)HTML\b/,
  /insertAdjacentHTML|createContextualFragment|DOMParser|document\.write/,
  /\beval\(|new Function\(/,
  /srcDoc|<iframe|<object|<embed|<script src="http/,
  /["'`(]https?:\/\//,
  /url\((?!["']?data:)/,
  /@import/,
];
const forbiddenIn = (source: string) => FORBIDDEN.filter((pattern) => pattern.test(source)).map(String);

const files = readdirSync(CLIENT, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(tsx?|css|html)$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name));

describe('the client', () => {
  it('is all here', () => {
    expect(files.length).toBeGreaterThan(30);
  });

  it.each(files.map((file) => [file.slice(CLIENT.length + 1), file]))(
    '%s writes text only',
    (_name, file) => {
      expect(forbiddenIn(readFileSync(file, 'utf8'))).toEqual([]);
    },
  );

  it.each([
    '<p dangerouslySetInnerHTML={{ __html: text }} />',
    'box.innerHTML = text',
    "fetch('https://cdn.example/x.js')",
    '@font-face { src: url(/font.woff2) }',
    '@import "x.css"',
  ])('would not be allowed to hold %s', (planted) => {
    expect(forbiddenIn(planted)).not.toEqual([]);
  });
});
