/**
 * Makes everything that a first start would make (the pages, the bundles of actions, of the self-attack and of the
 * launcher), so that what runs afterwards writes nothing beside its own sources.
 */
import { fileURLToPath } from 'node:url';
import { CONNECTORS } from '../actions/catalogue.ts';
import { buildClient } from '../adapters/web/build-client.ts';
import { bundleLauncher, bundleOperations } from '../src/execution/sandbox/bundle.ts';
import { PROBE_MODULE } from '../src/execution/sandbox/probe.ts';

await buildClient({ outFolder: fileURLToPath(new URL('../.build/web', import.meta.url)) });
await bundleLauncher();
const bundles = await bundleOperations({
  modules: [PROBE_MODULE, ...CONNECTORS.map(({ name, module }) => ({ name, module }))],
});
for (const [name, { sha256 }] of bundles) process.stdout.write(`${sha256}  ${name}\n`);
