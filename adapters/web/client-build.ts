/** How Vite builds the client. Run as a program, with the folder to write: `node client-build.ts FOLDER`. */
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { build } from 'vite';
import { NONCE_PLACEHOLDER } from './pages.ts';

const outFolder = process.argv[2];
if (outFolder === undefined) throw new Error('usage: node client-build.ts FOLDER');

await build({
  root: fileURLToPath(new URL('client', import.meta.url)),
  configFile: false,
  // No environment file may ever reach a page.
  envDir: false,
  logLevel: 'error',
  plugins: [react()],
  html: { cspNonce: NONCE_PLACEHOLDER },
  build: {
    outDir: outFolder,
    // Browsers since May 2024, which know light-dark(): an older target rewrites it into what no theme switch reaches.
    target: ['chrome123', 'firefox128', 'safari17.5'],
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // One page, Mantine included: a split would cost a round trip and save nothing on loopback.
    chunkSizeWarningLimit: 1_500,
  },
});
