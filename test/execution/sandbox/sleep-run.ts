/** Starts one run that never ends, and says when it sleeps; the tests then kill this program. Arguments: level, folder. */
import { fileURLToPath } from 'node:url';
import { type Bundle, bundleOperations } from '../../../src/execution/sandbox/bundle.ts';
import { createSandbox } from '../../../src/execution/sandbox/sandbox.ts';
import { IsolationLevel } from '../../../src/model/request.ts';

const outFolder = process.argv[3] ?? '';
const module = fileURLToPath(new URL('./attacker.ts', import.meta.url));
const bundles = await bundleOperations({ modules: [{ name: 'attacker', module }], outFolder });
const sandbox = await createSandbox({ level: IsolationLevel.parse(process.argv[2]), outFolder });
await sandbox.run({
  bundle: bundles.get('attacker') as Bundle,
  job: {
    call: 'run',
    operation: 'use',
    input: { what: 'sleep' },
    settings: null,
    pinned: {},
    mark: '',
    requester: '',
    idempotencyKey: '',
  },
  door: () => undefined,
  onProgress: () => process.stdout.write('asleep\n'),
});
