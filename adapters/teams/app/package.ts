/**
 * `npm run teams:package`: writes dist/countersign-teams.zip. Its arguments come from the environment by way of
 * package.json: `--app-id "$MicrosoftAppId" --public-url "$PUBLIC_URL"`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { AppError } from '../../../src/errors.ts';
import { buildPackage, EXAMPLE, NO_APP } from './build.ts';

const FOLDER = 'dist';
const FILE = `${FOLDER}/countersign-teams.zip`;

function main(): void {
  const { values } = parseArgs({
    options: { 'app-id': { type: 'string', default: '' }, 'public-url': { type: 'string', default: '' } },
  });
  const appId = values['app-id'] || NO_APP;
  const publicUrl = values['public-url'] || null;
  const { archive } = buildPackage({ appId, publicUrl });
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(FILE, archive);
  if (appId === NO_APP) {
    process.stderr.write(
      'MicrosoftAppId is not set: this package carries the zero id and is not for upload.\n',
    );
  }
  if (publicUrl === null) {
    process.stderr.write(
      `PUBLIC_URL is not set: this package sends people to ${EXAMPLE} and is not for upload.\n`,
    );
  }
  process.stdout.write(`${FILE}\n`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  process.stderr.write(`countersign: ${error.message}\n`);
  process.exitCode = error.exit;
}
