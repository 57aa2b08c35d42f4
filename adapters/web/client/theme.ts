import { createTheme, type MantineColorsTuple } from '@mantine/core';

/** Ink: the blue of a signature. Shade 6 carries white text at 7:1. */
const ink: MantineColorsTuple = [
  '#eef1ff',
  '#dce1fb',
  '#b8c1f5',
  '#93a1f0',
  '#7284ea',
  '#5267e2',
  '#3346d3',
  '#2939b4',
  '#222f93',
  '#1c2773',
];

/** Night: greys with the same blue in them as the page has. */
const dark: MantineColorsTuple = [
  '#e8eaf2',
  '#c3c9d9',
  '#a0a9bf',
  '#7d879f',
  '#3a4154',
  '#2b3040',
  '#222734',
  '#191c25',
  '#13161e',
  '#101218',
];

const SANS =
  'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif';
const MONO =
  'ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

/** Fonts of the machine only: nothing is fetched from anywhere. */
export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: 6,
  colors: { ink, dark },
  fontFamily: SANS,
  fontFamilyMonospace: MONO,
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
});
